#include "arguments.hpp"

#include "front_end.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>

#include <sstream>

namespace benchfs::front {

namespace {

constexpr int bad_usage = 2;

void refuse(daemon_arguments& arguments, const std::string& why) {
    arguments.trouble = "benchfsd: " + why + "\n";
    arguments.exit_code = bad_usage;
}

/// What CLI11 wants to say, which for --help and --version is no error.
void stop_early(const CLI::App& app, const CLI::ParseError& end, daemon_arguments& arguments) {
    std::ostringstream out;
    std::ostringstream trouble;
    const int code = app.exit(end, out, trouble);
    arguments.output = out.str();
    arguments.trouble = trouble.str();
    arguments.exit_code = code == 0 ? 0 : bad_usage;
}

} // namespace

daemon_arguments read_daemon_arguments(int argc, const char* const* argv) {
    daemon_arguments arguments;
    server_options& options = arguments.options;
    option_set set;
    bind_options(set, options);

    CLI::App app{"benchfsd: one server of a benchfs cluster.\n"
                 "--registry-dir R --data-dir D alone is a cluster of one server.",
                 "benchfsd"};
    bool print_config = false;
    app.set_version_flag("--version", std::string("benchfsd ") + version);
    app.add_flag("--print-config", print_config, "print the configuration in effect as JSON, and exit");
    app.add_option(
           "--check", arguments.check,
           "verify the store of a stopped server in this data directory, and exit: 0 if it is good, 1 if "
           "something is wrong, 2 if it cannot be checked")
        ->type_name("DATA_DIR");
    options_on_command_line command_line(app, set);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        stop_early(app, end, arguments);
        return arguments;
    }

    std::string why;
    if (!command_line.apply(why) || !set_up_logging(options.log_level, "info", why)) {
        refuse(arguments, why);
        return arguments;
    }
    if (print_config) {
        options.engine = options.engine_name();
        arguments.output = set.to_json() + "\n";
        return arguments;
    }
    if (!arguments.check.empty()) { return arguments; }
    if (!validate(options, why)) {
        refuse(arguments, why);
        return arguments;
    }
    arguments.run = true;
    return arguments;
}

} // namespace benchfs::front
