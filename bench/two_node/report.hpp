// What the 2-node micro-benchmark prints and writes: pure text from numbers.
#pragma once

#include "../common/statistics.hpp"
#include "../raw/raw_ucx.hpp"
#include "settings.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::bench {

enum class operation : std::uint8_t { create, write, read };

/// "Metadata Create (file creation)", "Small Write (1024 bytes)".
[[nodiscard]] std::string title(operation op, std::size_t size);
/// "Running metadata create benchmark...", "Running small read benchmark (4096 bytes)...".
[[nodiscard]] std::string announcement(operation op, std::size_t size);

struct measurement {
    operation op = operation::create;
    std::size_t size = 0; // bytes of the operation; 0 for create
    summary times;
    /// A round trip of active messages that carries as many bytes each way.
    std::optional<raw_result> raw;
    /// The same operation on a local file through POSIX calls.
    std::optional<raw_result> local_file;
};

/// The raw bandwidth that bytes per second are held against.
struct raw_bandwidth {
    raw_best best;
    std::size_t distinct_bytes = 0;
    std::size_t piece = 0;
};

/// `path`: what carries the messages; empty: not shown.
[[nodiscard]] std::string format_configuration(const bench_settings& settings, std::string_view path = {});
[[nodiscard]] std::string format_results(const std::vector<measurement>& all);
/// The last block: each figure against the raw limit measured in the same run.
[[nodiscard]] std::string format_against_raw(const std::vector<measurement>& all,
                                             const raw_bandwidth& bandwidth);
[[nodiscard]] std::string results_json(const bench_settings& settings, const std::vector<measurement>& all,
                                       const std::optional<raw_bandwidth>& bandwidth);

} // namespace benchfs::bench
