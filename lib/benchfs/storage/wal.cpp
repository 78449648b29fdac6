// Staging, flushing and syncing; opening is in wal_open.cpp, the log's own work in wal_checkpoint.cpp.
#include "benchfs/storage/wal.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/transfer_progress.hpp"
#include "benchfs/storage/wal_records.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

// As journalling file systems have it: what is older than this survives power loss as a rule.
constexpr auto young_for = std::chrono::seconds(5);

[[nodiscard]] constexpr std::uint32_t blocks_in(std::uint32_t bytes) noexcept {
    return bytes / block_size + (bytes % block_size != 0 ? 1 : 0);
}

} // namespace

status wal::fail(errc why, const char* what) {
    if (failed_ == errc::ok) {
        failed_ = errc::io_error;
        BFS_LOG_ERROR("storage",
                      "%.*s: %s the log failed: %.*s; nothing more is changed until the server is "
                      "restarted. Check the device",
                      static_cast<int>(disk_.where().size()), disk_.where().data(), what,
                      static_cast<int>(message(why).size()), message(why).data());
    }
    return errc::io_error;
}

result<log_position> wal::stage(std::uint16_t kind, std::initializer_list<const_byte_span> parts, effect does) {
    if (counting_ != nullptr) {
        std::size_t size = 0;
        for (const const_byte_span part : parts) { size += part.size(); }
        *counting_ += sizeof(wal_record_header) + wal_padded(size);
        return next_;
    }
    if (failed_ != errc::ok) { return failed_; }
    const std::size_t before = frame_.size();
    append_record(frame_, kind, parts);
    if (does == effect::grows && !running_.writing) { added_ += frame_.size() - before; }
    const log_position position = next_;
    if (!owner_flushes_ || frame_.size() >= spare_room()) {
        // It stays staged where the log has no room: who answers for it hears of that.
        if (const status flushed = flush(); !flushed && flushed.error() != errc::no_space) {
            return flushed.error();
        }
    }
    return position;
}

status wal::flush() {
    if (!staged()) { return ok(); }
    if (failed_ != errc::ok) { return failed_; }
    const bool fits = at_ + frame_.size() <= slots_[current_].file->size();
    if (!fits && at_ != wal_header_bytes) { BFS_CHECK(rotate()); }
    wal_slot& slot = slots_[current_];
    seal_frame(frame_, slot.header.generation, next_, durable_);
    if (const status wrote = write_whole_now(*slot.file, at_, frame_); !wrote) {
        return fail(wrote.error(), "writing");
    }
    slot.dirty = true;
    at_ += frame_.size();
    ++stats_.frames;
    stats_.bytes += frame_.size();
    last_change_ = next_++;
    frame_.resize(sizeof(wal_frame_header));
    return ok();
}

status wal::write_header(wal_slot& slot, std::size_t at) {
    seal(slot.header);
    slot.dirty = true;
    return write_whole_now(*slot.file, at, bytes_of(slot.header));
}

/// Goes on in a free segment.
status wal::rotate() {
    const auto free =
        std::ranges::find_if(slots_, [](const wal_slot& s) { return !s.used && !s.busy && s.zeroed; });
    const auto any = free != slots_.end()
                         ? free
                         : std::ranges::find_if(slots_, [](const wal_slot& s) { return !s.used && !s.busy; });
    work_.set();
    room_wanted_.set();
    if (any == slots_.end()) {
        if (!std::exchange(full_told_, true)) {
            BFS_LOG_WARN("storage", "%.*s: the log is full; changes are refused until a checkpoint made room",
                         static_cast<int>(disk_.where().size()), disk_.where().data());
        }
        return errc::no_space;
    }
    full_told_ = false;
    wal_slot& slot = *any;
    slot.header = {};
    slot.header.generation = ++generation_;
    slot.header.start_generation = start_generation_;
    slot.header.first_sequence = next_;
    slot.header.durable = durable_;
    slot.header.power_cycle = disk_.power_cycle();
    slot.header.store_id = options_.store_id;
    slot.header.server = options_.server;
    slot.header.servers = options_.servers;
    slot.header.stride = options_.stride;
    if (const status wrote = write_header(slot, 0); !wrote) {
        return fail(wrote.error(), "beginning a segment of");
    }
    slot.state = header_state::good;
    slot.used = true;
    current_ = static_cast<std::size_t>(any - slots_.begin());
    at_ = wal_header_bytes;
    return ok();
}

std::size_t wal::room_left() const noexcept {
    const std::size_t size = slots_[current_].file->size();
    return size - std::min(at_, size);
}

std::size_t wal::spare_room() const noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(512 * KiB, options_.segment_size / 4));
}

bool wal::has_room(bool frees) const noexcept {
    // What frees room may take some files more, so that the next checkpoint wins something.
    const std::size_t free = free_slots();
    const std::size_t kept = kept_slots();
    if (free > kept + (frees ? 0 : frees_more())) { return true; }
    // The rest of the running segment is there for both, as long as a file is left for what frees room; but
    // what a checkpoint on a full device has begun to write into is its own.
    const bool open = !(checkpointing_ && device_full_) && (frees || free > kept);
    const std::size_t wanted = frame_.size() + (frees ? spare_room() / 2 : spare_room());
    return open && room_left() >= wanted;
}

