// The hash that places things on servers: the same on every machine and in every release (xxHash64).
//
// It places and never identifies: two keys may share a hash.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace benchfs {

[[nodiscard]] std::uint64_t hash64(const_byte_span data, std::uint64_t seed = 0) noexcept;

[[nodiscard]] inline std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0) noexcept {
    return hash64(std::as_bytes(std::span<const char>(text.data(), text.size())), seed);
}

} // namespace benchfs
