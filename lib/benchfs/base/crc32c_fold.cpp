// CRC32C by carry-less multiplication of vectors.
//
// The first bytes are kept as a polynomial that leaves the same rest as all bytes before them; moving on
// multiplies it by a power of x, modulo the polynomial, and adds the next bytes. See Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009; ours differs in that the last
// 16 bytes go through the CRC instruction, which is the reduction.
//
// With 512-bit vectors that is several times the speed of the instruction. With 256-bit ones (Zen 3) it is no
// faster than that, but the two use different parts of the core: a block is cut in two, and both go at once. A
// MiB takes 38 us instead of 58 then.
#include "benchfs/base/crc32c_fold.hpp"

#include "benchfs/base/crc32c_serial.hpp"

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

#define BFS_REDUCES __attribute__((target("pclmul,sse4.2")))

template <int Bits>
BFS_REDUCES inline __m128i fold(__m128i sum, __m128i next) noexcept {
    constexpr factors f = moved_by(Bits);
    const __m128i by = _mm_set_epi64x(f.second, f.first);
    const __m128i first = _mm_clmulepi64_si128(sum, by, 0x00);
    const __m128i second = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

BFS_FOLDS inline __m512i take(const std::byte* from) noexcept { return _mm512_loadu_si512(from); }

/// The rest that 16 bytes leave.
BFS_REDUCES inline std::uint32_t reduce(__m128i sum) noexcept {
    const std::uint64_t half = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(sum)));
    return static_cast<std::uint32_t>(
        _mm_crc32_u64(half, static_cast<std::uint64_t>(_mm_extract_epi64(sum, 1))));
}

#define BFS_MIXES __attribute__((target("avx2,vpclmulqdq,pclmul,sse4.2")))

// A block: this many bytes for the vectors, 64 a step, and three streams for the instruction, which takes three
// cycles but starts one a cycle, with two words of each a step. The first 64 bytes need no step.
constexpr std::size_t mixed_steps = 36;
constexpr std::size_t mixed_vectors = 64 * (mixed_steps + 1);
constexpr std::size_t mixed_stream = 16 * mixed_steps;
static_assert(mixed_vectors + 3 * mixed_stream == crc32c_mixed_block);

BFS_MIXES inline __m256i fold(__m256i sum, __m256i by, const std::byte* next) noexcept {
    const __m256i first = _mm256_clmulepi64_epi128(sum, by, 0x00);
    const __m256i second = _mm256_clmulepi64_epi128(sum, by, 0x11);
    const __m256i added = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(next));
    return _mm256_xor_si256(_mm256_xor_si256(first, second), added);
}

/// A sum moved past Bytes zero bytes, still to be reduced: the product is one bit short, and the instruction
/// that reduces it moves it 32 bits on.
template <std::size_t Bytes>
BFS_MIXES inline __m128i moved(std::uint64_t sum) noexcept {
    constexpr std::uint32_t factor = power(8 * static_cast<int>(Bytes) - 33);
    return _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(sum)),
                                _mm_cvtsi32_si128(static_cast<int>(factor)), 0);
}

BFS_MIXES std::uint32_t mixed_block(std::uint32_t crc, const std::byte* from) noexcept {
    constexpr factors onwards = moved_by(512);
    const __m256i by = _mm256_set_epi64x(onwards.second, onwards.first, onwards.second, onwards.first);
    const __m256i zero = _mm256_setzero_si256();
    const auto seed = _mm256_zextsi128_si256(_mm_cvtsi32_si128(static_cast<int>(crc)));
    __m256i low = _mm256_xor_si256(fold(zero, zero, from), seed);
    __m256i high = fold(zero, zero, from + 32);
    const std::byte* words = from + mixed_vectors;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    for (std::size_t i = 0; i < mixed_steps; ++i) {
        from += 64;
        low = fold(low, by, from);
        high = fold(high, by, from + 32);
        a = crc32c_step(crc32c_step(a, words), words + 8);
        b = crc32c_step(crc32c_step(b, words + mixed_stream), words + mixed_stream + 8);
        c = crc32c_step(crc32c_step(c, words + 2 * mixed_stream), words + 2 * mixed_stream + 8);
        words += 16;
    }
    const __m128i first = fold<128>(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    const __m128i third = fold<128>(first, _mm256_castsi256_si128(high));
    const std::uint32_t vectors = reduce(fold<128>(third, _mm256_extracti128_si256(high, 1)));
    const __m128i sum = _mm_xor_si128(
        _mm_xor_si128(moved<3 * mixed_stream>(vectors), moved<2 * mixed_stream>(a)), moved<mixed_stream>(b));
    return static_cast<std::uint32_t>(_mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(sum))) ^ c);
}

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
    return reduce(rest);
}

bool crc32c_mixes() noexcept {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0 &&
           __builtin_cpu_supports("sse4.2") != 0;
}

std::uint32_t crc32c_mixed(std::uint32_t crc, const_byte_span data) noexcept {
    for (std::size_t at = 0; at < data.size(); at += crc32c_mixed_block) {
        crc = mixed_block(crc, data.data() + at);
    }
    return crc;
}

} // namespace benchfs

#endif
