// benchfs-raw: prints the raw UCX limits of this machine, to hold against ucx_perftest and against the
// benchmarks of the file system.
#include "../common/statistics.hpp"
#include "raw_arguments.hpp"
#include "raw_ucx.hpp"

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
    raw_arguments a;
    if (const std::optional<int> end = read_raw_arguments(a, argc, argv)) { return *end; }

    std::printf("Active message round trips\n");
    print("8 B and 8 B back", measure_am_round_trip(8, 8, a.iterations, a.cores));
    print("64 B and 64 B back", measure_am_round_trip(64, 64, a.iterations, a.cores));
    print("4 KiB and 64 B back", measure_am_round_trip(4096, 64, a.iterations, a.cores));
    std::printf("One MiB, walking %zu MiB of distinct warm memory\n", a.mebibytes);
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{4} << 20}) {
        for (const raw_op op : {raw_op::put, raw_op::get, raw_op::am}) {
            const std::string what = std::string(name(op)) + ", pieces of " + human_bytes(piece);
            print(what.c_str(), measure_bandwidth(op, a.mebibytes << 20, piece, a.cores));
        }
    }
    return failures == 0 ? 0 : 1;
}
