// The whole blocks of a part of a chunk, and their checksums.
#pragma once

#include "benchfs/base/crc32c.hpp"
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

/// Sums the whole blocks of a part in order, as far as its bytes are there.
class block_sums {
public:
    block_sums() noexcept = default;
    explicit block_sums(block_range blocks) noexcept : blocks_(blocks) {}

    [[nodiscard]] std::uint32_t count() const noexcept { return blocks_.count; }
    /// The first `end` bytes of the part are there: puts the sums that this adds into `sums`, which has room
    /// for count().
    void sum(const std::byte* part, std::size_t end, std::uint32_t* sums) noexcept {
        for (; done_ < blocks_.count; ++done_) {
            const std::size_t block = blocks_.first + std::size_t{done_} * crc_block;
            if (block + crc_block > end) { return; }
            sums[done_] = crc32c({part + block, crc_block});
        }
    }

private:
    block_range blocks_;
    std::uint32_t done_ = 0;
};

} // namespace benchfs
