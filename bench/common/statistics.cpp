#include "statistics.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace benchfs::bench {

double now_us() {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::uint64_t nearest_rank(const std::vector<std::uint64_t>& sorted, double fraction) {
    if (sorted.empty()) { return 0; }
    const double rank = std::ceil(fraction * static_cast<double>(sorted.size()));
    const auto at = static_cast<std::size_t>(std::clamp(rank, 1.0, static_cast<double>(sorted.size())));
    return sorted[at - 1];
}

summary summarise(std::vector<std::uint64_t> samples, std::uint64_t wall) {
    summary s;
    if (samples.empty()) { return s; }
    std::sort(samples.begin(), samples.end());
    s.count = samples.size();
    s.total = std::accumulate(samples.begin(), samples.end(), std::uint64_t{0});
    s.average = s.total / s.count;
    s.min = samples.front();
    s.max = samples.back();
    s.p50 = nearest_rank(samples, 0.50);
    s.p95 = nearest_rank(samples, 0.95);
    s.p99 = nearest_rank(samples, 0.99);
    const std::uint64_t elapsed = wall == 0 ? s.total : wall;
    if (elapsed != 0) { s.per_second = static_cast<double>(s.count) * 1e9 / static_cast<double>(elapsed); }
    return s;
}

double median(std::vector<double> values) {
    if (values.empty()) { return 0; }
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    if (values.size() % 2 == 1) { return values[middle]; }
    return (values[middle - 1] + values[middle]) / 2;
}

std::string format_fixed(double value, int decimals) {
    std::array<char, 64> text{};
    const int n = std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return {text.data(), static_cast<std::size_t>(std::clamp(n, 0, static_cast<int>(text.size()) - 1))};
}

namespace {

/// At most three decimals, without zeros at the end.
std::string format_short(double value) {
    std::string text = format_fixed(value, 3);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') { text.pop_back(); }
    return text;
}

} // namespace

std::string human_duration(std::uint64_t nanoseconds) {
    const auto value = static_cast<double>(nanoseconds);
    if (nanoseconds >= 1'000'000'000) { return format_short(value / 1e9) + "s"; }
    if (nanoseconds >= 1'000'000) { return format_short(value / 1e6) + "ms"; }
    if (nanoseconds >= 1'000) { return format_short(value / 1e3) + "us"; }
    return std::to_string(nanoseconds) + "ns";
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 4> units = {" B", " KiB", " MiB", " GiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return format_short(value) + units[unit];
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const std::size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) { return {}; }
    return std::string(text.substr(first, text.find_last_not_of(white) - first + 1));
}

} // namespace benchfs::bench
