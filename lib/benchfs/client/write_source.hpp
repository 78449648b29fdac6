// The payload of a write: the caller's bytes, and behind them the checksums of their blocks.
#pragma once

#include "benchfs/client/block_range.hpp"
#include "benchfs/transport/transport.hpp"

#include <algorithm>
#include <memory>
#include <span>

namespace benchfs {

/// The memory outlives the call, and this does, too.
class write_source final : public transport::payload_completer {
public:
    /// `offset`: of the part in its chunk. Without `checksums` only the bytes go.
    write_source(const_byte_span bytes, std::uint32_t offset, bool checksums) : bytes_(bytes), payload_(bytes) {
        if (!checksums) { return; }
        blocks_ = block_sums(whole_blocks(offset, static_cast<std::uint32_t>(bytes.size())));
        if (blocks_.count() == 0) { return; }
        crcs_ = std::make_unique_for_overwrite<std::uint32_t[]>(blocks_.count());
        payload_.push(std::as_bytes(std::span(crcs_.get(), blocks_.count())));
    }
    write_source(const write_source&) = delete;
    write_source& operator=(const write_source&) = delete;

    [[nodiscard]] const const_segments& payload() const noexcept { return payload_; }

    /// Sums what leaves next, piece by piece: the server has the first piece before the last one is summed, and
    /// the copy finds in the cache what was summed just before.
    void complete(std::size_t until) noexcept override {
        // Where checksums begin to leave, all are there: the bytes before them have left.
        blocks_.sum(bytes_.data(), std::min(until, bytes_.size()), crcs_.get());
    }

private:
    const_byte_span bytes_;
    const_segments payload_;
    block_sums blocks_;
    std::unique_ptr<std::uint32_t[]> crcs_;
};

} // namespace benchfs
