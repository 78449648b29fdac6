// The log's own work, two tasks: files ahead of need, and checkpoints in slices.
#include "benchfs/storage/wal.hpp"

#include "benchfs/base/buffer.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/storage/wal_records.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {
namespace {

// A slice is about a millisecond: so many steps, or so many bytes, whichever comes first.
constexpr int slice_steps = 512;
constexpr std::size_t slice_bytes = 64 * KiB;
constexpr auto pause_between_slices = std::chrono::milliseconds(4);
constexpr std::size_t zeros_at_a_time = 256 * KiB;
constexpr std::size_t fewest_slots = 4;
constexpr int pause_after_tally = 9;                            // times as long as it took
constexpr auto pause_when_full = std::chrono::milliseconds(20); // before a full device is asked again

} // namespace

std::size_t wal::used_slots() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const wal_slot& s) { return s.used; }));
}

/// Half of the capacity; where more is live than that, as much again has to be changed first: one checkpoint
/// would follow the other else. On a full device what is used must fit another time beside itself, so it is a
/// third of the files that there are.
std::size_t wal::due_slots() const noexcept {
    const std::size_t most = std::max<std::size_t>(options_.capacity / options_.segment_size, fewest_slots);
    const std::size_t due = std::max({most / 2 - 1, std::size_t{2}, 2 * live_slots_ + 1});
    return device_full_ ? std::min(due, std::max(slots_.size() / 3, live_slots_ + 2)) : due;
}

bool wal::sources_complete() const noexcept {
    // Whose records were recovered must be a source before anything is written again: else they were lost.
    return !sources_.empty() && (owner_flushes_ || !foreign_records_);
}

bool wal::checkpoint_due() const noexcept {
    const bool busy = checkpointing_ || tallying_;
    if (busy || !sources_complete() || failed_ != errc::ok || used_slots() < not_before_) { return false; }
    if (used_slots() >= due_slots()) { return true; }
    if (!device_full_ || has_room(false) || last_change_ == checkpointed_change_) { return false; }
    // Where changes are refused already, whatever was freed since the last one is worth it. While the running
    // segment has room for what frees more, only if it is certain that they have room after it, too.
    const std::size_t needed = needed_slots();
    return room_left() < frame_.size() + spare_room() ||
           (used_slots() > needed && slots_.size() > 2 * needed + 1);
}

/// What was removed counts until the next checkpoint, and a restart knows only which files were in use: before
/// changes are refused for it, it is counted what a checkpoint would write.
bool wal::tally_wins() const noexcept {
    const bool busy = checkpointing_ || tallying_;
    if (busy || !sources_complete() || failed_ != errc::ok || !device_full_ || has_room(false)) {
        return false;
    }
    return last_change_ > tallied_change_;
}

bool wal::tally_due() const noexcept { return tally_wins() && context_.owner->now() >= next_tally_; }

std::size_t wal::slots_for(std::uint64_t bytes) const noexcept {
    return static_cast<std::size_t>((bytes + slot_bytes() - 1) / slot_bytes());
}

/// Two bounds: what the last one filled may be far from full, and far more of it than slots_for() takes for
/// sure.
std::size_t wal::needed_slots() const noexcept {
    const std::uint64_t added = added_ - added_before_;
    return std::min(live_slots_ + slots_for(added), slots_for(live_bytes_ + added));
}

/// Holes take more room in a checkpoint than in what it replaces: the one after it must fit, too.
std::size_t wal::slots_beyond() const noexcept {
    const std::size_t needed = needed_slots();
    return needed - std::min(needed, used_slots() + 1);
}

std::size_t wal::kept_slots() const noexcept {
    if (!checkpointing_) { return needed_slots() + slots_beyond() + 1; }
    // What is added meanwhile it may write, too, and so does the next one, for which there is also what is used
    // now.
    const std::size_t added = slots_for(added_ - running_.added_before);
    const std::size_t all = running_.needed + added;
    return all - std::min(all, running_.filled) + added + running_.beyond + 1;
}

std::uint64_t wal::count_live() {
    std::uint64_t bytes = 0;
    counting_ = &bytes;
    for (checkpoint_source* source : sources_) {
        source->begin_checkpoint();
        while (source->checkpoint_step()) {}
    }
    counting_ = nullptr;
    return bytes;
}

