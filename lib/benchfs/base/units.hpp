// Sizes and times as people write them: "4MiB", "1500ms".
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs {

/// Decimal digits only, no sign, no space; bad_config otherwise, or when it does not fit.
[[nodiscard]] result<std::uint64_t> parse_count(std::string_view text) noexcept;

/// Bytes: digits and at most one suffix of B, KiB, MiB, GiB, TiB, or K, M, G, T for the same (case does not
/// matter). bad_config otherwise, or when it does not fit into 64 bits.
[[nodiscard]] result<std::uint64_t> parse_bytes(std::string_view text) noexcept;

/// The largest unit that divides it: 4194304 is "4MiB", 4097 is "4097".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// Digits and one of ns, us, ms, s, min, h; digits alone are seconds. bad_config otherwise, or when it does not
/// fit into 63 bits of nanoseconds.
[[nodiscard]] result<duration> parse_duration(std::string_view text) noexcept;

/// The largest unit that divides it: "1500ms", "10s".
[[nodiscard]] std::string format_duration(duration time);

} // namespace benchfs
