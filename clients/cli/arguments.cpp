#include "arguments.hpp"

#include "benchfs/base/units.hpp"
#include "command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <string>
#include <system_error>

namespace benchfs::cli {

struct arguments::parser {
    explicit parser(const command& of)
        : app(std::string(of.summary), std::string(of.name)), name(of.name), example(of.example) {
        app.set_help_flag("--help", "what the command does and takes");
        app.footer("Example:\n  " + example);
    }
    CLI::App app;
    std::string name;
    std::string example;
};

arguments::arguments(const command& of) : parser_(std::make_unique<parser>(of)) {}
arguments::~arguments() = default;

arguments& arguments::flag(const std::string& names, bool& target, const std::string& help) {
    parser_->app.add_flag(names, target, help);
    return *this;
}

arguments& arguments::option(const std::string& names, std::string& target, const std::string& help,
                             const std::string& value_name) {
    parser_->app.add_option(names, target, help)->type_name(value_name);
    return *this;
}

arguments& arguments::number(const std::string& names, std::uint64_t& target, const std::string& help) {
    // By ourselves: CLI11 takes "-1" for the largest number.
    const auto take = [&target](const CLI::results_t& given) {
        const std::string& text = given.back();
        const char* const end = text.data() + text.size();
        const auto [stop, wrong] = std::from_chars(text.data(), end, target);
        return wrong == std::errc{} && stop == end;
    };
    parser_->app.add_option(names, take, help)->type_name("N");
    return *this;
}

arguments& arguments::bytes(const std::string& names, std::uint64_t& target, const std::string& help) {
    const auto take = [&target](const CLI::results_t& given) {
        const result<std::uint64_t> size = parse_bytes(given.back());
        if (size) { target = *size; }
        return size.has_value();
    };
    parser_->app.add_option(names, take, help)->type_name("BYTES");
    return *this;
}

arguments& arguments::word(const std::string& name, std::string& target, const std::string& help,
                           bool required) {
    parser_->app.add_option(name, target, help)->type_name("")->required(required);
    return *this;
}

arguments& arguments::words(const std::string& name, std::vector<std::string>& target, const std::string& help,
                            bool required) {
    parser_->app.add_option(name, target, help)->type_name("")->required(required);
    return *this;
}

std::optional<int> arguments::parse(const std::vector<std::string>& given) {
    try {
        std::vector<std::string> backwards(given.rbegin(), given.rend()); // as CLI11 wants them
        parser_->app.parse(std::move(backwards));
    } catch (const CLI::CallForHelp&) {
        std::fputs(parser_->app.help().c_str(), stdout);
        return exit_ok;
    } catch (const CLI::ParseError& wrong) {
        std::fprintf(stderr, "benchfs-cli: %s: %s\nTry: %s\nor: help %s\n", parser_->name.c_str(), wrong.what(),
                     parser_->example.c_str(), parser_->name.c_str());
        return exit_usage;
    }
    return std::nullopt;
}

} // namespace benchfs::cli
