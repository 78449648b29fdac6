// CRC32C (Castagnoli), the checksum of blocks, frames and log records.
//
// Uses the processor's instruction on three streams at once where it exists, a table elsewhere; both give the
// same answers. Chains: crc32c(b, crc32c(a)) is the sum of a followed by b.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>

namespace benchfs {

/// The sum of `data`, continuing from `seed` (the sum of what came before; 0 to begin).
[[nodiscard]] std::uint32_t crc32c(const_byte_span data, std::uint32_t seed = 0) noexcept;

/// Copies `from` to `to` (which has room, and does not overlap) and sums it on the way: the memory is walked
/// once.
[[nodiscard]] std::uint32_t crc32c_copy(std::byte* to, const_byte_span from, std::uint32_t seed = 0) noexcept;

/// The table version whatever the processor can do: the reference for tests.
[[nodiscard]] std::uint32_t crc32c_portable(const_byte_span data, std::uint32_t seed = 0) noexcept;

} // namespace benchfs
