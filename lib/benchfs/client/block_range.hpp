// The whole blocks of a part of a chunk: what its checksums cover.
#pragma once

#include "benchfs/rpc/messages/data.hpp"

#include <cstddef>
#include <cstdint>

namespace benchfs {

inline constexpr std::uint32_t crc_block = 4096; // bytes that one checksum covers
inline constexpr std::size_t crc_max = rpc::io_max / crc_block;

struct block_range {
    std::uint32_t first = 0; // bytes into the part where the first whole block begins
    std::uint32_t count = 0;
};

[[nodiscard]] inline block_range whole_blocks(std::uint32_t offset, std::uint32_t size) noexcept {
    const std::uint32_t begin = (offset + crc_block - 1) / crc_block;
    const std::uint32_t end = (offset + size) / crc_block;
    return {begin * crc_block - offset, end > begin ? end - begin : 0};
}

} // namespace benchfs
