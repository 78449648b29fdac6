#include "modes.hpp"

#include "benchfs/api/benchfs.hpp"
#include "benchfs/runtime/pinning.hpp"

#include <cstdio>

namespace benchfs::bench {

int run_server(const bench_settings& settings) {
    // Line by line, so that whoever waits at the other end of a pipe sees "ready" at once.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    server_options options;
    options.registry_dir = settings.registry_dir;
    options.data_dir = settings.data_dir;
    options.memory = settings.memory;
    // A short benchmark is over before the pool is filled: without this it would measure page faults.
    options.warm = settings.memory;
    options.transport = settings.transport;
    options.cpu = settings.cpu;

    std::printf("Starting BenchFS server...\n\n");
    std::printf("  Data directory:     %s\n", settings.memory ? "(memory)" : options.data_dir.c_str());
    std::printf("  Registry directory: %s\n\n", options.registry_dir.c_str());
    std::string why;
    if (!runtime::pin_process(options.cpu, options.numa, why) || !validate(options, why)) {
        std::fprintf(stderr, "Error: %s\n", why.c_str());
        return 2;
    }
    std::printf("Setting up server node...\n");
    auto node = server::node::start(options, why);
    if (!node) {
        std::fprintf(stderr, "Error: %s\n", why.c_str());
        return 1;
    }
    std::printf("Server worker address registered to %s\n", options.registry_dir.c_str());
    std::printf("Server address: %s\n\n", (*node)->address().c_str());
    std::printf("Registering RPC handlers...\n");
    std::printf("All RPC handlers registered successfully\n");
    std::printf("Server is ready and listening for requests.\n");
    std::printf("Press Ctrl+C to stop the server.\n");
    return (*node)->run();
}

} // namespace benchfs::bench
