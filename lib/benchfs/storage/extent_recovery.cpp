// The io_uring engine and its log: recovering the chunks, and writing them into a checkpoint.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/crc32c.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/storage/wal_records.hpp"

#include <algorithm>
#include <unordered_map>

namespace benchfs::storage {
namespace {

/// Takes `count` values off the front; false when there are fewer.
template <class T>
[[nodiscard]] bool take(const_byte_span& from, std::uint32_t count, std::vector<T>& out) {
    const std::size_t bytes = std::size_t{count} * sizeof(T);
    if (count > max_chunk / block_size || from.size() < bytes) { return false; }
    out.resize(count);
    if (bytes != 0) { std::memcpy(out.data(), from.data(), bytes); }
    from = from.subspan(bytes);
    return true;
}

} // namespace

/// Applies records to the store's tables, and remembers which blocks may be missing on the device.
class extent_store::recovery final : public wal_reader {
public:
    /// Bytes of frames above `durable` may have been lost; ~0: none.
    recovery(extent_store& store, std::uint64_t durable) : store_(store), durable_(durable) {}

    status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) override {
        if (kind >= static_cast<std::uint16_t>(wal_kind::first_foreign)) { return ok(); }
        switch (static_cast<wal_kind>(kind)) {
        case wal_kind::extents:
            return extents(body, sequence);
        case wal_kind::truncate:
            return truncate(body);
        case wal_kind::chunk:
            return chunk(body);
        case wal_kind::checkpoint_done:
            return ok();
        default:
            return errc::bad_frame;
        }
    }

    /// The oldest frame that tells of bytes which are not there; 0: all are.
    [[nodiscard]] runtime::task<result<std::uint64_t>> first_missing() {
        buffer block = buffer::allocate(block_size);
        if (!block) { co_return errc::no_memory; }
        std::uint64_t first = 0;
        for (const auto& [id, blocks] : written_) {
            const extent_store::record* chunk = store_.chunks_.find(id);
            if (chunk == nullptr) { continue; }
            for (std::uint32_t b = 0; b < blocks.size(); ++b) {
                if (blocks[b] == 0 || (first != 0 && blocks[b] >= first)) { continue; }
                std::vector<chunk_extent> at;
                chunk->map.find(b, 1, at);
                if (at.empty()) { continue; }
                const block_job job{at[0].disk, 1, block.data(), -1};
                if (!store_.segments_->exists(job.block)) {
                    first = blocks[b];
                    continue;
                }
                BFS_CO_CHECK(co_await store_.segments_->read(std::span<const block_job>(&job, 1)));
                if (crc32c(block.span()) != chunk->map.crc(b)) { first = blocks[b]; }
            }
        }
        co_return first;
    }

private:
    status extents(const_byte_span body, std::uint64_t sequence) {
        wal_extents head;
        if (!benchfs::load(body, head)) { return errc::bad_frame; }
        body = body.subspan(sizeof(head));
        std::vector<disk_extent> runs;
        std::vector<std::uint32_t> crcs;
        std::uint64_t total = 0;
        if (!take(body, head.runs, runs) || !take(body, head.blocks, crcs)) { return errc::bad_frame; }
        for (const disk_extent& run : runs) { total += run.count; }
        const std::uint64_t end = std::uint64_t{head.first_block} + head.blocks;
        if (total != head.blocks || total == 0 || end > max_chunk / block_size || head.length > max_chunk) {
            return errc::bad_frame;
        }
        const chunk_id id{{head.file}, head.index};
        extent_store::record& chunk = store_.chunks_.find_or_insert(id);
        freed_.clear();
        chunk.map.replace(head.first_block, runs, crcs, store_.segments_->stride(), freed_);
        chunk.length = head.length;
        if (sequence > durable_) {
            std::vector<std::uint64_t>& blocks = written_[id];
            if (blocks.size() < end) { blocks.resize(end); }
            std::fill(blocks.begin() + head.first_block, blocks.begin() + static_cast<std::ptrdiff_t>(end),
                      sequence);
        }
        return ok();
    }

    status truncate(const_byte_span body) {
        wal_truncate cut;
        if (!benchfs::load(body, cut)) { return errc::bad_frame; }
        extent_store::record* chunk = store_.chunks_.find({{cut.file}, cut.index});
        if (chunk == nullptr || cut.size >= chunk->length) { return ok(); }
        freed_.clear();
        chunk->map.cut(cut.size, freed_);
        chunk->length = cut.size;
        if (chunk->length == 0 && chunk->map.empty()) { store_.chunks_.erase(*chunk); }
        return ok();
    }

    status chunk(const_byte_span body) {
        wal_chunk head;
        if (!benchfs::load(body, head)) { return errc::bad_frame; }
        body = body.subspan(sizeof(head));
        std::vector<chunk_extent> extents;
        std::vector<std::uint32_t> crcs;
        std::vector<extent_map::cut_block> cuts;
        if (!take(body, head.extents, extents) || !take(body, head.blocks, crcs) ||
            !take(body, head.cuts, cuts) || head.length > max_chunk) {
            return errc::bad_frame;
        }
        extent_store::record& chunk = store_.chunks_.find_or_insert({{head.file}, head.index});
        chunk.length = head.length;
        return chunk.map.restore(std::move(extents), std::move(crcs), std::move(cuts))
                   ? ok()
                   : status(errc::bad_frame);
    }

    extent_store& store_;
    std::uint64_t durable_;
    std::vector<disk_extent> freed_; // of no interest: what is free is found at the end
    // The frame in which each block was written last, where that frame may be ahead of its bytes.
    std::unordered_map<chunk_id, std::vector<std::uint64_t>> written_;
};

