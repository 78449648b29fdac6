#include "benchfs/storage/io_buffers.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {
namespace {

// Lent buffers below this size are left alone: a transfer would need too many.
constexpr std::size_t smallest_lent = 256 * KiB;

} // namespace

void block_buffer::copy_out(std::uint32_t i, byte_span to) const noexcept {
    while (!to.empty()) {
        const std::size_t n = std::min(to.size(), contiguous(i) * std::size_t{block_size});
        std::memcpy(to.data(), block(i), n);
        to = to.subspan(n);
        i += static_cast<std::uint32_t>(n / block_size);
    }
}

io_buffers::io_buffers(disk& d, std::size_t most) noexcept
    : disk_(d),
      most_(most),
      lends_(d.lent_size() >= smallest_lent),
      sizes_{16 * KiB, 64 * KiB, lends_ ? d.lent_size() / block_size * block_size : 1 * MiB} {
    // release() must not allocate.
    for (std::size_t k = 0; k < kinds; ++k) { free_[k].reserve(kept[k]); }
}

status io_buffers::acquire(std::uint32_t blocks, block_buffer& out) {
    if (taken_ + std::size_t{blocks} * block_size > most_) { return errc::try_again; }
    return acquire_beyond(blocks, out);
}

status io_buffers::acquire_beyond(std::uint32_t blocks, block_buffer& out) {
    const std::size_t bytes = std::size_t{blocks} * block_size;
    const std::size_t kind = bytes <= sizes_[0] ? 0 : bytes <= sizes_[1] ? 1 : 2;
    BFS_ASSERT(out.pieces_.empty());
    out.piece_bytes_ = sizes_[kind];
    for (std::size_t have = 0; have < bytes; have += sizes_[kind]) {
        block_buffer::piece fresh;
        if (kind == 2 && lends_) { fresh.lent = disk_.try_lend(); }
        if (fresh.lent.data == nullptr) {
            if (free_[kind].empty()) {
                fresh.heap = buffer::allocate(sizes_[kind]);
            } else {
                fresh.heap = std::move(free_[kind].back());
                free_[kind].pop_back();
            }
            if (!fresh.heap) {
                release(out);
                return errc::no_memory;
            }
            fresh.lent = {fresh.heap.data(), -1, 0};
            taken_ += sizes_[kind];
        }
        out.pieces_.push_back(std::move(fresh));
    }
    return ok();
}

void io_buffers::release(block_buffer& b) noexcept {
    const auto kind = static_cast<std::size_t>(std::find(sizes_, sizes_ + kinds, b.piece_bytes_) - sizes_);
    for (block_buffer::piece& p : b.pieces_) {
        if (!p.heap) {
            disk_.give_back(p.lent);
            continue;
        }
        taken_ -= sizes_[kind];
        if (free_[kind].size() < kept[kind]) { free_[kind].push_back(std::move(p.heap)); }
    }
    b.pieces_.clear();
}

} // namespace benchfs::storage
