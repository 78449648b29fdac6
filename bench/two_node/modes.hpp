// The three ways to run the 2-node micro-benchmark.
#pragma once

#include "settings.hpp"

namespace benchfs::bench {

/// Serves until SIGINT or SIGTERM. The process's exit code.
int run_server(const bench_settings& settings);

/// Waits for the server, measures, prints. The process's exit code.
int run_client(const bench_settings& settings);

/// Starts a server of its own on another core and runs the client against it. The process's exit code.
int run_local(const bench_settings& settings);

} // namespace benchfs::bench
