// Writing in the io_uring engine: to fresh space, then the record, then the map.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/log.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {

runtime::task<status> extent_store::prepare(write_slot& slot) {
    slot.target.clear();
    slot.engine_word[0] = 0;
    slot.puts = slot.gathers = false;
    BFS_CO_CHECK(check_range(slot));
    std::unique_ptr<transfer> t = new_transfer(slot, slot.size);
    const bool whole = slot.offset % block_size == 0 && slot.size % block_size == 0;
    if (slot.can_put && whole) {
        if (segments_->direct()) { t->how = way::streamed; }
        if (segments_->copies()) { t->how = way::cached; }
    }
    status done;
    if (t->how != way::cached) { done = buffers_->acquire(t->count, t->data); }
    if (done) { done = co_await segments_->take(t->count, t->space); }
    if (!done) {
        recycle(std::move(t));
        co_return done;
    }
    if (t->how != way::buffered) {
        slot.puts = true;
        slot.gathers = t->how == way::cached; // one system call for all that is there
        keep(slot, std::move(t));
        co_return ok();
    }
    // Blocks keep their alignment in memory: what surrounds an unaligned write is filled in around it.
    t->data.each(slot.offset % block_size, slot.size, [&](byte_span part) { slot.target.push(part); });
    keep(slot, std::move(t));
    co_return ok();
}

runtime::task<status> extent_store::commit(write_slot& slot, std::span<const std::uint32_t> crcs) {
    std::unique_ptr<transfer> t = take_back(slot);
    slot.target.clear();
    if (!t) { co_return errc::invalid_argument; }
    status done;
    if (t->how != way::buffered && t->moved != t->count) { done = errc::invalid_argument; }
    if (done) { done = sum_whole_blocks(slot, *t, crcs); }
    if (done) { done = co_await write(slot, *t); }
    recycle(std::move(t));
    co_return done;
}

/// Sums the blocks that the write covers whole, and compares with what its sender has computed.
status extent_store::sum_whole_blocks(const write_slot& slot, transfer& t,
                                      std::span<const std::uint32_t> given) {
    const std::uint32_t whole = whole_blocks(slot.offset, slot.size);
    if (!given.empty() && given.size() != whole) { return errc::invalid_argument; }
    const std::uint32_t skip = slot.offset % block_size != 0 ? 1 : 0;
    for (std::uint32_t i = 0; i < whole; ++i) {
        if (t.how == way::buffered) { t.crcs[skip + i] = block_crc(t.data.block(skip + i)); }
        if (given.empty() || given[i] == t.crcs[skip + i]) { continue; }
        BFS_LOG_ERROR(
            "storage",
            "bytes to write do not match their checksum (file %#llx, chunk %u, offset %llu of the chunk): "
            "damaged on the way, or summed wrongly by the client; nothing was written",
            static_cast<unsigned long long>(slot.chunk.file.value), slot.chunk.index,
            static_cast<unsigned long long>(t.first + skip + i) * block_size);
        return errc::io_error;
    }
    return ok();
}

runtime::task<status> extent_store::write(const write_slot& slot, transfer& t) {
    record& chunk = chunks_.find_or_insert(slot.chunk);
    turn mine;
    mine.first = t.first;
    mine.end = t.first + t.count;
    enter(chunk, mine);
    status done = co_await mine.ready.wait();
    if (done) { done = co_await apply(chunk, slot, t); }
    leave(chunk, mine);
    co_return done;
}

runtime::task<status> extent_store::apply(record& chunk, const write_slot& slot, transfer& t) {
    if (t.how != way::cached) {
        BFS_CO_CHECK(co_await fill_edges(chunk, slot, t));
        BFS_CO_CHECK(co_await write_blocks(t));
    }
    extent_record change{chunk.id, t.first, std::max(chunk.length, slot.offset + slot.size), t.space, t.crcs};
    // Record and switch in one step: the log has changes in the order in which they happened.
    BFS_CO_TRY(const log_position position, log_->record_extents(change));
    if (chunk.map.empty()) { chunk.born = position; }
    chunk.map.replace(t.first, t.space, t.crcs, segments_->stride(), t.freed);
    t.space.clear(); // the map's now
    chunk.length = change.length;
    segments_->retire(t.freed, chunk.born, position);
    co_return ok();
}

runtime::task<status> extent_store::write_blocks(transfer& t) {
    t.jobs.clear();
    std::uint32_t at = 0;
    for (const disk_extent& run : t.space) {
        add_jobs(t, at, run.count, run.block);
        at += run.count;
    }
    return segments_->write(t.jobs);
}

/// Fills in what the chunk holds around an unaligned write, and sums those blocks.
runtime::task<status> extent_store::fill_edges(record& chunk, const write_slot& slot, transfer& t) {
    const std::uint32_t end = slot.offset + slot.size;
    const std::uint32_t last = t.count - 1;
    const std::uint32_t front = slot.offset % block_size;
    const std::uint32_t back = end % block_size == 0 ? block_size : end % block_size;
    if (front != 0 || (last == 0 && back != block_size)) {
        BFS_CO_CHECK(co_await fill_edge(chunk, t, 0, front, last == 0 ? back : block_size));
    }
    if (last != 0 && back != block_size) { BFS_CO_CHECK(co_await fill_edge(chunk, t, last, 0, back)); }
    co_return ok();
}

/// The write has bytes [from, to) of a block; the others come from the disk, or are zeros.
runtime::task<status> extent_store::fill_edge(record& chunk, transfer& t, std::uint32_t block,
                                              std::uint32_t from, std::uint32_t to) {
    std::byte* here = t.data.block(block);
    const std::uint32_t at = t.first + block;
    std::vector<chunk_extent>& mapped = t.mapped;
    mapped.clear();
    chunk.map.find(at, 1, mapped);
    if (mapped.empty()) {
        std::memset(here, 0, from);
        std::memset(here + to, 0, block_size - to);
        t.crcs[block] = block_crc(here);
        co_return ok();
    }
    if (!t.edge) { t.edge = buffer::allocate(block_size); }
    if (!t.edge) { co_return errc::no_memory; }
    // Nobody else changes this block during our turn.
    const block_job job{mapped[0].disk, 1, t.edge.data(), -1};
    {
        segment_files::read_guard guard(*segments_);
        BFS_CO_CHECK(co_await segments_->read(std::span<const block_job>(&job, 1)));
    }
    if (block_crc(t.edge.data()) != chunk.map.crc(at)) {
        BFS_LOG_ERROR(
            "storage",
            "wrong bytes on the device: %s does not match its checksum, so a part of that block cannot be "
            "rewritten (file %#llx, chunk %u); check the device",
            segments_->describe(job.block).c_str(), static_cast<unsigned long long>(chunk.id.file.value),
            chunk.id.index);
        co_return errc::io_error;
    }
    const std::uint32_t valid = chunk.map.valid_bytes(at);
    std::memset(t.edge.data() + valid, 0, block_size - valid);
    std::memcpy(here, t.edge.data(), from);
    std::memcpy(here + to, t.edge.data() + to, block_size - to);
    t.crcs[block] = block_crc(here);
    co_return ok();
}

} // namespace benchfs::storage
