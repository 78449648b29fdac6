// Receives a piece of a chunk, and verifies it with the checksums that came along.
#pragma once

#include "benchfs/base/crc32c.hpp"
#include "benchfs/rpc/call.hpp"
#include "benchfs/rpc/messages/data.hpp"

#include <memory>
#include <span>

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

/// Puts the data where the caller wants it and the checksums beside. The memory outlives the call.
class read_target final : public rpc::payload_target {
public:
    read_target(std::byte* memory, std::uint32_t size) noexcept : memory_(memory), size_(size) {}

    bool place(const_byte_span reply, std::size_t size, segments& out) noexcept override {
        rpc::read_chunk::reply answer;
        if (!load(reply, answer) || answer.valid > size_ || answer.checksums > crc_max) { return false; }
        if (size != std::size_t{answer.valid} + 4 * std::size_t{answer.checksums}) { return false; }
        out.push({memory_, answer.valid});
        if (answer.checksums != 0) {
            crcs_ = std::make_unique_for_overwrite<std::uint32_t[]>(answer.checksums);
            out.push(std::as_writable_bytes(std::span(crcs_.get(), answer.checksums)));
        }
        return true;
    }

    /// Whether every block that came whole is what the server's checksum says.
    [[nodiscard]] bool verified(std::uint32_t offset, const rpc::read_chunk::reply& answer) const noexcept {
        if (answer.checksums == 0) { return true; }
        const block_range blocks = whole_blocks(offset, answer.valid);
        if (blocks.count != answer.checksums) { return false; }
        for (std::uint32_t i = 0; i < blocks.count; ++i) {
            const const_byte_span bytes{memory_ + blocks.first + std::size_t{i} * crc_block, crc_block};
            if (crc32c(bytes) != crcs_[i]) { return false; }
        }
        return true;
    }

private:
    std::byte* memory_;
    std::uint32_t size_;
    std::unique_ptr<std::uint32_t[]> crcs_;
};

} // namespace benchfs
