#include "benchfs/storage/memory_store.hpp"

#include "benchfs/base/stream_copy.hpp"

#include <algorithm>
#include <bit>

namespace benchfs::storage {

// ---- granule tables ----

std::size_t granule_tables::size_class(std::uint32_t entries) noexcept {
    const auto power = static_cast<std::size_t>(std::bit_width(std::max(entries, smallest) - 1));
    BFS_ASSERT(power - 2 < sizes);
    return power - 2;
}

granule_tables::table granule_tables::grow(table old, std::uint32_t entries) {
    const std::size_t c = size_class(entries);
    const std::uint32_t capacity = smallest << c;
    if (free_[c].empty()) {
        owned_.push_back(std::make_unique<granule[]>(capacity));
        free_[c].push_back(owned_.back().get());
        free_[c].reserve(++made_[c]); // give_back() must not allocate
    }
    const table fresh{free_[c].back(), capacity};
    free_[c].pop_back();
    std::copy_n(old.entries, old.capacity, fresh.entries);
    std::fill(fresh.entries + old.capacity, fresh.entries + capacity, granule{});
    give_back(old);
    return fresh;
}

void granule_tables::give_back(table t) noexcept {
    if (t.entries != nullptr) { free_[size_class(t.capacity)].push_back(t.entries); }
}

// ---- the store ----

namespace {

/// Visits the granules of [offset, offset + size): visit(index, range).
template <class F>
status each_granule(std::uint32_t offset, std::uint32_t size, F&& visit) {
    for (std::uint32_t done = 0; done < size;) {
        const std::uint32_t from = (offset + done) % granule_size;
        const std::uint32_t part = std::min(granule_size - from, size - done);
        BFS_CHECK(visit((offset + done) / granule_size, granule_range{from, from + part}));
        done += part;
    }
    return ok();
}

/// Writes of this size on are not read back out of the cache: they go past it.
constexpr std::uint32_t least_streamed = 256U << 10;

/// A chunk's first granule may be a small block: small files are many.
constexpr bool may_be_small(std::uint32_t granule_index) noexcept { return granule_index == 0; }

} // namespace

result<std::unique_ptr<memory_store>> memory_store::create(runtime::loop& owner, std::uint64_t limit,
                                                           std::uint64_t ahead) {
    BFS_TRY(auto pool, memory_pool::create(limit, std::min(ahead, limit)));
    return std::unique_ptr<memory_store>(new memory_store(owner, std::move(pool)));
}

memory_store::memory_store(runtime::loop& owner, std::unique_ptr<memory_pool> pool)
    : loop_(owner), pool_(std::move(pool)) {
    loop_.add_idle(*this);
    idle_added_ = true;
}

memory_store::~memory_store() {
    if (idle_added_) { loop_.remove_idle(*this); }
}

runtime::task<status> memory_store::prepare(write_slot& slot) { co_return prepare_now(slot); }
runtime::task<status> memory_store::commit(write_slot& slot, std::span<const std::uint32_t>) {
    co_return commit_now(slot);
}
runtime::task<status> memory_store::read(read_slot& slot) { co_return read_now(slot); }
runtime::task<status> memory_store::truncate(chunk_id chunk, std::uint32_t size) {
    co_return truncate_now(chunk, size);
}
runtime::task<status> memory_store::sync() { co_return ok(); }

runtime::task<status> memory_store::close() {
    if (std::exchange(idle_added_, false)) { loop_.remove_idle(*this); }
    co_return ok();
}

granule* memory_store::granule_of(record& chunk, std::uint32_t i) noexcept {
    if (i == 0) { return &chunk.first; }
    return i - 1 < chunk.more.capacity ? &chunk.more.entries[i - 1] : nullptr;
}

/// How many bytes of granule i are below the chunk's length.
std::uint32_t memory_store::valid_in(const record& chunk, std::uint32_t i) noexcept {
    const std::uint32_t start = i * granule_size;
    return chunk.length <= start ? 0 : std::min(chunk.length - start, granule_size);
}

void memory_store::reach(record& chunk, std::uint32_t bytes) {
    const std::uint32_t beyond_first = (bytes + granule_size - 1) / granule_size - 1;
    if (beyond_first > chunk.more.capacity) { chunk.more = tables_.grow(chunk.more, beyond_first); }
}

void memory_store::erase_if_empty(record& chunk) noexcept {
    if (chunk.length != 0 || chunk.first.block != no_block) { return; }
    for (std::uint32_t i = 0; i < chunk.more.capacity; ++i) {
        if (chunk.more.entries[i].block != no_block) { return; }
    }
    tables_.give_back(chunk.more);
    chunks_.erase(chunk);
}

status memory_store::prepare_now(write_slot& slot) {
    slot.target.clear();
    BFS_CHECK(check_range(slot));
    record& chunk = chunks_.find_or_insert(slot.chunk);
    reach(chunk, slot.offset + slot.size);
    const status done = each_granule(slot.offset, slot.size, [&](std::uint32_t i, granule_range range) {
        return granule_prepare(*pool_, *granule_of(chunk, i), range, may_be_small(i), slot.target);
    });
    slot.puts = slot.can_put && slot.size >= least_streamed;
    slot.engine_word[0] = slot.engine_word[1] = 0; // where put() goes on: part of the target, byte in it
    if (!done) { abandon(slot); }
    return done;
}

status memory_store::put(write_slot& slot, const_byte_span bytes) {
    std::uint64_t& part = slot.engine_word[0];
    std::uint64_t& offset = slot.engine_word[1];
    while (!bytes.empty()) {
        if (part >= slot.target.count()) { return errc::bad_frame; }
        const byte_span to = slot.target[part].subspan(offset);
        const std::size_t n = std::min(to.size(), bytes.size());
        stream_copy(to.data(), bytes.data(), n);
        bytes = bytes.subspan(n);
        offset += n;
        if (n == to.size()) {
            ++part;
            offset = 0;
        }
    }
    return ok();
}

status memory_store::commit_now(write_slot& slot) {
    if (slot.target.count() == 0) { return errc::invalid_argument; }
    if (slot.puts && slot.engine_word[0] != slot.target.count()) {
        abandon(slot);
        return errc::invalid_argument;
    }
    // The chunk may have been removed since prepare(): this write is later than that.
    record& chunk = chunks_.find_or_insert(slot.chunk);
    reach(chunk, slot.offset + slot.size);
    std::uint32_t stored = 0;
    std::size_t at = 0;
    const status done =
        each_granule(slot.offset, slot.size, [&](std::uint32_t i, granule_range range) -> status {
            BFS_CHECK(
                granule_commit(*pool_, *granule_of(chunk, i), range, may_be_small(i), slot.target[at].data()));
            stored += range.to - range.from;
            ++at;
            return ok();
        });
    // A write that fails half-way may leave bytes, and then it has grown the chunk.
    if (stored != 0) { chunk.length = std::max(chunk.length, slot.offset + stored); }
    finish(slot, &chunk, stored);
    return done;
}

void memory_store::abandon(write_slot& slot) noexcept {
    if (slot.target.count() != 0) { finish(slot, chunks_.find(slot.chunk), 0); }
}

/// Ends a slot of whose bytes the first `stored` were committed.
void memory_store::finish(write_slot& slot, record* chunk, std::uint32_t stored) noexcept {
    std::size_t at = 0;
    const auto prepared = static_cast<std::uint32_t>(slot.target.bytes()); // less than size when prepare failed
    const status all = each_granule(slot.offset, prepared, [&](std::uint32_t i, granule_range range) {
        const std::byte* data = slot.target[at++].data();
        granule* g = chunk == nullptr ? nullptr : granule_of(*chunk, i);
        const bool abandoned = stored == 0;
        if (g != nullptr && abandoned) { granule_abandon(*pool_, *g, range, data); }
        pool_->unpin(pool_->block_of(data));
        if (g != nullptr && abandoned) { granule_trim(*pool_, *g, valid_in(*chunk, i)); }
        stored -= std::min(stored, range.to - range.from);
        return ok();
    });
    BFS_ASSERT(all);
    slot.target.clear();
    if (chunk != nullptr) { erase_if_empty(*chunk); }
}

status memory_store::read_now(read_slot& slot) {
    slot.source.clear();
    slot.valid = 0;
    BFS_CHECK(check_range(slot));
    record* chunk = chunks_.find(slot.chunk);
    if (chunk == nullptr || slot.offset >= chunk->length) { return ok(); }
    const std::uint32_t valid = std::min(slot.size, chunk->length - slot.offset);
    std::uint32_t left = (slot.offset + valid - 1) / granule_size - slot.offset / granule_size;
    const status done = each_granule(slot.offset, valid, [&](std::uint32_t i, granule_range range) {
        // Two spare: a piece for each granule still to come, and one for the end of a small block.
        const std::size_t most = const_segments::capacity - slot.source.count() - left;
        left -= left != 0 ? 1 : 0;
        granule* g = granule_of(*chunk, i);
        granule hole;
        return granule_read(*pool_, g == nullptr ? hole : *g, range, most, slot.source);
    });
    if (!done) {
        release(slot);
        return done;
    }
    slot.valid = valid;
    return ok();
}

void memory_store::release(read_slot& slot) noexcept {
    for (std::size_t i = 0; i < slot.source.count(); ++i) {
        const block_ref block = pool_->block_of(slot.source[i].data());
        if (block != no_block) { pool_->unpin(block); }
    }
    slot.source.clear();
    slot.valid = 0;
}

std::size_t memory_store::checksums(const read_slot&, std::span<std::uint32_t>) const noexcept { return 0; }

status memory_store::truncate_now(chunk_id id, std::uint32_t size) {
    record* chunk = chunks_.find(id);
    if (chunk == nullptr || size >= std::max(chunk->length, 1U)) { return ok(); }
    std::uint32_t first_gone = size / granule_size;
    if (size % granule_size != 0) {
        if (granule* g = granule_of(*chunk, first_gone)) {
            BFS_CHECK(granule_cut(*pool_, *g, size % granule_size));
            granule_trim(*pool_, *g, size % granule_size);
        }
        ++first_gone;
    }
    const std::uint32_t end = chunk->more.capacity + 1;
    for (std::uint32_t i = first_gone; i < end; ++i) { granule_clear(*pool_, *granule_of(*chunk, i)); }
    chunk->length = size;
    erase_if_empty(*chunk);
    return ok();
}

std::uint32_t memory_store::length(chunk_id id) const noexcept {
    const record* chunk = chunks_.find(id);
    return chunk == nullptr ? 0 : chunk->length;
}

void memory_store::visit_chunks(chunk_visitor& visitor) {
    chunks_.for_each([&](const record& chunk) { visitor.chunk(chunk.id, chunk.length); });
}

bool memory_store::visit_part(std::size_t part, chunk_visitor& visitor) {
    if (part >= chunks_.buckets()) { return false; }
    chunks_.for_each_in(part, [&](const record& chunk) { visitor.chunk(chunk.id, chunk.length); });
    return true;
}

store_stats memory_store::stats() const noexcept {
    const pool_stats pool = pool_->stats();
    return {chunks_.size(), pool.used, pool.limit, pool.warm};
}

} // namespace benchfs::storage
