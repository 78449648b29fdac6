#include "front_end.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/base/types.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace benchfs::front {

/// One option on the command line: what was written there, if anything.
struct options_on_command_line::given {
    std::string name;
    std::string text;
    bool flag = false;
    CLI::Option* option = nullptr;
};

options_on_command_line::options_on_command_line(CLI::App& app, option_set& set) : set_(set) {
    app.add_option("--config", config_file_, "JSON file with the same keys; the command line wins over it")
        ->type_name("FILE");
    for (const option_info& info : set.options()) {
        auto one = std::make_unique<given>();
        one->name = info.name;
        std::string dashed = "--" + info.name;
        std::replace(dashed.begin(), dashed.end(), '_', '-');
        std::string help = info.help;
        const std::string preset = set.value_of(info.name);
        if (info.kind == option_kind::flag) {
            one->option = app.add_flag(dashed, one->flag, help);
        } else {
            if (!preset.empty()) { help += " [" + preset + "]"; }
            one->option = app.add_option(dashed, one->text, help);
            if (info.kind == option_kind::bytes) { one->option->type_name("BYTES"); }
            if (info.kind == option_kind::time) { one->option->type_name("TIME"); }
            if (info.kind == option_kind::count) { one->option->type_name("N"); }
        }
        given_.push_back(std::move(one));
    }
}

options_on_command_line::~options_on_command_line() = default;

status options_on_command_line::apply(std::string& why) {
    if (!config_file_.empty()) {
        BFS_TRY(const std::string text, read_text_file(config_file_, why));
        BFS_CHECK(set_.apply_json(text, config_file_, why));
    }
    for (const auto& one : given_) {
        if (one->option->count() == 0) { continue; }
        const std::string value =
            one->option->get_expected_min() == 0 ? (one->flag ? "true" : "false") : one->text;
        BFS_CHECK(set_.set(one->name, value, why));
    }
    return {};
}

status set_up_logging(const std::string& chosen, const char* otherwise, std::string& why) {
    std::string from = "log_level";
    std::string text = chosen;
    if (text.empty()) {
        const char* environment = std::getenv("BENCHFS_LOG");
        from = "BENCHFS_LOG";
        text = environment != nullptr && *environment != '\0' ? environment : otherwise;
    }
    const result<log_level> level = parse_log_level(text);
    if (!level) {
        why = from + ": \"" + text + "\" is none of trace, debug, info, warn, error, off";
        return level.error();
    }
    set_log_level(*level);
    return {};
}

result<std::string> read_text_file(const std::string& path, std::string& why) {
    std::ifstream file(path, std::ios::binary);
    std::string text;
    if (file) {
        text.resize(1 * MiB);
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(file.gcount()));
    }
    if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
        const int error = errno == 0 ? EIO : errno;
        why = path + ": cannot be read: " + std::strerror(error);
        return from_errno(error);
    }
    return text;
}

} // namespace benchfs::front
