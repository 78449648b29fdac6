// The command line of benchfs-raw.
#pragma once

#include "../common/cores.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace benchfs::bench {

struct raw_arguments {
    std::size_t mebibytes = 256; // of distinct memory
    std::uint64_t iterations = 500'000;
    core_pair cores;
};

/// An exit code if the program has nothing more to do.
[[nodiscard]] std::optional<int> read_raw_arguments(raw_arguments& a, int argc, const char* const* argv);

} // namespace benchfs::bench
