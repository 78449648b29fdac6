// Bytes in pieces, straight between the page cache and where they come from or go to: a copy less for each.
// What is written with O_DIRECT goes past the processor's cache into the memory that the device reads.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/stream_copy.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t hole = ~0U;

/// Calls visit(first, count, disk) for the parts of blocks [first, end) of a chunk, in order, until one fails;
/// what no extent has is a `hole`.
template <class F>
[[nodiscard]] status each_part(std::span<const chunk_extent> mapped, std::uint32_t first, std::uint32_t end,
                               F&& visit) {
    for (const chunk_extent& e : mapped) {
        const std::uint32_t begin = std::max(first, e.first);
        const std::uint32_t until = std::min(end, e.first + e.count);
        if (begin >= until) { continue; }
        if (first < begin) { BFS_CHECK(visit(first, begin - first, hole)); }
        BFS_CHECK(visit(begin, until - begin, e.disk + (begin - e.first)));
        first = until;
    }
    return first < end ? visit(first, end - first, hole) : ok();
}

} // namespace

/// Fresh blocks may be written before anybody knows of them, so bytes that come in pieces need no memory here.
status extent_store::put(write_slot& slot, const_byte_span bytes) {
    if (slot.engine_word[0] == 0) { return errc::invalid_argument; }
    transfer& t = transfer_of(slot);
    auto left = static_cast<std::uint32_t>(bytes.size() / block_size);
    const bool takes = (t.in_pieces || t.streamed) && left <= t.count - t.moved;
    if (!takes || bytes.size() % block_size != 0) { return errc::bad_frame; }
    const std::byte* from = bytes.data();
    // For a device that reads the memory itself: bytes that no cache needs. See below for who changes them.
    for (; t.streamed && left != 0; --left, from += block_size) {
        stream_copy(t.data.block(t.moved), from, block_size);
        t.crcs[t.moved++] = block_crc(from);
    }
    std::uint32_t begin = 0; // of a run of space, in blocks of the write
    for (const disk_extent& run : t.space) {
        const std::uint32_t end = begin + run.count;
        if (left != 0 && t.moved < end) {
            const std::uint32_t n = std::min(end - t.moved, left);
            // Who changes the bytes between the copy and the sum gets io_error for them later: only their own.
            BFS_CHECK(segments_->write_now(run.block + (t.moved - begin), {from, std::size_t{n} * block_size}));
            for (std::uint32_t i = 0; i < n; ++i) {
                t.crcs[t.moved + i] = block_crc(from + std::size_t{i} * block_size);
            }
            from += std::size_t{n} * block_size;
            t.moved += n;
            left -= n;
        }
        begin = end;
    }
    return ok();
}

/// Whether a read needs no memory here: whole blocks that their reader verifies, and that lie in the page cache
/// as far as the first of them tells. What the map says is kept, since it may change meanwhile.
bool extent_store::begin_getting(const record& chunk, transfer& t) {
    const bool all_trusted = t.trusted == t.first && t.trusted_end == t.first + t.count;
    if (!all_trusted || !segments_->copies()) { return false; }
    if (!t.edge) { t.edge = buffer::allocate(block_size); }
    chunk.map.find(t.first, t.count, t.mapped);
    bool good = t.edge && !t.mapped.empty() && segments_->read_now(t.mapped[0].disk, t.edge.span());
    t.crcs.assign(t.count, zero_block_crc());
    for (const chunk_extent& e : t.mapped) {
        for (std::uint32_t at = e.first; at < e.first + e.count; ++at) {
            t.crcs[at - t.first] = chunk.map.crc(at);
            good = good && chunk.map.valid_bytes(at) == block_size;
        }
    }
    if (good) {
        t.guard.emplace(*segments_);
    } else {
        t.mapped.clear();
    }
    t.in_pieces = good;
    return good;
}

status extent_store::get(read_slot& slot, byte_span to) {
    if (slot.engine_word[0] == 0) { return errc::invalid_argument; }
    transfer& t = transfer_of(slot);
    const auto count = static_cast<std::uint32_t>(to.size() / block_size);
    if (!t.in_pieces || to.size() % block_size != 0 || count > t.count - t.moved) {
        return errc::invalid_argument;
    }
    // Who waits for space that is kept for this read shall not depend on how fast its client is.
    if (t.guard && segments_->space_wanted()) { return errc::try_again; }
    const std::uint32_t first = t.first + t.moved;
    BFS_CHECK(
        each_part(t.mapped, first, first + count, [&](std::uint32_t at, std::uint32_t n, std::uint32_t disk) {
            const byte_span part =
                to.subspan(std::size_t{at - first} * block_size, std::size_t{n} * block_size);
            if (disk == hole) {
                std::memset(part.data(), 0, part.size());
            } else if (t.moved < t.fetched) {
                return segments_->read_now(disk, part);
            } else {
                t.data.copy_out(at - t.first - t.fetched, part);
            }
            return ok();
        }));
    t.moved += count;
    return ok();
}

/// All that is left goes into memory: what is not in the page cache is rarely followed by what is.
runtime::task<status> extent_store::fetch(read_slot& slot) {
    if (slot.engine_word[0] == 0) { co_return errc::invalid_argument; }
    transfer& t = transfer_of(slot);
    if (!t.guard) { co_return errc::invalid_argument; }
    BFS_CO_CHECK(buffers_->acquire(t.count - t.moved, t.data));
    const std::uint32_t first = t.first + t.moved;
    t.jobs.clear();
    BFS_CO_CHECK(each_part(t.mapped, first, t.first + t.count,
                           [&](std::uint32_t at, std::uint32_t n, std::uint32_t disk) {
                               if (disk != hole) { add_jobs(t, at - first, n, disk); }
                               return ok();
                           }));
    BFS_CO_CHECK(co_await segments_->read(t.jobs));
    t.fetched = t.moved;
    t.guard.reset();
    co_return ok();
}

} // namespace benchfs::storage
