// The words behind a command: what it takes, read with CLI11 and without its headers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace benchfs::cli {

struct command;
class session;

/// Use: construct, declare what the command takes, parse(). The variables outlive parse() and hold the
/// defaults.
class arguments {
public:
    explicit arguments(const command& of);
    ~arguments();
    arguments(const arguments&) = delete;
    arguments& operator=(const arguments&) = delete;

    /// `names` as CLI11 has them: "-l,--long".
    arguments& flag(const std::string& names, bool& target, const std::string& help);
    arguments& option(const std::string& names, std::string& target, const std::string& help,
                      const std::string& value_name);
    arguments& number(const std::string& names, std::uint64_t& target, const std::string& help);
    /// "10", "4MiB", "1G".
    arguments& bytes(const std::string& names, std::uint64_t& target, const std::string& help);
    arguments& word(const std::string& name, std::string& target, const std::string& help,
                    bool required = true);
    /// All remaining words; none only if not required.
    arguments& words(const std::string& name, std::vector<std::string>& target, const std::string& help,
                     bool required = true);

    /// Nothing: go on. Else the exit code: 0 after help was printed, 2 after bad usage was reported.
    [[nodiscard]] std::optional<int> parse(const std::vector<std::string>& given);

private:
    struct parser;
    std::unique_ptr<parser> parser_;
};

} // namespace benchfs::cli
