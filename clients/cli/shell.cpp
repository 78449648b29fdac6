#include "shell.hpp"

#include "line_editor.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace benchfs::cli {
namespace {

/// Splits and runs a line; an empty one is exit_ok.
[[nodiscard]] int run_line(session& s, std::string_view line) {
    std::vector<std::string> words;
    std::string why;
    if (!split_words(line, words, why)) {
        std::fprintf(stderr, "benchfs-cli: %s\n", why.c_str());
        return exit_usage;
    }
    return words.empty() ? exit_ok : run_command(s, words);
}

[[nodiscard]] std::string history_file() {
    const char* const home = std::getenv("HOME");
    return home == nullptr || *home == '\0' ? std::string() : std::string(home) + "/.benchfs_history";
}

} // namespace

int run_shell(session& s) {
    if (!s.mount()) { return exit_no_server; }
    std::printf("benchfs, %u %s. help lists the commands; the tabulator key completes them and paths.\n",
                s.fs().servers(), s.fs().servers() == 1 ? "server" : "servers");
    line_editor editor([&s](std::string_view text) { return complete(s, text); }, history_file());
    int code = exit_ok;
    while (!s.quit) {
        const std::optional<std::string> line = editor.read("benchfs:" + s.directory() + "> ");
        if (!line) {
            std::puts("");
            break;
        }
        code = run_line(s, *line);
    }
    return code;
}

int run_script(session& s) {
    std::string line;
    while (!s.quit && std::getline(std::cin, line)) {
        if (const int code = run_line(s, line); code != exit_ok) { return code; }
    }
    return exit_ok;
}

} // namespace benchfs::cli
