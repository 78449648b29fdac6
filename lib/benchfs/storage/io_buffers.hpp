// Memory for reads and writes of the io_uring engine: the disk's registered buffers while there are any, the
// heap otherwise. Heap pieces are kept and reused: fresh pages cost more than the I/O.
#pragma once

#include "benchfs/base/buffer.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/disk.hpp"

#include <cstdint>
#include <vector>

namespace benchfs::storage {

/// A run of blocks in equal pieces of memory (the last may be used in part).
class block_buffer {
public:
    struct piece {
        lent_buffer lent; // index and token count only if it came from the disk
        buffer heap;      // or here
    };

    [[nodiscard]] std::byte* block(std::uint32_t i) const noexcept {
        const std::size_t at = std::size_t{i} * block_size;
        return pieces_[at / piece_bytes_].lent.data + at % piece_bytes_;
    }
    /// Copies whole blocks, from number i on.
    void copy_out(std::uint32_t i, byte_span to) const noexcept;
    /// For the disk: the index of the lent buffer that a block lies in.
    [[nodiscard]] int index(std::uint32_t i) const noexcept {
        return pieces_[std::size_t{i} * block_size / piece_bytes_].lent.index;
    }
    /// How many blocks from i on are contiguous in memory.
    [[nodiscard]] std::uint32_t contiguous(std::uint32_t i) const noexcept {
        const std::size_t per_piece = piece_bytes_ / block_size;
        return static_cast<std::uint32_t>(per_piece - i % per_piece);
    }
    /// Calls visit(span) for the memory of bytes [from, from + size).
    template <class F>
    void each(std::uint32_t from, std::uint32_t size, F&& visit) const {
        for (std::size_t at = from, end = std::size_t{from} + size; at < end;) {
            const std::size_t part = std::min(end - at, piece_bytes_ - at % piece_bytes_);
            visit(byte_span{pieces_[at / piece_bytes_].lent.data + at % piece_bytes_, part});
            at += part;
        }
    }

private:
    friend class io_buffers;
    std::vector<piece> pieces_;
    std::size_t piece_bytes_ = block_size;
};

class io_buffers {
public:
    /// Of the heap, `most` bytes at a time: transfers of clients that do not move hold theirs for seconds.
    explicit io_buffers(disk& d, std::size_t most = 1 * GiB) noexcept;

    /// Memory for `blocks` blocks with arbitrary content, into an empty block_buffer. no_memory; try_again:
    /// others have as much as there may be.
    [[nodiscard]] status acquire(std::uint32_t blocks, block_buffer& out);
    /// The same for a transfer that has begun and cannot wait for others any more.
    [[nodiscard]] status acquire_beyond(std::uint32_t blocks, block_buffer& out);
    void release(block_buffer& b) noexcept;

private:
    static constexpr std::size_t kinds = 3;
    static constexpr std::size_t kept[kinds] = {64, 32, 32};

    disk& disk_;
    std::size_t most_;
    std::size_t taken_ = 0; // of the heap
    bool lends_;
    std::size_t sizes_[kinds]; // 16 KiB, 64 KiB, and that of the large pieces
    std::vector<buffer> free_[kinds];
};

} // namespace benchfs::storage
