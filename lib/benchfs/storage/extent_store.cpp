// Opening, turns and the small calls; reading and writing are in extent_read.cpp and extent_write.cpp.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/log.hpp"

#include <algorithm>

namespace benchfs::storage {

runtime::task<result<std::unique_ptr<extent_store>>>
extent_store::open(std::unique_ptr<disk> where, std::unique_ptr<change_log> log, segment_options options) {
    std::unique_ptr<extent_store> store(new extent_store(std::move(log)));
    BFS_CO_TRY(store->segments_, co_await segment_files::open(std::move(where), *store->log_, options));
    store->buffers_ = std::make_unique<io_buffers>(store->segments_->where());
    co_return store;
}

extent_store::~extent_store() {
    BFS_ASSERT(out_ == 0); // every slot was committed, abandoned or released
}

runtime::task<status> extent_store::sync() {
    if (!log_->covers_data()) { BFS_CO_CHECK(co_await segments_->sync()); }
    co_return co_await log_->make_durable(log_->newest());
}

runtime::task<status> extent_store::close() {
    BFS_ASSERT(out_ == 0);
    const status logged = co_await log_->close();
    const status closed = co_await segments_->close();
    co_return logged ? closed : logged;
}

std::uint32_t extent_store::length(chunk_id chunk) const noexcept {
    const record* found = chunks_.find(chunk);
    return found == nullptr ? 0 : found->length;
}

store_stats extent_store::stats() const noexcept {
    return {chunks_.size(), segments_->used_bytes(), segments_->limit_bytes(), 0};
}

// ---- transfers ----

std::unique_ptr<extent_store::transfer> extent_store::new_transfer(const io_slot& slot, std::uint32_t bytes) {
    if (spare_.empty()) {
        spare_.reserve(2 * out_ + 8); // recycle() must not allocate
        spare_.push_back(std::make_unique<transfer>());
    }
    std::unique_ptr<transfer> t = std::move(spare_.back());
    spare_.pop_back();
    ++out_;
    t->first = slot.offset / block_size;
    t->count = (slot.offset + bytes + block_size - 1) / block_size - t->first;
    t->trusted = 0;
    t->trusted_end = 0;
    t->moved = 0;
    t->fetched = ~0U;
    t->how = way::buffered;
    t->crcs.assign(t->count, 0);
    return t;
}

void extent_store::recycle(std::unique_ptr<transfer> t) noexcept {
    buffers_->release(t->data);
    t->guard.reset();
    segments_->give_back(t->space);
    t->space.clear();
    t->freed.clear();
    t->mapped.clear();
    t->jobs.clear();
    --out_;
    spare_.push_back(std::move(t));
}

/// Blocks from number `first` of the transfer's memory on and as many on the disk, a job for each piece of
/// memory.
void extent_store::add_jobs(transfer& t, std::uint32_t first, std::uint32_t count, std::uint32_t disk) {
    for (std::uint32_t done = 0; done < count;) {
        const std::uint32_t n = std::min(count - done, t.data.contiguous(first + done));
        t.jobs.push_back({disk + done, n, t.data.block(first + done), t.data.index(first + done)});
        done += n;
    }
}

void extent_store::keep(io_slot& slot, std::unique_ptr<transfer> t) noexcept {
    slot.engine_word[0] = reinterpret_cast<std::uintptr_t>(t.release());
}

std::unique_ptr<extent_store::transfer> extent_store::take_back(io_slot& slot) noexcept {
    return std::unique_ptr<transfer>(reinterpret_cast<transfer*>(std::exchange(slot.engine_word[0], 0)));
}

void extent_store::abandon(write_slot& slot) noexcept {
    slot.target.clear();
    if (auto t = take_back(slot)) { recycle(std::move(t)); }
}

void extent_store::release(read_slot& slot) noexcept {
    slot.source.clear();
    slot.valid = 0;
    if (auto t = take_back(slot)) { recycle(std::move(t)); }
}

// ---- turns ----

void extent_store::enter(record& chunk, turn& mine) noexcept {
    bool blocked = false;
    chunk.turns.for_each(
        [&](turn& earlier) { blocked = blocked || (earlier.first < mine.end && mine.first < earlier.end); });
    chunk.turns.push_back(mine);
    if (!blocked) { mine.ready.set(); }
}

/// Ends a turn, lets those go that it held up, and forgets the chunk if nothing is left of it.
void extent_store::leave(record& chunk, turn& mine) noexcept {
    mine.unlink();
    chunk.turns.for_each([&](turn& candidate) {
        if (candidate.ready.is_set()) { return; }
        bool blocked = false;
        bool before = true;
        chunk.turns.for_each([&](turn& other) {
            before = before && &other != &candidate;
            blocked = blocked || (before && other.first < candidate.end && candidate.first < other.end);
        });
        if (!blocked) { candidate.ready.set(); }
    });
    if (chunk.turns.empty() && chunk.length == 0 && chunk.map.empty()) { chunks_.erase(chunk); }
}

runtime::task<status> extent_store::truncate(chunk_id id, std::uint32_t size) {
    record* chunk = chunks_.find(id);
    if (chunk == nullptr) { co_return ok(); }
    turn mine;
    mine.first = size / block_size;
    mine.end = max_chunk / block_size + 1;
    enter(*chunk, mine);
    status done = co_await mine.ready.wait();
    if (done && size < chunk->length) { done = cut(*chunk, size); }
    leave(*chunk, mine);
    co_return done;
}

status extent_store::cut(record& chunk, std::uint32_t size) {
    BFS_TRY(const log_position position, log_->record_truncate(chunk.id, size));
    std::vector<disk_extent> freed;
    chunk.map.cut(size, freed);
    chunk.length = size;
    segments_->retire(freed, chunk.born, position);
    return ok();
}

} // namespace benchfs::storage
