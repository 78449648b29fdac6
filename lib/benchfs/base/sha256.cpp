#include "benchfs/base/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace benchfs {
namespace {

// The first 32 bits of the fractions of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::byte inner_pad{0x36};
constexpr std::byte outer_pad{0x5c};

// The standard's words are big-endian.
std::uint32_t load_word(const std::byte* from) noexcept {
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i) { word = word << 8 | std::to_integer<std::uint32_t>(from[i]); }
    return word;
}

template <class Word>
void store_word(Word word, std::byte* to) noexcept {
    for (std::size_t i = sizeof(Word); i-- != 0; word >>= 8) { to[i] = static_cast<std::byte>(word & 0xff); }
}

} // namespace

void sha256::take_block(const std::byte* block) noexcept {
    std::array<std::uint32_t, 64> w;
    for (std::size_t i = 0; i < 16; ++i) { w[i] = load_word(block + 4 * i); }
    for (std::size_t i = 16; i < w.size(); ++i) {
        const std::uint32_t a = w[i - 15];
        const std::uint32_t b = w[i - 2];
        const std::uint32_t s0 = std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3;
        const std::uint32_t s1 = std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    std::array<std::uint32_t, 8> v = state_; // a to h of the standard
    for (std::size_t i = 0; i < w.size(); ++i) {
        const std::uint32_t s1 = std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
        const std::uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        const std::uint32_t t1 = v[7] + s1 + choice + round_constants[i] + w[i];
        const std::uint32_t s0 = std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
        const std::uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        std::shift_right(v.begin(), v.end(), 1);
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (std::size_t i = 0; i < v.size(); ++i) { state_[i] += v[i]; }
}

void sha256::update(const_byte_span bytes) noexcept {
    const std::size_t kept = size_ % block_size;
    size_ += bytes.size();
    if (kept != 0) {
        const std::size_t more = std::min(block_size - kept, bytes.size());
        std::copy_n(bytes.begin(), more, rest_.begin() + static_cast<std::ptrdiff_t>(kept));
        bytes = bytes.subspan(more);
        if (kept + more < block_size) { return; }
        take_block(rest_.data());
    }
    for (; bytes.size() >= block_size; bytes = bytes.subspan(block_size)) { take_block(bytes.data()); }
    std::ranges::copy(bytes, rest_.begin());
}

sha256_digest sha256::finish() noexcept {
    std::array<std::byte, 8> bits{};
    store_word(size_ * 8, bits.data());
    // A one bit, zeros until 8 bytes are left of a block, and the length.
    const std::array<std::byte, block_size> padding{std::byte{0x80}};
    const std::size_t used = (size_ + bits.size()) % block_size;
    update(const_byte_span(padding).first(block_size - used));
    update(bits);
    sha256_digest out;
    for (std::size_t i = 0; i < state_.size(); ++i) { store_word(state_[i], out.data() + 4 * i); }
    return out;
}

hmac_sha256::hmac_sha256(const_byte_span key) noexcept {
    std::array<std::byte, sha256::block_size> block{};
    if (key.size() > block.size()) {
        sha256 shorter;
        shorter.update(key);
        std::ranges::copy(shorter.finish(), block.begin());
    } else {
        std::ranges::copy(key, block.begin());
    }
    for (std::byte& b : block) { b ^= inner_pad; }
    inner_.update(block);
    for (std::byte& b : block) { b ^= inner_pad ^ outer_pad; }
    outer_.update(block);
}

sha256_digest hmac_sha256::finish() noexcept {
    outer_.update(inner_.finish());
    return outer_.finish();
}

bool equal_in_constant_time(const sha256_digest& a, const sha256_digest& b) noexcept {
    std::byte different{0};
    for (std::size_t i = 0; i < a.size(); ++i) { different |= a[i] ^ b[i]; }
    // Opaque to the optimiser, which could otherwise leave the loop at the first difference.
    asm volatile("" : "+r"(different));
    return different == std::byte{0};
}

} // namespace benchfs
