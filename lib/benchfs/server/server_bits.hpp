// Sets of servers as notes have them: one bit for each (storage/FORMAT.md).
#pragma once

#include "benchfs/base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace benchfs::server {

/// False for a server that the bytes have no bit for.
[[nodiscard]] inline bool has_server(const_byte_span bits, std::uint32_t s) noexcept {
    return s / 8 < bits.size() && (bits[s / 8] & (std::byte{1} << (s % 8))) != std::byte{0};
}

/// The set with one more, for a cluster of `servers`; `before` is nullptr for the empty one.
[[nodiscard]] inline std::vector<std::byte> with_server(const std::vector<std::byte>* before, std::uint32_t s,
                                                        std::uint32_t servers) {
    std::vector<std::byte> bits((servers + 7) / 8);
    if (before != nullptr) {
        std::copy_n(before->begin(), std::min(before->size(), bits.size()), bits.begin());
    }
    bits[s / 8] |= std::byte{1} << (s % 8);
    return bits;
}

} // namespace benchfs::server
