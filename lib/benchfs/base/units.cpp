#include "benchfs/base/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace benchfs {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t Ki = 1024;
constexpr std::array<unit, 5> byte_units{{
    {"TiB", Ki* Ki* Ki* Ki},
    {"GiB", Ki* Ki* Ki},
    {"MiB", Ki* Ki},
    {"KiB", Ki},
    {"", 1},
}};
constexpr std::array<unit, 5> byte_short{{{"T", byte_units[0].factor},
                                          {"G", byte_units[1].factor},
                                          {"M", byte_units[2].factor},
                                          {"K", Ki},
                                          {"B", 1}}};
constexpr std::array<unit, 6> time_units{{
    {"h", 3'600'000'000'000},
    {"min", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

bool same_text(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) { return false; }
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
        if (lower(a[i]) != lower(b[i])) { return false; }
    }
    return true;
}

std::uint64_t factor_of(std::span<const unit> units, std::string_view name) noexcept {
    for (const unit& u : units) {
        if (same_text(u.name, name)) { return u.factor; }
    }
    return 0;
}

struct split {
    std::string_view digits;
    std::string_view suffix;
};

split split_number(std::string_view text) noexcept {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    return {text.substr(0, digits), text.substr(digits)};
}

result<std::uint64_t> scaled(std::string_view digits, std::uint64_t factor, std::uint64_t largest) noexcept {
    BFS_TRY(const std::uint64_t n, parse_count(digits));
    if (factor == 0 || n > largest / factor) { return errc::bad_config; }
    return n * factor;
}

std::string with_unit(std::uint64_t n, std::span<const unit> units) {
    for (const unit& u : units) {
        if (n != 0 && n % u.factor == 0) { return std::to_string(n / u.factor).append(u.name); }
    }
    return std::to_string(n).append(units.back().name);
}

} // namespace

result<std::uint64_t> parse_count(std::string_view text) noexcept {
    std::uint64_t n = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, n);
    if (error != std::errc{} || stop != end) { return errc::bad_config; }
    return n;
}

result<std::uint64_t> parse_bytes(std::string_view text) noexcept {
    const auto [digits, suffix] = split_number(text);
    std::uint64_t factor = factor_of(byte_units, suffix);
    if (factor == 0) { factor = factor_of(byte_short, suffix); }
    return scaled(digits, factor, std::numeric_limits<std::uint64_t>::max());
}

std::string format_bytes(std::uint64_t bytes) { return with_unit(bytes, byte_units); }

result<duration> parse_duration(std::string_view text) noexcept {
    const auto [digits, suffix] = split_number(text);
    const std::uint64_t factor = factor_of(time_units, suffix.empty() ? std::string_view{"s"} : suffix);
    BFS_TRY(const std::uint64_t ns, scaled(digits, factor, std::numeric_limits<std::int64_t>::max()));
    return duration{static_cast<std::int64_t>(ns)};
}

std::string format_duration(duration time) {
    return with_unit(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)), time_units);
}

} // namespace benchfs
