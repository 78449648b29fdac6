#include "pattern.hpp"

#include "benchfs/base/types.hpp"

namespace benchfs::bench {

namespace {

constexpr std::size_t word_bytes = sizeof(std::uint64_t);

std::uint64_t word_at(std::uint64_t seed, std::size_t at) noexcept {
    return mix64(seed * 0x9e3779b97f4a7c15ULL + at + 1);
}

} // namespace

void fill_pattern(byte_span to, std::uint64_t seed) noexcept {
    for (std::size_t at = 0; at < to.size(); at += word_bytes) {
        const std::uint64_t word = word_at(seed, at / word_bytes);
        std::memcpy(to.data() + at, &word, std::min(word_bytes, to.size() - at));
    }
}

std::optional<std::size_t> first_difference(const_byte_span bytes, std::uint64_t seed) noexcept {
    for (std::size_t at = 0; at < bytes.size(); at += word_bytes) {
        const std::uint64_t word = word_at(seed, at / word_bytes);
        const auto expected = std::as_bytes(std::span<const std::uint64_t, 1>(&word, 1));
        const std::size_t n = std::min(word_bytes, bytes.size() - at);
        if (std::memcmp(bytes.data() + at, expected.data(), n) == 0) { continue; }
        for (std::size_t i = 0; i < n; ++i) {
            if (bytes[at + i] != expected[i]) { return at + i; }
        }
    }
    return std::nullopt;
}

} // namespace benchfs::bench
