// benchfs-raw: prints the raw UCX limits of this machine, to hold against ucx_perftest and against the
// benchmarks of the file system.
#include "../common/statistics.hpp"
#include "raw_ucx.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstring>

namespace {

using namespace benchfs::bench;

int failures = 0;

void print(const char* what, const raw_result& r) {
    if (r.ok()) {
        std::printf("  %-44s %9.3f us\n", what, r.microseconds);
    } else {
        std::printf("  %-44s %s\n", what, r.error.c_str());
        ++failures;
    }
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], raw_worker_flag) == 0) { return raw_worker_main(argc, argv); }
    std::size_t mebibytes = 256;
    std::uint64_t iterations = 500'000;
    core_pair cores;
    CLI::App app{"Raw UCX limits over shared memory, two processes on two cores", "benchfs-raw"};
    app.add_option("--distinct", mebibytes, "MiB of distinct memory for the bandwidths")
        ->check(CLI::Range(4, 65536));
    app.add_option("--iterations", iterations, "round trips")->check(CLI::PositiveNumber);
    app.add_option("--near", cores.near, "core of the measuring process");
    app.add_option("--far", cores.far, "core of the other process");
    CLI11_PARSE(app, argc, argv);

    std::printf("Active message round trips\n");
    print("8 B and 8 B back", measure_am_round_trip(8, 8, iterations, cores));
    print("64 B and 64 B back", measure_am_round_trip(64, 64, iterations, cores));
    print("4 KiB and 64 B back", measure_am_round_trip(4096, 64, iterations, cores));
    std::printf("One MiB, walking %zu MiB of distinct warm memory\n", mebibytes);
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{4} << 20}) {
        for (const raw_op op : {raw_op::put, raw_op::get, raw_op::am}) {
            const std::string what = std::string(name(op)) + ", pieces of " + human_bytes(piece);
            print(what.c_str(), measure_bandwidth(op, mebibytes << 20, piece, cores));
        }
    }
    return failures == 0 ? 0 : 1;
}