/// The same, in slices, and goes on with that.
runtime::task<status> wal::tally() {
    tallying_ = true;
    checkpointed_.reset();
    const time_point began = context_.owner->now();
    const log_position newest_counted = last_change_;
    const std::uint64_t added_before = added_;
    const std::size_t most = needed_slots();
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < sources_.size() && !closing_; ++i) {
        counting_ = &bytes;
        sources_[i]->begin_checkpoint();
        counting_ = nullptr;
        for (bool more = true; more && !closing_;) {
            counting_ = &bytes;
            for (int step = 0; more && step < slice_steps; ++step) { more = sources_[i]->checkpoint_step(); }
            counting_ = nullptr;
            (void)co_await runtime::yield();
        }
    }
    tallying_ = false;
    const time_point ended = context_.owner->now();
    next_tally_ = ended + pause_after_tally * (ended - began);
    tallied_change_ = newest_counted;
    checkpointed_.set();
    if (closing_) { co_return errc::shutting_down; }
    live_slots_ = std::min(most, slots_for(bytes));
    live_bytes_ = bytes;
    added_before_ = added_before;
    co_return ok();
}

bool wal::crowded() const noexcept { return 2 * used_slots() > 3 * due_slots(); }

void wal::hurry() noexcept {
    hurried_ = true;
    work_.set();
}

runtime::task<status> wal::work() {
    while (!closing_) {
        (void)co_await work_.wait(); // nobody stops this tree: close() sets the event
        work_.reset();
        if (closing_) { break; }
        if (std::exchange(hurried_, false) && failed_ == errc::ok) { (void)co_await make_durable(newest()); }
        if (!closing_ && tally_due()) { (void)co_await tally(); }
        if (!closing_ && checkpoint_due()) {
            const status done = co_await checkpoint();
            // One that failed used segments up: the next attempt waits for more to be won.
            not_before_ = done ? 0 : used_slots() + 1;
        }
    }
    co_return ok();
}

/// A task of its own: a checkpoint that waits for the disk must not keep writers from the next file.
runtime::task<status> wal::keep_room() {
    while (!closing_) {
        (void)co_await room_wanted_.wait();
        room_wanted_.reset();
        (void)co_await keep_ahead();
        if (device_full_ && !closing_) { (void)co_await runtime::sleep_for(pause_when_full); }
    }
    co_return ok();
}

/// Free segments, more than are kept in reserve. No bound but the device: a checkpoint needs room to make room,
/// and admit() holds writers back meanwhile.
runtime::task<status> wal::add_files() {
    while (!closing_ && short_of_room()) {
        const status added = co_await add_slot();
        if (added.has_value() == device_full_) { work_.set(); } // a checkpoint may be due now
        device_full_ = !added;
        room_made_.set();
        if (!added) { break; }
    }
    co_return ok();
}

/// For the checkpoint, which may use what is kept in reserve: but the device is asked for more first.
runtime::task<status> wal::wait_for_room() {
    while (!closing_ && !device_full_ && short_of_room()) {
        room_made_.reset();
        room_wanted_.set();
        BFS_CO_CHECK(co_await room_made_.wait());
    }
    co_return ok();
}

/// Free segments, full of zeros: appending to space that was only reserved makes fdatasync slow.
runtime::task<status> wal::keep_ahead() {
    BFS_CO_CHECK(co_await add_files());
    for (std::size_t i = 0; i < slots_.size() && !closing_; ++i) {
        const bool needs = !slots_[i].used && !slots_[i].busy && !slots_[i].zeroed;
        if (needs) { BFS_CO_CHECK(co_await zero(i)); }
    }
    co_return ok();
}

runtime::task<status> wal::zero(std::size_t slot) {
    slots_[slot].busy = true;
    disk_file& file = *slots_[slot].file;
    buffer zeros = buffer::allocate(zeros_at_a_time);
    status done = zeros ? ok() : status(errc::no_memory);
    if (zeros) { std::memset(zeros.data(), 0, zeros.size()); }
    for (std::uint64_t at = 0; at < file.size() && done && !closing_;) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), file.size() - at));
        const const_byte_span from{zeros.data(), part};
        const result<std::size_t> put = co_await file.write(at, from, -1);
        if (!put) {
            done = put.error();
        } else {
            at += *put;
        }
        // Another file is there sooner than zeros are written on a slow disk.
        if (!device_full_ && short_of_room()) { (void)co_await add_files(); }
    }
    slots_[slot].busy = false; // by number: the list may have moved
    slots_[slot].zeroed = done.has_value() && !closing_;
    co_return done;
}

