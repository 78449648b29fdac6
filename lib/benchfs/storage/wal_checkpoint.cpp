// The log's own work: files ahead of need, and checkpoints in slices.
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

} // namespace

std::size_t wal::used_slots() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const wal_slot& s) { return s.used; }));
}

/// What the log may grow to: its capacity, or what there is on a device that is full.
std::size_t wal::most_slots() const noexcept {
    const std::size_t most = std::max<std::size_t>(options_.capacity / options_.segment_size, fewest_slots);
    return device_full_ ? std::min(most, slots_.size()) : most;
}

bool wal::checkpoint_due() const noexcept {
    return !checkpointing_ && !sources_.empty() && failed_ == errc::ok && used_slots() >= not_before_ &&
           2 * used_slots() >= most_slots();
}

bool wal::crowded() const noexcept { return 4 * used_slots() > 3 * most_slots(); }

void wal::hurry() noexcept {
    hurried_ = true;
    work_.set();
}

runtime::task<status> wal::work() {
    while (!closing_) {
        (void)co_await work_.wait(); // nobody stops this tree: close() sets the event
        work_.reset();
        if (closing_) { break; }
        (void)co_await keep_ahead();
        if (std::exchange(hurried_, false) && failed_ == errc::ok) { (void)co_await make_durable(newest()); }
        if (!closing_ && checkpoint_due()) {
            const status done = co_await checkpoint();
            // One that failed used segments up: the next attempt waits for more to be won.
            not_before_ = done ? 0 : used_slots() + 1;
            (void)co_await keep_ahead(); // a larger checkpoint keeps more files in reserve
        }
    }
    co_return ok();
}

/// Two free segments, full of zeros: appending to space that was only reserved makes fdatasync slow.
runtime::task<status> wal::keep_ahead() {
    // No bound but the device: a checkpoint needs room to make room, and admit() holds writers back meanwhile.
    while (!closing_ && free_slots() <= reserve()) {
        const status added = co_await add_slot();
        device_full_ = !added;
        if (!added) { break; }
    }
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
    }
    slots_[slot].busy = false; // by number: the list may have moved
    slots_[slot].zeroed = done.has_value() && !closing_;
    co_return done;
}

runtime::task<status> wal::checkpoint() {
    while (checkpointing_) { BFS_CO_CHECK(co_await checkpointed_.wait()); }
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
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        sources_[i]->begin_checkpoint();
        for (bool more = true; more;) {
            // Also what was flushed on the way counts: a slice never takes more than half a segment.
            const std::uint64_t most = std::min<std::uint64_t>(slice_bytes, options_.segment_size / 2);
            const std::uint64_t before = stats_.bytes;
            for (int step = 0; more && step < slice_steps && stats_.bytes + frame_.size() < before + most;
                 ++step) {
                more = sources_[i]->checkpoint_step();
            }
            BFS_CO_CHECK(flush());
            if (closing_) { co_return errc::shutting_down; }
            if (!more) { break; }
            // With little room left the checkpoint takes the time that writers would need to fill it.
            if (crowded()) {
                BFS_CO_CHECK(co_await runtime::yield());
            } else {
                BFS_CO_CHECK(co_await runtime::sleep_for(pause_between_slices));
            }
            if (free_slots() <= reserve()) { BFS_CO_CHECK(co_await keep_ahead()); }
            if (closing_) { co_return errc::shutting_down; }
        }
    }
    const wal_checkpoint_done mark{start};
    BFS_CO_TRY(const log_position at,
               stage(static_cast<std::uint16_t>(wal_kind::checkpoint_done), {bytes_of(mark)}));
    BFS_CO_CHECK(co_await make_durable(at));
    // The header of the running segment says where recovery begins, durably, before older ones are used again.
    start_generation_ = start;
    const std::size_t running = current_;
    slots_[running].header.start_generation = start;
    BFS_CO_CHECK(write_header(slots_[running]));
    BFS_CO_CHECK(co_await sync_slots());
    for (wal_slot& slot : slots_) { slot.used = slot.used && slot.header.generation >= start; }
    last_checkpoint_bytes_ = stats_.bytes - bytes_before;
    ++stats_.checkpoints;
    BFS_LOG_DEBUG("storage", "checkpoint: the log begins with segment %llu, %zu of %zu files in use",
                  static_cast<unsigned long long>(start), used_slots(), slots_.size());
    co_return ok();
}

} // namespace benchfs::storage
