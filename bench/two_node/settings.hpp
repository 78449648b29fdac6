// What the 2-node micro-benchmark was asked to do, from its command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace benchfs::bench {

enum class bench_mode : std::uint8_t { server, client, local };

struct bench_settings {
    bench_mode mode = bench_mode::client;
    std::string registry_dir;
    std::string data_dir;
    bool memory = false;
    std::uint64_t iterations = 100;
    std::uint64_t warmup = 10;
    std::vector<std::size_t> sizes = {1024, 4096, 16384};
    std::uint32_t queue_depth = 1;
    std::string json_file;
    std::string transport = "auto";
    std::uint32_t wait_seconds = 30; // for the server to register
    int cpu = -1;                    // of this process
    int server_cpu = -1;             // local mode: of the server
    std::string compare_dir;         // client: measure plain files there too
    bool raw_limits = true;          // measure them and compare

    bool run = false;    // else print and exit
    std::string output;  // for standard output
    std::string trouble; // for standard error
    int exit_code = 0;
};

/// Reads a command line; sets the log level from BENCHFS_LOG. Exit code 2 for what is not understood, with a
/// text that names it.
[[nodiscard]] bench_settings read_bench_settings(int argc, const char* const* argv);

} // namespace benchfs::bench
