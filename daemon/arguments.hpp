// The command line of benchfsd, as data: what to run, or what to print and exit with.
#pragma once

#include "benchfs/server/options.hpp"

#include <string>

namespace benchfs::front {

struct daemon_arguments {
    server_options options;
    bool run = false;    // else print and exit
    std::string check;   // a data directory to check instead of serving; empty: none
    std::string output;  // for standard output
    std::string trouble; // for standard error
    int exit_code = 0;
};

/// Reads the command line, --config and BENCHFS_LOG; sets the log level. Exit code 2 for what is not
/// understood, with a text that names it.
[[nodiscard]] daemon_arguments read_daemon_arguments(int argc, const char* const* argv);

} // namespace benchfs::front
