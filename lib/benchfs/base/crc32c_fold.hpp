// The parts of crc32c.cpp for processors with carry-less multiplication of vectors of 512 or 256 bits.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>

namespace benchfs {

inline constexpr std::uint32_t crc32c_polynomial = 0x82f63b78; // reflected

#if defined(__x86_64__)

inline constexpr std::size_t crc32c_fold_step = 256;  // bytes
inline constexpr std::size_t crc32c_fold_least = 512; // below this the end of the sum costs more than it saves

[[nodiscard]] bool crc32c_folds() noexcept;

/// Goes on with the inner sum `crc` (not inverted) over `data`, one or more whole steps. Only where
/// crc32c_folds().
[[nodiscard]] std::uint32_t crc32c_fold(std::uint32_t crc, const_byte_span data) noexcept;

inline constexpr std::size_t crc32c_mixed_block = 4096; // bytes

/// The same over whole blocks, by 256-bit vectors and the instruction at once. Only where crc32c_mixes().
[[nodiscard]] bool crc32c_mixes() noexcept;
[[nodiscard]] std::uint32_t crc32c_mixed(std::uint32_t crc, const_byte_span data) noexcept;

#endif

} // namespace benchfs
