// What a command is, and the table of all of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::cli {

class session;
struct command;

// The program's exit codes, which scripts rely on.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;        // something was refused or is wrong; standard error says what
inline constexpr int exit_usage = 2;         // the words of the command
inline constexpr int exit_no_server = 3;     // no cluster there, or a server does not answer
inline constexpr int exit_interrupted = 130; // Ctrl-C

struct command {
    std::string_view name;
    std::string_view summary; // one line
    std::string_view example; // a whole command line
    std::string_view group;   // for the list of commands
    /// `words` are those behind the name. Gives the exit code; what went wrong is on standard error.
    int (*run)(session& s, const command& self, const std::vector<std::string>& words);
    bool completes_paths = true; // words are paths of the file system
};

[[nodiscard]] std::span<const command> all_commands();
/// nullptr if there is none of that name.
[[nodiscard]] const command* find_command(std::string_view name);
/// The command whose name is nearest to a wrong one; empty if none is near.
[[nodiscard]] std::string_view nearest_command(std::string_view wrong);
/// Runs one command line that was split into words already.
[[nodiscard]] int run_command(session& s, const std::vector<std::string>& words);
/// Splits a line as a shell does: blanks, quotes, backslashes. False with a text in `why` for an open quote.
[[nodiscard]] bool split_words(std::string_view line, std::vector<std::string>& words, std::string& why);

// The groups, one file each.
[[nodiscard]] std::span<const command> list_commands();
[[nodiscard]] std::span<const command> show_commands();
[[nodiscard]] std::span<const command> change_commands();
[[nodiscard]] std::span<const command> copy_commands();
[[nodiscard]] std::span<const command> find_commands();
[[nodiscard]] std::span<const command> cluster_commands();
[[nodiscard]] std::span<const command> stats_commands();
[[nodiscard]] std::span<const command> fsck_commands();
[[nodiscard]] std::span<const command> bench_commands();
[[nodiscard]] std::span<const command> trace_commands();
[[nodiscard]] std::span<const command> health_commands();
[[nodiscard]] std::span<const command> shell_commands();

} // namespace benchfs::cli