runtime::task<status> wal::checkpoint() {
    while (checkpointing_ || tallying_) { BFS_CO_CHECK(co_await checkpointed_.wait()); }
    running_ = {};
    running_.needed = needed_slots();
    running_.bytes = live_bytes_ + added_ - added_before_;
    running_.beyond = slots_beyond();
    running_.added_before = added_;
    checkpointing_ = true;
    checkpointed_.reset();
    const status done = co_await slices();
    checkpointing_ = false;
    checkpointed_.set();
    co_return done;
}

runtime::task<status> wal::slices() {
    BFS_CO_CHECK(flush());
    BFS_CO_CHECK(rotate());
    const std::uint64_t start = generation_;
    const std::uint64_t bytes_before = stats_.bytes;
    std::uint64_t written = 0; // by the checkpoint, not by changes that go on meanwhile
    const auto files_filled = [&] {
        const std::uint64_t all = std::max<std::uint64_t>(stats_.bytes - bytes_before, 1);
        return static_cast<std::size_t>(((generation_ - start + 1) * written + all - 1) / all);
    };
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        running_.writing = true;
        sources_[i]->begin_checkpoint();
        running_.writing = false;
        for (bool more = true; more;) {
            // Also what was flushed on the way counts. A frame is not divided between segments: of a small one
            // a slice takes a small part, so that little is left empty.
            const std::uint64_t most = std::min<std::uint64_t>(slice_bytes, options_.segment_size / 8);
            const std::uint64_t before = stats_.bytes;
            const std::uint64_t staged_before = stats_.bytes + frame_.size();
            running_.writing = true;
            for (int step = 0; more && step < slice_steps && stats_.bytes + frame_.size() < before + most;
                 ++step) {
                more = sources_[i]->checkpoint_step();
            }
            running_.writing = false;
            written += stats_.bytes + frame_.size() - staged_before;
            BFS_CO_CHECK(flush());
            running_.filled = std::max<std::size_t>(files_filled(), 1) - 1; // the running one may be full soon
            live_slots_ = std::max(live_slots_, files_filled());            // the next one will need as much
            if (closing_) { co_return errc::shutting_down; }
            if (!more) { break; }
            // With little room left the checkpoint takes the time that writers would need to fill it.
            if (crowded()) {
                BFS_CO_CHECK(co_await runtime::yield());
            } else {
                BFS_CO_CHECK(co_await runtime::sleep_for(pause_between_slices));
            }
            BFS_CO_CHECK(co_await wait_for_room());
            if (closing_) { co_return errc::shutting_down; }
            // It would not fit: the last file is for a restart.
            if (device_full_ && free_slots() <= 1 && room_left() < spare_room()) { co_return errc::no_space; }
        }
    }
    const wal_checkpoint_done mark{start};
    BFS_CO_TRY(const log_position at,
               stage(static_cast<std::uint16_t>(wal_kind::checkpoint_done), {bytes_of(mark)}));
    BFS_CO_CHECK(co_await make_durable(at));
    // The header of the running segment says where recovery begins, durably, before older ones are used again.
    // It began after this checkpoint did: no other one ends in it.
    start_generation_ = start;
    const std::size_t running = current_;
    slots_[running].header.start_generation = start;
    BFS_CO_CHECK(write_header(slots_[running], wal_second_header));
    BFS_CO_CHECK(co_await sync_slots());
    for (wal_slot& slot : slots_) { slot.used = slot.used && slot.header.generation >= start; }
    live_slots_ = files_filled();
    // It may have written what was added meanwhile, which counts by itself.
    live_bytes_ = std::min(written, running_.bytes);
    added_before_ = running_.added_before;
    checkpointed_change_ = last_change_;
    room_wanted_.set();
    ++stats_.checkpoints;
    BFS_LOG_DEBUG("storage", "checkpoint: the log begins with segment %llu, %zu of %zu files in use",
                  static_cast<unsigned long long>(start), used_slots(), slots_.size());
    co_return ok();
}

} // namespace benchfs::storage
