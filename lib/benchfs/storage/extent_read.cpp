// Reading in the io_uring engine: every block that comes from the disk is verified before a byte of it is used,
// here or, where it is asked for whole, by its reader.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/log.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {

runtime::task<status> extent_store::read(read_slot& slot) {
    slot.source.clear();
    slot.valid = 0;
    slot.engine_word[0] = 0;
    slot.gets = false;
    BFS_CO_CHECK(check_range(slot));
    const record* chunk = chunks_.find(slot.chunk);
    if (chunk == nullptr || slot.offset >= chunk->length) { co_return ok(); }
    const std::uint32_t valid = std::min(slot.size, chunk->length - slot.offset);
    std::unique_ptr<transfer> t = new_transfer(slot, valid);
    if (slot.caller_verifies) {
        t->trusted = (slot.offset + block_size - 1) / block_size;
        t->trusted_end = (slot.offset + valid) / block_size;
    }
    if (slot.can_get && begin_getting(*chunk, *t)) {
        slot.gets = true;
        slot.valid = valid;
        keep(slot, std::move(t));
        co_return ok();
    }
    // The record may be gone after the first suspension: load() takes what it needs before that.
    status done = buffers_->acquire(t->count, t->data);
    if (done) { done = co_await load(slot.chunk, chunk->map, *t); }
    if (!done) {
        recycle(std::move(t));
        co_return done;
    }
    t->data.each(slot.offset % block_size, valid, [&](byte_span part) { slot.source.push(part); });
    slot.valid = valid;
    keep(slot, std::move(t));
    co_return ok();
}

/// Reads and verifies the transfer's blocks: holes and what was cut off as zeros, a checksum for each.
runtime::task<status> extent_store::load(chunk_id chunk, const extent_map& map, transfer& t) {
    map.find(t.first, t.count, t.mapped);
    std::uint32_t at = t.first;
    const auto hole_until = [&](std::uint32_t end) {
        for (; at < end; ++at) {
            std::memset(t.data.block(at - t.first), 0, block_size);
            t.crcs[at - t.first] = zero_block_crc();
        }
    };
    struct cut_block {
        std::uint32_t block;
        std::uint32_t valid;
    };
    std::vector<cut_block> cuts; // almost always empty
    for (const chunk_extent& e : t.mapped) {
        hole_until(e.first);
        add_jobs(t, e.first - t.first, e.count, e.disk);
        for (; at < e.first + e.count; ++at) {
            t.crcs[at - t.first] = map.crc(at);
            const std::uint32_t valid = map.valid_bytes(at);
            if (valid == block_size) { continue; }
            // It leaves with another checksum than the disk's.
            cuts.push_back({at - t.first, valid});
            t.trusted_end = std::min(t.trusted_end, at);
        }
    }
    hole_until(t.first + t.count);
    if (!t.jobs.empty()) {
        segment_files::read_guard guard(*segments_);
        BFS_CO_CHECK(co_await segments_->read(t.jobs));
    }
    BFS_CO_CHECK(verify(chunk, t));
    for (const cut_block& c : cuts) {
        std::byte* block = t.data.block(c.block);
        std::memset(block + c.valid, 0, block_size - c.valid);
        t.crcs[c.block] = block_crc(block);
    }
    co_return ok();
}

status extent_store::verify(chunk_id chunk, transfer& t) const {
    for (const chunk_extent& e : t.mapped) {
        for (std::uint32_t i = 0; i < e.count; ++i) {
            const std::uint32_t at = e.first + i - t.first;
            if (e.first + i >= t.trusted && e.first + i < t.trusted_end) { continue; }
            if (block_crc(t.data.block(at)) == t.crcs[at]) { continue; }
            BFS_LOG_ERROR(
                "storage",
                "wrong bytes on the device: %s does not match its checksum (file %#llx, chunk %u, offset "
                "%llu of the chunk); check the device, and restore the file",
                segments_->describe(e.disk + i).c_str(), static_cast<unsigned long long>(chunk.file.value),
                chunk.index, static_cast<unsigned long long>(e.first + i) * block_size);
            return errc::io_error;
        }
    }
    return ok();
}

std::size_t extent_store::checksums(const read_slot& slot, std::span<std::uint32_t> out) const noexcept {
    if (slot.engine_word[0] == 0) { return 0; }
    const auto* t = reinterpret_cast<const transfer*>(slot.engine_word[0]);
    const std::size_t n = std::min<std::size_t>(whole_blocks(slot.offset, slot.valid), out.size());
    const std::size_t skip = slot.offset % block_size != 0 ? 1 : 0;
    std::copy_n(t->crcs.begin() + static_cast<std::ptrdiff_t>(skip), n, out.begin());
    return n;
}

} // namespace benchfs::storage
