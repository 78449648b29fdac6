#include "benchfs/base/stream_copy.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace benchfs {

#if defined(__x86_64__)

void stream_copy(std::byte* to, const std::byte* from, std::size_t n) noexcept {
    // The stores want their line whole: 64 bytes that begin at a multiple of 64.
    const std::size_t head = std::min<std::size_t>(n, -reinterpret_cast<std::uintptr_t>(to) % 64);
    std::memcpy(to, from, head);
    to += head;
    from += head;
    n -= head;
    for (; n >= 64; n -= 64, to += 64, from += 64) {
        const auto* const line = reinterpret_cast<const __m128i*>(from);
        auto* const at = reinterpret_cast<__m128i*>(to);
        const __m128i a = _mm_loadu_si128(line);
        const __m128i b = _mm_loadu_si128(line + 1);
        const __m128i c = _mm_loadu_si128(line + 2);
        const __m128i d = _mm_loadu_si128(line + 3);
        _mm_stream_si128(at, a);
        _mm_stream_si128(at + 1, b);
        _mm_stream_si128(at + 2, c);
        _mm_stream_si128(at + 3, d);
    }
    std::memcpy(to, from, n);
    _mm_sfence(); // these stores are not ordered with later ones otherwise
}

#else

void stream_copy(std::byte* to, const std::byte* from, std::size_t n) noexcept { std::memcpy(to, from, n); }

#endif

} // namespace benchfs
