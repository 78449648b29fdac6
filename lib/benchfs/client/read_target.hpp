// Receives a piece of a chunk, and verifies it with the checksums that came along.
#pragma once

#include "benchfs/client/block_range.hpp"
#include "benchfs/rpc/call.hpp"
#include "benchfs/rpc/messages/data.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

namespace benchfs {

/// Puts the data where the caller wants it and the checksums beside. The memory outlives the call.
class read_target final : public rpc::payload_target, private transport::payload_taker {
public:
    /// `offset`: of the part in its chunk.
    read_target(std::byte* memory, std::uint32_t offset, std::uint32_t size) noexcept
        : memory_(memory), offset_(offset), size_(size) {}

    bool place(const_byte_span reply, std::size_t size, segments& out) noexcept override {
        rpc::read_chunk::reply answer;
        if (!load(reply, answer) || answer.valid > size_ || answer.checksums > crc_max) { return false; }
        if (size != std::size_t{answer.valid} + 4 * std::size_t{answer.checksums}) { return false; }
        valid_ = answer.valid;
        blocks_ = block_sums(whole_blocks(offset_, valid_));
        taken_ = 0;
        crcs_.reset();
        out.push({memory_, valid_});
        if (answer.checksums == 0) { return true; }
        if (answer.checksums != blocks_.count()) { return false; }
        crcs_ = std::make_unique_for_overwrite<std::uint32_t[]>(2 * std::size_t{blocks_.count()});
        out.push(std::as_writable_bytes(std::span(crcs_.get(), blocks_.count())));
        return true;
    }

    /// A block is summed when it has come, while the nearest cache still has it: half the time of summing a MiB
    /// that has come as a whole.
    [[nodiscard]] transport::payload_taker* taker() noexcept override { return crcs_ ? this : nullptr; }

    /// Whether every block that came whole is what the server's checksum says.
    [[nodiscard]] bool verified(const rpc::read_chunk::reply& answer) noexcept {
        if (answer.checksums == 0) { return true; }
        blocks_.sum(memory_, valid_, ours()); // what no taker has seen
        return std::equal(crcs_.get(), ours(), ours());
    }

private:
    [[nodiscard]] errc take(const_byte_span bytes) noexcept override {
        if (const std::size_t n = std::min<std::size_t>(bytes.size(), valid_ - std::min(taken_, valid_));
            n != 0) {
            // All of it first: what comes from another core comes faster in one go than block by block.
            std::memcpy(memory_ + taken_, bytes.data(), n);
            taken_ += static_cast<std::uint32_t>(n);
            bytes = bytes.subspan(n);
            blocks_.sum(memory_, taken_, ours());
        }
        if (bytes.empty()) { return errc::ok; }
        const std::size_t behind = taken_ - valid_;
        if (bytes.size() > 4 * std::size_t{blocks_.count()} - behind) { return errc::bad_frame; }
        std::memcpy(reinterpret_cast<std::byte*>(crcs_.get()) + behind, bytes.data(), bytes.size());
        taken_ += static_cast<std::uint32_t>(bytes.size());
        return errc::ok;
    }

    [[nodiscard]] std::uint32_t* ours() const noexcept { return crcs_.get() + blocks_.count(); }

    std::byte* memory_;
    std::uint32_t offset_;
    std::uint32_t size_;
    std::uint32_t valid_ = 0;
    block_sums blocks_;
    std::uint32_t taken_ = 0;               // bytes, with those of the checksums behind the data
    std::unique_ptr<std::uint32_t[]> crcs_; // the server's, and behind them ours
};

} // namespace benchfs
