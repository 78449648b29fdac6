// What benchfs-ratios was asked to measure.
#pragma once

#include "../common/cores.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace benchfs::bench {

inline constexpr std::size_t one_mib = std::size_t{1} << 20;

struct plan {
    std::string program; // benchfsd
    std::string json_file;
    std::string only;
    std::string scratch; // where the rows about the local disk put their data; empty: below $TMPDIR or /tmp
    int rounds = 5;
    std::uint64_t operations = 200'000;
    std::size_t distinct = 256 * one_mib; // bytes
    int idle_seconds = 10;
    std::uint64_t files = 200'000; // of the rows about memory
    int clients = 100;             // of the row about a crowd
    core_pair cores;
};

/// Fills the plan from the command line; an exit code if the program has nothing more to do.
[[nodiscard]] std::optional<int> read_plan(plan& p, int argc, const char* const* argv);

} // namespace benchfs::bench
