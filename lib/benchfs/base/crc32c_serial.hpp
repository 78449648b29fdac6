// The instruction for CRC32C, word after word: the end of every sum, and all of a short one.
//
// In a header, so that sums of a few words (frames) are taken in place: there, finding the best way costs more
// than the sum. For processors that have SSE 4.2 only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>

namespace benchfs {

__attribute__((target("sse4.2"), always_inline)) inline std::uint64_t
crc32c_step(std::uint64_t crc, const std::byte* from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    return _mm_crc32_u64(crc, word);
}

/// `crc` and the result are not inverted, unlike those of crc32c().
__attribute__((target("sse4.2"), always_inline)) inline std::uint32_t
crc32c_serial(std::uint32_t crc, const std::byte* from, std::size_t n) noexcept {
    std::uint64_t wide = crc;
    for (; n >= 8; n -= 8, from += 8) { wide = crc32c_step(wide, from); }
    crc = static_cast<std::uint32_t>(wide);
    for (; n > 0; --n, ++from) { crc = _mm_crc32_u8(crc, static_cast<unsigned char>(*from)); }
    return crc;
}

} // namespace benchfs

#endif
