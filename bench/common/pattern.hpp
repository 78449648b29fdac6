// Content that can be checked: words that depend on a seed and on their place, so that bytes of another file,
// another offset or another time are noticed.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace benchfs::bench {

/// Fills the span with the words of `seed`; any size.
void fill_pattern(byte_span to, std::uint64_t seed) noexcept;

/// The offset of the first byte that is not what fill_pattern() put there; nothing when all are.
[[nodiscard]] std::optional<std::size_t> first_difference(const_byte_span bytes, std::uint64_t seed) noexcept;

} // namespace benchfs::bench