status wal::admit(bool frees) noexcept {
    if (failed_ != errc::ok) { return failed_; }
    // While a checkpoint runs, what is live is there twice, and may have become twice as much since the last
    // one. Beyond that writers wait for its end, else the log would grow for as long as it takes.
    if (!frees && checkpointing_ && used_slots() > 2 * (due_slots() + live_slots_)) { return errc::try_again; }
    if (has_room(frees)) { return ok(); }
    // The next file may be on its way, behind a slow disk: nobody is refused for that.
    room_wanted_.set();
    work_.set();
    // What was added may have replaced something: a count or the checkpoint tells.
    if (checkpointing_ || tallying_ || tally_wins() || checkpoint_due()) { return errc::try_again; }
    return device_full_ ? errc::no_space : errc::try_again;
}

result<log_position> wal::record_extents(const extent_record& record) {
    wal_extents head;
    head.file = record.chunk.file.value;
    head.index = record.chunk.index;
    head.first_block = record.first_block;
    head.length = record.length;
    head.runs = static_cast<std::uint32_t>(record.runs.size());
    head.blocks = static_cast<std::uint32_t>(record.crcs.size());
    if (record.first_block != 0 && data_ != nullptr) {
        // A checkpoint has a checksum for each block of a hole, too.
        const std::uint32_t known = blocks_in(data_->length(record.chunk));
        if (record.first_block > known) {
            const std::uint64_t bytes = (record.first_block - known) * sizeof(std::uint32_t);
            added_ += bytes;
            if (checkpointing_) { running_.holes[record.chunk] += bytes; }
        }
    }
    return stage(static_cast<std::uint16_t>(wal_kind::extents),
                 {bytes_of(head), std::as_bytes(record.runs), std::as_bytes(record.crcs)});
}

/// What is cut off needs them no more: a chunk that is cut and written far behind again and again would count
/// for more than the device has. Of a running checkpoint it is not known what it has written before the cut;
/// what was counted for the same chunk meanwhile was not there when it began.
void wal::forget_checksums(chunk_id chunk, std::uint64_t bytes) {
    if (tallying_) { return; } // it may not have been counted, and what others added must not pay for it
    if (!checkpointing_) {
        added_ -= std::min(bytes, added_ - added_before_);
    } else if (const auto hole = running_.holes.find(chunk); hole != running_.holes.end()) {
        const std::uint64_t less = std::min(bytes, hole->second);
        added_ -= less;
        hole->second -= less;
    }
}

result<log_position> wal::record_truncate(chunk_id chunk, std::uint32_t size) {
    const std::uint32_t known = data_ != nullptr ? blocks_in(data_->length(chunk)) : 0;
    if (known > blocks_in(size)) { forget_checksums(chunk, (known - blocks_in(size)) * sizeof(std::uint32_t)); }
    wal_truncate body;
    body.file = chunk.file.value;
    body.index = chunk.index;
    body.size = size;
    return stage(static_cast<std::uint16_t>(wal_kind::truncate), {bytes_of(body)}, effect::removes);
}

// ---- syncing ----

bool wal::counted_on(log_position position) noexcept {
    // Between one and two of these intervals old: somebody may see it as safe, though nobody said so.
    const time_point now = context_.owner->now();
    if (now - looked_ >= young_for) {
        some_time_ago_ = now - looked_ < 2 * young_for ? last_looked_at_ : next_ - 1;
        last_looked_at_ = next_ - 1;
        looked_ = now;
    }
    return position <= std::max(to_be_durable_, some_time_ago_);
}

runtime::task<status> wal::make_durable(log_position position) {
    BFS_CO_CHECK(flush());
    while (durable_ < position) {
        if (failed_ != errc::ok) { co_return failed_; }
        if (syncing_) {
            // The running sync began before our change, or covers it: look again when it ends.
            BFS_CO_CHECK(co_await synced_.wait());
            continue;
        }
        BFS_CO_CHECK(co_await sync_once());
    }
    co_return ok();
}

/// The bytes first, then the records that describe them.
runtime::task<status> wal::sync_once() {
    syncing_ = true;
    synced_.reset();
    const std::uint64_t target = to_be_durable_ = next_ - 1;
    ++stats_.syncs;
    status done = ok();
    if (data_ != nullptr) { done = co_await data_->sync_data(); }
    if (done) { done = co_await sync_slots(); }
    syncing_ = false;
    if (done) {
        durable_ = std::max(durable_, target);
        // A frame of its own says so: what was promised is then known after a kill, too.
        if (!staged() && failed_ == errc::ok && at_ + frame_.size() <= slots_[current_].file->size()) {
            wal_slot& slot = slots_[current_];
            seal_frame(frame_, slot.header.generation, next_, durable_);
            const status marked = write_whole_now(*slot.file, at_, frame_);
            if (!marked) {
                done = fail(marked.error(), "writing");
            } else {
                slot.dirty = true;
                at_ += frame_.size();
                ++next_;
            }
        }
        if (data_ != nullptr) { data_->on_durable(); }
    } else {
        done = fail(done.error(), "syncing");
    }
    synced_.set();
    co_return done;
}

runtime::task<status> wal::sync_slots() {
    // A checkpoint syncs as well: who finds a file clean that another one is just syncing must wait for that.
    BFS_CO_TRY(auto turn, co_await slots_turn_.lock());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (!slots_[i].used || !slots_[i].dirty) { continue; }
        slots_[i].dirty = false; // frames that come meanwhile make it dirty again
        disk_file& file = *slots_[i].file;
        if (const status synced = co_await file.sync(); !synced) { co_return fail(synced.error(), "syncing"); }
    }
    co_return ok();
}

wal_stats wal::stats() const noexcept {
    wal_stats out = stats_;
    for (const wal_slot& slot : slots_) { out.used_bytes += slot.used ? slot.file->size() : 0; }
    return out;
}

} // namespace benchfs::storage
