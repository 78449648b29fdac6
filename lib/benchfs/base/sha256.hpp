// SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104): what proves that a peer knows the secret of its cluster.
//
// Written for a few hundred bytes a connection, not for speed; hash.hpp and crc32c.hpp are for data.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace benchfs {

using sha256_digest = std::array<std::byte, 32>;

/// The hash of bytes that come in any number of pieces.
class sha256 {
public:
    static constexpr std::size_t block_size = 64;

    void update(const_byte_span bytes) noexcept;
    /// The digest of everything so far. Once; nothing is added afterwards.
    [[nodiscard]] sha256_digest finish() noexcept;

private:
    void take_block(const std::byte* block) noexcept;

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::byte, block_size> rest_{};
    std::uint64_t size_ = 0; // bytes so far
};

/// Bytes that only who knows the key can make. Same use as sha256.
class hmac_sha256 {
public:
    explicit hmac_sha256(const_byte_span key) noexcept;
    void update(const_byte_span bytes) noexcept { inner_.update(bytes); }
    [[nodiscard]] sha256_digest finish() noexcept;

private:
    sha256 inner_;
    sha256 outer_;
};

/// Whether two digests are the same. The time it takes says nothing about where they differ.
[[nodiscard]] bool equal_in_constant_time(const sha256_digest& a, const sha256_digest& b) noexcept;

} // namespace benchfs
