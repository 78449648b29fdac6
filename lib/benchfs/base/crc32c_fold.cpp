// CRC32C by carry-less multiplication of 512-bit vectors: several times the speed of the instruction.
//
// 256 bytes are kept as a polynomial that leaves the same rest as all bytes before them; moving on multiplies
// it by x^2048, modulo the polynomial, and adds the next 256 bytes. See Gopal et al., "Fast CRC Computation for
// Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009; ours differs in that the last 16 bytes go
// through the CRC instruction, which is the reduction.
#include "benchfs/base/crc32c_fold.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

namespace benchfs {
namespace {

/// x^n modulo the polynomial, reflected: the highest bit is the coefficient of x^0.
constexpr std::uint32_t power(int n) noexcept {
    std::uint32_t v = std::uint32_t{1} << 31U;
    for (int i = 0; i < n; ++i) { v = (v >> 1U) ^ ((v & 1U) != 0 ? crc32c_polynomial : 0); }
    return v;
}

/// The factors that move 16 bytes `bits` further on: for their second eight bytes and their first. The product
/// of two reflected numbers comes out one bit short, hence the -1.
struct factors {
    long long first;
    long long second;
};
constexpr factors moved_by(int bits) noexcept {
    const auto place = [](std::uint32_t v) {
        return static_cast<long long>(static_cast<std::uint64_t>(v) << 32U);
    };
    return {place(power(bits + 63)), place(power(bits - 1))};
}

#define BFS_FOLDS __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2")))

template <int Bits>
BFS_FOLDS inline __m512i factors_of() noexcept {
    constexpr factors f = moved_by(Bits);
    return _mm512_set_epi64(f.second, f.first, f.second, f.first, f.second, f.first, f.second, f.first);
}

BFS_FOLDS inline __m512i fold(__m512i sum, __m512i by, __m512i next) noexcept {
    const __m512i first = _mm512_clmulepi64_epi128(sum, by, 0x00);
    const __m512i second = _mm512_clmulepi64_epi128(sum, by, 0x11);
    return _mm512_ternarylogic_epi64(first, second, next, 0x96); // all three added
}

template <int Bits>
BFS_FOLDS inline __m128i fold(__m128i sum, __m128i next) noexcept {
    constexpr factors f = moved_by(Bits);
    const __m128i by = _mm_set_epi64x(f.second, f.first);
    const __m128i first = _mm_clmulepi64_si128(sum, by, 0x00);
    const __m128i second = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

BFS_FOLDS inline __m512i take(const std::byte* from) noexcept { return _mm512_loadu_si512(from); }

} // namespace

bool crc32c_folds() noexcept {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0 &&
           __builtin_cpu_supports("sse4.2") != 0;
}

BFS_FOLDS std::uint32_t crc32c_fold(std::uint32_t crc, const_byte_span data) noexcept {
    constexpr std::size_t step = crc32c_fold_step;
    const std::byte* const from = data.data();
    const auto seed = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc)));
    __m512i a = _mm512_xor_si512(take(from), seed);
    __m512i b = take(from + 64);
    __m512i c = take(from + 128);
    __m512i d = take(from + 192);
    const __m512i onwards = factors_of<8 * step>();
    for (std::size_t at = step; at < data.size(); at += step) {
        a = fold(a, onwards, take(from + at));
        b = fold(b, onwards, take(from + at + 64));
        c = fold(c, onwards, take(from + at + 128));
        d = fold(d, onwards, take(from + at + 192));
    }
    const __m512i next = factors_of<512>();
    const __m512i sum = fold(fold(fold(a, next, b), next, c), next, d);
    alignas(64) __m128i parts[4];
    _mm512_store_si512(parts, sum);
    const __m128i rest = fold<128>(fold<128>(fold<128>(parts[0], parts[1]), parts[2]), parts[3]);
    const std::uint64_t half = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(rest)));
    return static_cast<std::uint32_t>(
        _mm_crc32_u64(half, static_cast<std::uint64_t>(_mm_extract_epi64(rest, 1))));
}

} // namespace benchfs

#endif
