// CRC32C (Castagnoli), the checksum of blocks, frames and log records.
//
// Multiplies 512-bit vectors where the processor can (crc32c_fold.cpp), else uses its instruction on three
// streams at once, else a table; all give the same answers. Chains: crc32c(b, crc32c(a)) is the sum of a
// followed by b.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>

namespace benchfs {

/// The sum of `data`, continuing from `seed` (the sum of what came before; 0 to begin).
[[nodiscard]] std::uint32_t crc32c(const_byte_span data, std::uint32_t seed = 0) noexcept;

/// The versions for lesser processors, whatever this one can do: for tests and comparison.
[[nodiscard]] std::uint32_t crc32c_by_instruction(const_byte_span data, std::uint32_t seed = 0) noexcept;
[[nodiscard]] std::uint32_t crc32c_portable(const_byte_span data, std::uint32_t seed = 0) noexcept;

} // namespace benchfs
