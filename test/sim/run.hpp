// One run of the simulator: a cluster, clients that do random things, faults, and the models that judge every
// answer. Everything follows from the seed.
#pragma once

#include "network.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs::sim {

/// Faults planted on purpose, to show that they are found.
enum class plant : std::uint8_t { none, skip_sync, lose_reply, torn_log, swap_chunks, repeat_retry };

/// "none", "fsync", "reply", "log", "chunks", "retry".
[[nodiscard]] std::string_view plant_name(plant p) noexcept;

struct run_options {
    std::uint64_t seed = 1;
    plant planted = plant::none;
    bool armed = true;    // false: everything as with the planted fault, but for the fault
    bool verbose = false; // the whole trace on standard error
};

struct run_report {
    std::string failure; // empty: every answer was right
    std::uint64_t trace = 0;
    std::uint64_t operations = 0;
    std::uint64_t answered = 0; // of them, definitely
    std::uint64_t unknown = 0;
    std::uint64_t faults = 0;
    std::uint64_t crashes = 0;
    window_counts windows;
    double simulated_seconds = 0;
    bool gave_up = false; // too many possible states once: names were not checked after that
    std::string plan;     // what the seed chose, for people
};

[[nodiscard]] run_report run(const run_options& options);

} // namespace benchfs::sim
