// The client processes of benchfs-ratios: each is this program started again with a worker's command line, does
// one measurement and prints it.
#pragma once

#include "../common/child.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace benchfs::bench {

/// The argument that turns the program into a worker.
inline constexpr const char* client_worker_flag = "--client-worker";

/// What it prints once it is connected and ready, where that matters.
inline constexpr const char* worker_ready = "ready";

/// The command line of a worker. `cpu` -1: not pinned.
[[nodiscard]] std::vector<std::string> worker_command(const std::string& kind, const std::string& registry,
                                                      int cpu, const std::vector<std::string>& arguments = {});

/// One figure, or why there is none.
struct worker_figure {
    double value = 0;
    std::string error;

    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};

/// The number in what a worker printed.
[[nodiscard]] worker_figure figure_of(const child_output& said);

/// Starts a worker and waits for its figure.
[[nodiscard]] worker_figure run_client_worker(const std::string& kind, const std::string& registry, int cpu,
                                              const std::vector<std::string>& arguments = {});

/// The worker's main. Kinds: first-answer; empty N; write-small N; read-small N; write-bulk TOTAL PIECE;
/// read-bulk TOTAL PIECE; busy SECONDS; crowd SECONDS GATE (busy from when that file exists); idle SECONDS;
/// make-files N; small-files N BYTES ONE-BY-ONE; stream-write TOTAL PIECE DEPTH; stream-read TOTAL PIECE DEPTH.
/// Times are printed in microseconds (of an operation, a file or a MiB), first-answer in milliseconds, busy and
/// crowd in operations per second, make-files prints the mean length of its names.
int client_worker_main(int argc, char** argv);

} // namespace benchfs::bench
