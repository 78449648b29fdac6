// The raw limits of this machine's network library: what a program with nothing but UCX in it reaches.
//
// Two processes, pinned to a core each, talk over UCX shared memory with peer error handling on, as
// ucx_perftest would. Each measurement is a fresh process (this program started again as a worker), so that it
// can run in the middle of a benchmark whose own process already uses UCX.
#pragma once

#include "../common/cores.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace benchfs::bench {

/// The argument that turns a program into the worker: main() passes such a command line to raw_worker_main().
inline constexpr const char* raw_worker_flag = "--raw-worker";

enum class raw_op : std::uint8_t { am, put, get };

[[nodiscard]] const char* name(raw_op op) noexcept;

/// The outcome of one measurement; `error` is empty when it worked.
struct raw_result {
    double microseconds = 0; // of one round trip, or of moving one MiB
    std::string error;

    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
    [[nodiscard]] double mib_per_second() const noexcept { return microseconds > 0 ? 1e6 / microseconds : 0; }
};

/// An active message of bytes_out bytes answered by one of bytes_back, one at a time; the median of five
/// stretches that make up `iterations`. The receiver looks at no byte. Open cores are chosen. Blocks for the
/// time it takes.
[[nodiscard]] raw_result measure_am_round_trip(std::size_t bytes_out, std::size_t bytes_back,
                                               std::uint64_t iterations, core_pair cores = {});

/// Moves total_distinct_bytes in pieces between one buffer of the near process and as many distinct warm bytes
/// of the far one (walked once before the clock starts); the median of five walks. `put` and `am` write to the
/// far process, `get` reads from it. Blocks for the time it takes.
[[nodiscard]] raw_result measure_bandwidth(raw_op op, std::size_t total_distinct_bytes, std::size_t piece,
                                           core_pair cores = {});

/// The best of put, get and active messages, and which it was.
struct raw_best {
    raw_result result;
    raw_op op = raw_op::put;
};
[[nodiscard]] raw_best measure_best_bandwidth(std::size_t total_distinct_bytes, std::size_t piece,
                                              core_pair cores = {});

/// The worker's main: measures what its arguments say, prints one line, returns the exit code.
int raw_worker_main(int argc, char** argv);

} // namespace benchfs::bench