namespace {

[[nodiscard]] segment_options with_stride(segment_options options, const wal& log) noexcept {
    options.segment_size = std::uint64_t{log.stride()} * block_size;
    return options;
}

} // namespace

runtime::task<result<std::unique_ptr<extent_store>>> extent_store::open_logged(std::unique_ptr<disk> where,
                                                                               std::unique_ptr<wal> log,
                                                                               segment_options options,
                                                                               wal_reader* others) {
    wal* const own = log.get();
    options = with_stride(options, *own);
    const bool read_only = options.read_only;
    if (own->fresh()) {
        const auto names = co_await where->list();
        if (names && std::ranges::any_of(*names, [](const std::string& n) { return n.starts_with("seg-"); })) {
            BFS_LOG_WARN(
                "storage",
                "%.*s: there are segment files but no log that says what they hold; they are used as free "
                "space",
                static_cast<int>(where->where().size()), where->where().data());
        }
    }
    std::unique_ptr<extent_store> store(new extent_store(std::move(log)));
    store->wal_ = own;
    auto segments = co_await segment_files::open(std::move(where), *own, options);
    if (!segments) {
        (void)co_await own->close();
        co_return segments.error();
    }
    store->segments_ = std::move(*segments);
    store->buffers_ = std::make_unique<io_buffers>(store->segments_->where());
    if (const status done = co_await store->recover(others, read_only); !done) {
        store->forget_everything();
        (void)co_await store->close();
        co_return done.error();
    }
    co_return store;
}

runtime::task<result<std::unique_ptr<extent_store>>> extent_store::open_read_only(std::unique_ptr<disk> where,
                                                                                  std::unique_ptr<wal> log,
                                                                                  segment_options options,
                                                                                  wal_reader* others) {
    options.read_only = true;
    return open_logged(std::move(where), std::move(log), options, others);
}

runtime::task<status> extent_store::recover(wal_reader* others, bool read_only) {
    const wal_survey& survey = wal_->survey();
    std::uint64_t last = survey.next_sequence - 1;
    for (;;) {
        recovery reader(*this, survey.lost_power ? survey.durable : ~std::uint64_t{0});
        BFS_CO_CHECK(co_await wal_->replay(last, reader));
        if (!survey.lost_power) { break; }
        BFS_CO_TRY(const std::uint64_t missing, co_await reader.first_missing());
        if (missing == 0) { break; }
        BFS_LOG_WARN(
            "storage",
            "%.*s: power was lost, and with it bytes that were not synced: changes from number %llu on are "
            "dropped (%llu of them)",
            static_cast<int>(segments_->where().where().size()), segments_->where().where().data(),
            static_cast<unsigned long long>(missing), static_cast<unsigned long long>(last + 1 - missing));
        last = missing - 1;
        forget_everything();
    }
    BFS_CO_CHECK(claim_space());
    if (others != nullptr) { BFS_CO_CHECK(co_await wal_->replay(last, *others)); }
    if (read_only) { co_return ok(); }
    wal_->add_source(*this);
    co_return co_await wal_->begin(last, *this);
}

void extent_store::forget_everything() {
    chunks_.for_each([&](record& chunk) { chunks_.erase(chunk); });
}

/// Marks the blocks of every map as taken.
status extent_store::claim_space() {
    status done = ok();
    chunks_.for_each([&](record& chunk) {
        for (const chunk_extent& e : chunk.map.all_extents()) {
            if (!done || segments_->claim({e.disk, e.count})) { continue; }
            BFS_LOG_ERROR(
                "storage",
                "%s (%u blocks) is not there, or belongs to two chunks: the segment files do not belong "
                "to this log, or were cut (file %#llx, chunk %u)",
                segments_->describe(e.disk).c_str(), e.count,
                static_cast<unsigned long long>(chunk.id.file.value), chunk.id.index);
            done = errc::io_error;
        }
    });
    return done;
}

void extent_store::visit_chunks(chunk_visitor& visitor) {
    chunks_.for_each([&](record& chunk) { visitor.chunk(chunk.id, chunk.length); });
}

bool extent_store::visit_part(std::size_t part, chunk_visitor& visitor) {
    if (part >= chunks_.buckets()) { return false; }
    chunks_.for_each_in(part, [&](const record& chunk) { visitor.chunk(chunk.id, chunk.length); });
    return true;
}

bool extent_store::checkpoint_step() {
    if (next_bucket_ >= chunks_.buckets()) { return false; }
    chunks_.for_each_in(next_bucket_++, [&](const record& chunk) {
        if (chunk.length == 0 && chunk.map.empty()) { return; } // a first write is on its way
        wal_chunk head;
        head.file = chunk.id.file.value;
        head.index = chunk.id.index;
        head.length = chunk.length;
        head.extents = static_cast<std::uint32_t>(chunk.map.all_extents().size());
        head.blocks = static_cast<std::uint32_t>(chunk.map.all_crcs().size());
        head.cuts = static_cast<std::uint32_t>(chunk.map.all_cuts().size());
        // A failure shows at the next flush().
        (void)wal_->stage(static_cast<std::uint16_t>(wal_kind::chunk),
                          {bytes_of(head), std::as_bytes(chunk.map.all_extents()),
                           std::as_bytes(chunk.map.all_crcs()), std::as_bytes(chunk.map.all_cuts())});
    });
    return next_bucket_ < chunks_.buckets();
}

} // namespace benchfs::storage
