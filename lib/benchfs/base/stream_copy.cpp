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

void copy_from_cold(std::byte* to, const std::byte* from, std::size_t n) noexcept {
    // A step is what memcpy copies without fetching the lines of `to` first: fetching lines that another core
    // has looked at costs more than the copy.
    constexpr std::size_t step = 4096;
    constexpr std::size_t line = 64;
    while (n != 0) {
        // As a number: what lies behind the end is asked for in vain, or is what is copied next.
        const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(from) + step;
        for (std::size_t at = 0; at < step; at += line) {
            __builtin_prefetch(reinterpret_cast<const void*>(next + at));
        }
        const std::size_t part = std::min(n, step);
        std::memcpy(to, from, part);
        to += part;
        from += part;
        n -= part;
    }
}

} // namespace benchfs
