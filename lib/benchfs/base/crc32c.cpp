#include "benchfs/base/crc32c.hpp"

#include "benchfs/base/crc32c_fold.hpp"
#include "benchfs/base/crc32c_serial.hpp"

#include <array>
#include <cstring>

namespace benchfs {
namespace {

using byte_table = std::array<std::uint32_t, 256>;

// tables[k][b]: what byte b does to the sum when k more bytes follow it.
constexpr std::array<byte_table, 8> tables = [] {
    std::array<byte_table, 8> t{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit) { crc = (crc >> 1) ^ ((crc & 1) != 0 ? crc32c_polynomial : 0); }
        t[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t b = 0; b < 256; ++b) { t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xff]; }
    }
    return t;
}();

std::uint32_t by_table(std::uint32_t crc, const std::byte* p, std::size_t n) noexcept {
    for (; n >= 8; n -= 8, p += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, p, 8);
        word ^= crc;
        crc = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
              tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
              tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
    }
    for (; n > 0; --n, ++p) { crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint32_t>(*p)) & 0xff]; }
    return crc;
}

#if defined(__x86_64__)

// A sum moved past Bytes zero bytes: how the sum of a first stream is put before that of a second.
template <std::size_t Bytes>
constexpr std::array<byte_table, 4> shift_tables = [] {
    std::array<std::uint32_t, 32> column{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
        std::uint32_t crc = std::uint32_t{1} << bit;
        for (std::size_t i = 0; i < Bytes; ++i) { crc = (crc >> 8) ^ tables[0][crc & 0xff]; }
        column[bit] = crc;
    }
    std::array<byte_table, 4> t{};
    for (std::size_t k = 0; k < 4; ++k) {
        for (std::size_t b = 0; b < 256; ++b) {
            for (std::size_t bit = 0; bit < 8; ++bit) {
                if ((b >> bit & 1) != 0) { t[k][b] ^= column[8 * k + bit]; }
            }
        }
    }
    return t;
}();

template <std::size_t Bytes>
std::uint32_t shift(std::uint32_t crc) noexcept {
    constexpr const auto& t = shift_tables<Bytes>;
    return t[0][crc & 0xff] ^ t[1][crc >> 8 & 0xff] ^ t[2][crc >> 16 & 0xff] ^ t[3][crc >> 24];
}

// The instruction takes three cycles but starts one a cycle: three independent streams of Stream bytes each.
template <std::size_t Stream>
__attribute__((target("sse4.2"))) std::uint32_t three_streams(std::uint32_t crc, const std::byte*& from,
                                                              std::size_t& n) noexcept {
    static_assert(Stream % 8 == 0);
    while (n >= 3 * Stream) {
        std::uint64_t a = crc;
        std::uint64_t b = 0;
        std::uint64_t c = 0;
        for (std::size_t i = 0; i < Stream; i += 8) {
            a = crc32c_step(a, from + i);
            b = crc32c_step(b, from + Stream + i);
            c = crc32c_step(c, from + 2 * Stream + i);
        }
        const std::uint32_t ab = shift<Stream>(static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
        crc = shift<Stream>(ab) ^ static_cast<std::uint32_t>(c);
        from += 3 * Stream;
        n -= 3 * Stream;
    }
    return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, const std::byte* from,
                                                               std::size_t n) noexcept {
    if (n >= std::size_t{3} * 128) {
        crc = three_streams<1360>(crc, from, n); // 4080 of the 4096 bytes of a block
        crc = three_streams<128>(crc, from, n);
    }
    return crc32c_serial(crc, from, n);
}

bool has_instruction() noexcept { return __builtin_cpu_supports("sse4.2") != 0; }

#endif

} // namespace

std::uint32_t crc32c_portable(const_byte_span data, std::uint32_t seed) noexcept {
    return ~by_table(~seed, data.data(), data.size());
}

std::uint32_t crc32c_by_instruction(const_byte_span data, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    if (has_instruction()) { return ~by_instruction(~seed, data.data(), data.size()); }
#endif
    return crc32c_portable(data, seed);
}

std::uint32_t crc32c(const_byte_span data, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    if (data.size() >= crc32c_fold_least && crc32c_folds()) [[likely]] {
        const std::size_t whole = data.size() / crc32c_fold_step * crc32c_fold_step;
        seed = ~crc32c_fold(~seed, data.first(whole));
        data = data.subspan(whole);
    } else if (data.size() >= crc32c_mixed_block && crc32c_mixes()) {
        const std::size_t whole = data.size() / crc32c_mixed_block * crc32c_mixed_block;
        seed = ~crc32c_mixed(~seed, data.first(whole));
        data = data.subspan(whole);
    }
#endif
    return crc32c_by_instruction(data, seed);
}

} // namespace benchfs
