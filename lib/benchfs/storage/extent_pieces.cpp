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

status extent_store::put(write_slot& slot, const_byte_span bytes) {
    if (slot.engine_word[0] == 0) { return errc::invalid_argument; }
    transfer& t = transfer_of(slot);
    const bool takes = t.how != way::buffered && bytes.size() / block_size <= t.count - t.moved;
    if (!takes || bytes.size() % block_size != 0) { return errc::bad_frame; }
    // Who changes the bytes between their copy and their sum gets io_error for them later: only their own.
    if (t.how == way::streamed) {
        put_streamed(t, bytes);
    } else {
        BFS_CHECK(put_cached(t, bytes));
    }
    for (; !bytes.empty(); bytes = bytes.subspan(block_size)) { t.crcs[t.moved++] = block_crc(bytes.data()); }
    return ok();
}

/// For a device that reads the memory itself: bytes that no cache needs.
void extent_store::put_streamed(transfer& t, const_byte_span blocks) {
    const auto size = static_cast<std::uint32_t>(blocks.size());
    t.data.each(t.moved * block_size, size, [from = blocks.data()](byte_span part) mutable {
        stream_copy(part.data(), from, part.size());
        from += part.size();
    });
}

/// Fresh blocks may be written before anybody knows of them, so bytes that come in pieces need no memory here.
status extent_store::put_cached(transfer& t, const_byte_span blocks) {
    std::uint32_t skip = t.moved; // blocks of the space that were put before
    for (const disk_extent& run : t.space) {
        const std::uint32_t here = std::min(skip, run.count);
        skip -= here;
        const std::size_t n = std::min(std::size_t{run.count - here} * block_size, blocks.size());
        if (n == 0) { continue; }
        BFS_CHECK(segments_->write_now(run.block + here, blocks.first(n)));
        blocks = blocks.subspan(n);
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
    t.how = good ? way::cached : way::buffered;
    return good;
}

status extent_store::get(read_slot& slot, byte_span to) {
    if (slot.engine_word[0] == 0) { return errc::invalid_argument; }
    transfer& t = transfer_of(slot);
    const auto count = static_cast<std::uint32_t>(to.size() / block_size);
    if (t.how != way::cached || to.size() % block_size != 0 || count > t.count - t.moved) {
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
    BFS_CO_CHECK(buffers_->acquire_beyond(t.count - t.moved, t.data));
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
