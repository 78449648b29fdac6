// Numbers of a measurement: exact order statistics of the samples, and how durations and sizes are written.
// No output.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::bench {

/// Times in nanoseconds. All zero when there were no samples.
struct summary {
    std::uint64_t count = 0;
    std::uint64_t total = 0;
    std::uint64_t average = 0;
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p95 = 0;
    std::uint64_t p99 = 0;
    /// Operations per second of wall time. Differs from count / total when several were under way at once.
    double per_second = 0;
};

/// Summarises samples (nanoseconds each). `wall` is the time from the first start to the last end; 0: the
/// samples were taken one after another and their sum is the wall time.
[[nodiscard]] summary summarise(std::vector<std::uint64_t> samples, std::uint64_t wall = 0);

/// The middle value; of an even number, the mean of the two in the middle; 0 of none.
[[nodiscard]] double median(std::vector<double> values);

/// The smallest value that at least `fraction` of the sorted samples do not exceed (nearest rank).
[[nodiscard]] std::uint64_t nearest_rank(const std::vector<std::uint64_t>& sorted, double fraction);

/// "500ms", "1.5s", "12.345us", "870ns": the largest unit that is at least 1, at most three decimals.
[[nodiscard]] std::string human_duration(std::uint64_t nanoseconds);

/// "64 B", "4 KiB", "1.5 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// A number with that many decimals.
[[nodiscard]] std::string format_fixed(double value, int decimals);

/// The monotonic clock, in microseconds.
[[nodiscard]] double now_us();

/// Without white space at either end.
[[nodiscard]] std::string trimmed(std::string_view text);

} // namespace benchfs::bench
