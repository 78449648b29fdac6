// cd, pwd, help, quit.
#include "arguments.hpp"
#include "command.hpp"
#include "session.hpp"

#include "benchfs/base/path.hpp"

#include <cstdio>

namespace benchfs::cli {
namespace {

task<int> enter(session& s, file_system& fs, std::string shown) {
    const auto p = path::parse(s.resolve(shown));
    if (!p) { co_return s.failed("cd", shown, p.error()); }
    const std::string absolute(p->str());
    const auto a = co_await fs.stat(absolute);
    if (!a) { co_return s.failed("cd", shown, a.error()); }
    if (!a->is_directory()) { co_return s.failed("cd", shown, errc::not_a_directory); }
    s.change_directory(absolute);
    co_return exit_ok;
}

int cd(session& s, const command& self, const std::vector<std::string>& words) {
    std::string shown = "/";
    arguments a(self);
    a.word("directory", shown, "the new working directory [/]", false);
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return enter(s, fs, shown); });
}

int pwd(session& s, const command& self, const std::vector<std::string>& words) {
    arguments a(self);
    if (const auto code = a.parse(words)) { return *code; }
    std::puts(s.directory().c_str());
    return exit_ok;
}

int help(session& s, const command& self, const std::vector<std::string>& words) {
    std::string name;
    arguments a(self);
    a.word("command", name, "which one; without it all are listed", false);
    if (const auto code = a.parse(words)) { return *code; }
    if (!name.empty()) { return run_command(s, {name, "--help"}); }
    constexpr std::string_view groups[] = {"look", "change", "copy", "cluster", "health", "shell"};
    for (const std::string_view group : groups) {
        std::printf("%.*s:\n", static_cast<int>(group.size()), group.data());
        for (const command& c : all_commands()) {
            if (c.group != group) { continue; }
            std::printf("  %-10.*s%.*s\n", static_cast<int>(c.name.size()), c.name.data(),
                        static_cast<int>(c.summary.size()), c.summary.data());
        }
    }
    std::puts("help COMMAND says what a command takes, with an example.");
    return exit_ok;
}

int quit(session& s, const command& self, const std::vector<std::string>& words) {
    arguments a(self);
    if (const auto code = a.parse(words)) { return *code; }
    s.quit = true;
    return exit_ok;
}

} // namespace

std::span<const command> shell_commands() {
    static const command all[] = {
        {"cd", "change the working directory", "cd /run", "shell", cd},
        {"pwd", "print the working directory", "pwd", "shell", pwd, false},
        {"help", "list the commands, or explain one", "help put", "shell", help, false},
        {"quit", "leave the shell (so does Ctrl-D)", "quit", "shell", quit, false},
        {"exit", "leave the shell", "exit", "shell", quit, false},
    };
    return all;
}

} // namespace benchfs::cli
