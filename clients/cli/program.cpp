#include "program.hpp"

#include "command.hpp"
#include "front_end.hpp"
#include "session.hpp"
#include "shell.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace benchfs::cli {

namespace {

constexpr const char* about =
    "benchfs-cli [--registry-dir DIR | --embedded DIR] [OPTIONS] [COMMAND ARGS...]: the shell of benchfs.\n"
    "With a COMMAND it runs that and ends; without one it reads commands, from a terminal or a script on "
    "standard "
    "input.\n"
    "benchfs-cli help lists the commands, benchfs-cli help COMMAND explains one.";
constexpr const char* footer = "Exit code: 0 done, 1 something was refused or is wrong, 2 wrong usage, 3 no "
                               "server or no answer from one,\n"
                               "130 stopped by Ctrl-C.\n"
                               "Example:\n  benchfs-cli --registry-dir /shared/registry put ./input /run";

int usage_error(const std::string& why) {
    std::fprintf(stderr, "benchfs-cli: %s\nTry: benchfs-cli --help\n", why.c_str());
    return exit_usage;
}

} // namespace

int run_program(int argc, const char* const* argv) {
    std::signal(SIGPIPE, SIG_IGN); // a reader that goes away is an error of the write, not our end
    session_options options;
    if (const char* const dir = std::getenv("BENCHFS_REGISTRY_DIR"); dir != nullptr) {
        options.client.registry_dir = dir;
    }
    option_set set;
    bind_options(set, options.client);
    CLI::App app{about, "benchfs-cli"};
    app.footer(footer);
    app.set_help_flag("--help", "this text");
    app.set_version_flag("--version", std::string("benchfs-cli ") + front::version);
    std::string log_level;
    const auto* const embedded =
        app.add_option("--embedded", options.embedded_dir,
                       "a file system inside this process, with its data in DIR (empty: in memory)");
    app.add_flag("--json", options.json, "output for programs, of every command that can");
    app.add_option("--log-level", log_level, "error, warn, info, debug, trace, off [BENCHFS_LOG, else error]");
    app.prefix_command(); // what follows the first word is the command's
    front::options_on_command_line command_line(app, set);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { return app.exit(end) == 0 ? exit_ok : exit_usage; }
    std::string why;
    if (!command_line.apply(why) || !front::set_up_logging(log_level, "error", why)) {
        return usage_error(why);
    }
    options.embedded = embedded->count() != 0;
    const std::vector<std::string> words = app.remaining();
    if (!words.empty() && words.front().substr(0, 1) == "-") {
        return usage_error("there is no option " + words.front());
    }
    options.interactive = words.empty() && ::isatty(STDIN_FILENO) != 0;
    session s(options);
    if (!words.empty()) { return run_command(s, words); }
    return options.interactive ? run_shell(s) : run_script(s);
}

} // namespace benchfs::cli
