#include "benchfs/storage/segment_files.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/transfer_progress.hpp"

#include <algorithm>
#include <cstdio>

namespace benchfs::storage {
namespace {

constexpr std::uint64_t smallest_growth = 1 * MiB;
constexpr std::size_t jobs_at_a_time = 16;
// Segment numbers have six digits, block numbers 32 bits.
constexpr std::uint64_t most_segments = 1'000'000;
constexpr std::uint64_t no_more_blocks = std::uint64_t{1} << 32;

std::string name_of(std::uint32_t number) {
    char name[32];
    std::snprintf(name, sizeof name, "seg-%06u.dat", number);
    return name;
}

} // namespace

segment_files::segment_files(std::unique_ptr<disk> where, change_log& log, segment_options options)
    : disk_(std::move(where)),
      log_(log),
      options_(options),
      stride_(static_cast<std::uint32_t>(options.segment_size / block_size)),
      space_(stride_) {}

runtime::task<result<std::unique_ptr<segment_files>>>
segment_files::open(std::unique_ptr<disk> where, change_log& log, segment_options options) {
    options.segment_size = std::clamp<std::uint64_t>(options.segment_size, smallest_growth, 64 * GiB);
    options.segment_size -= options.segment_size % smallest_growth;
    std::unique_ptr<segment_files> opened(new segment_files(std::move(where), log, options));
    status done = co_await opened->open_existing();
    if (done && opened->segments_.empty() && !options.read_only) { done = co_await opened->grow(); }
    if (!done) {
        (void)co_await opened->close();
        co_return done.error();
    }
    opened->update_limit();
    co_return opened;
}

runtime::task<status> segment_files::open_existing() {
    BFS_CO_TRY(const std::vector<std::string> names, co_await disk_->list());
    std::uint64_t bytes = 0;
    for (const std::string& name : names) {
        // The list is sorted; a gap in the numbers ends it.
        const auto number = static_cast<std::uint32_t>(segments_.size());
        if (name != name_of(number)) { continue; }
        BFS_CO_TRY(std::unique_ptr<disk_file> file, co_await disk_->open(name, false));
        bytes += file->size();
        BFS_CO_CHECK(co_await adopt(number, std::move(file)));
    }
    if (bytes != 0 && !log_.covers_data()) {
        BFS_LOG_WARN("storage",
                     "%.*s: found %zu segment files (%llu MiB) of an earlier run; this version does not "
                     "recover their contents and reuses them as free space",
                     static_cast<int>(disk_->where().size()), disk_->where().data(), segments_.size(),
                     static_cast<unsigned long long>(bytes / MiB));
    }
    co_return ok();
}

/// Takes over a segment file of an earlier run, cut down to what this run's segments may hold.
runtime::task<status> segment_files::adopt(std::uint32_t number, std::unique_ptr<disk_file> file) {
    const std::uint64_t size = std::min(file->size(), options_.segment_size) / block_size * block_size;
    segment fresh;
    fresh.file = std::move(file);
    fresh.blocks = static_cast<std::uint32_t>(size / block_size);
    // What a killed server wrote may be in the page cache only: the first sync of its successor covers it.
    fresh.dirty = !options_.read_only;
    segments_.push_back(std::move(fresh));
    if (size == 0) { co_return ok(); }
    const disk_extent all{number * stride_, segments_[number].blocks};
    if (options_.read_only) {
        space_.add(all);
        co_return ok();
    }
    // A file that was never preallocated, or copied sparse, gets its space now rather than ENOSPC later.
    const status reserved = co_await segments_[number].file->allocate(size);
    if (!reserved && reserved.error() != errc::not_supported) { co_return reserved; }
    space_.add(all);
    co_return ok();
}

runtime::task<status> segment_files::grow() {
    if (growing_) { co_return co_await grown_.wait(); }
    growing_ = true;
    grown_.reset();
    const status done = co_await grow_now();
    growing_ = false;
    grow_failed_ = !done;
    update_limit();
    grown_.set();
    co_return done;
}

runtime::task<status> segment_files::grow_now() {
    const bool extend = !segments_.empty() && segments_.back().blocks < stride_;
    const auto number = static_cast<std::uint32_t>(segments_.size() - (extend ? 1 : 0));
    const std::uint64_t have = extend ? segments_.back().blocks * std::uint64_t{block_size} : 0;
    const std::uint64_t total = space_.total_blocks() * block_size;
    std::uint64_t most = options_.segment_size - have;
    if (options_.capacity != 0) {
        most = std::min(most, options_.capacity - std::min(total, options_.capacity));
    }
    most -= most % smallest_growth;
    const bool numbers_left = number < most_segments && (number + 1) * std::uint64_t{stride_} < no_more_blocks;
    if (most == 0 || !numbers_left) { co_return errc::no_space; }

    std::unique_ptr<disk_file> made;
    if (!extend) { BFS_CO_TRY(made, co_await disk_->open(name_of(number), true)); }
    disk_file& file = extend ? *segments_.back().file : *made;
    status done = errc::no_space;
    std::uint64_t size = grow_failed_ ? smallest_growth : most;
    for (; size >= smallest_growth; size /= 2) {
        size -= size % smallest_growth;
        done = co_await file.allocate(have + size);
        if (done || done.error() != errc::no_space) { break; }
    }
    if (done && !extend) { done = co_await disk_->sync_directory(); }
    if (!done) {
        if (made) {
            (void)co_await made->close();
            made.reset();
            (void)co_await disk_->unlink(name_of(number));
        }
        co_return done;
    }
    if (!extend) {
        segment fresh;
        fresh.file = std::move(made);
        segments_.push_back(std::move(fresh));
    }
    const auto blocks = static_cast<std::uint32_t>(size / block_size);
    const disk_extent added{number * stride_ + segments_[number].blocks, blocks};
    segments_[number].blocks += blocks;
    space_.add(added);
    BFS_LOG_DEBUG("storage", "%s grew to %llu MiB", name_of(number).c_str(),
                  static_cast<unsigned long long>((have + size) / MiB));
    co_return ok();
}

runtime::task<status> segment_files::take(std::uint32_t blocks, std::vector<disk_extent>& out) {
    reclaim_young(); // the caches still have their pages
    while (!space_.take(blocks, out)) {
        const status grown = co_await grow();
        if (grown) { continue; }
        if (grown.error() != errc::no_space) { co_return grown; }
        if (space_.free_blocks() >= blocks) { continue; } // freed meanwhile
        if (retired_.empty() && young_.empty()) { co_return errc::no_space; }
        BFS_CO_CHECK(co_await wait_for_retired());
    }
    co_return ok();
}

/// Frees some of what is retired: forces the log, and waits for reads in flight. Other calls may free it
/// meanwhile, and retire more.
runtime::task<status> segment_files::wait_for_retired() {
    const std::uint64_t before = freed_so_far_;
    retired_.insert(retired_.end(), young_.begin(), young_.end());
    young_.clear();
    BFS_CO_CHECK(co_await log_.make_durable(log_.newest()));
    reclaim();
    if (freed_so_far_ != before) { co_return ok(); }
    if (guards_.empty()) { co_return errc::no_space; } // the log keeps it
    reclaimed_.reset();
    ++space_wanted_;
    const status waited = co_await reclaimed_.wait();
    --space_wanted_;
    co_return waited;
}

void segment_files::give_back(std::span<const disk_extent> runs) {
    for (const disk_extent& run : runs) { space_.give_back(run); }
}

void segment_files::retire(std::span<const disk_extent> runs, log_position allocated, log_position position) {
    ++retired_so_far_;
    std::deque<retired_run>& to = log_.counted_on(allocated) ? retired_ : young_;
    for (const disk_extent& run : runs) {
        to.push_back({run, retired_so_far_, allocated, position});
        retired_blocks_ += run.count;
    }
    reclaim();
    // Space that nobody syncs for would grow without end.
    if (retired_blocks_ > stride_ / 4) { log_.hurry(); }
}

void segment_files::free(const retired_run& r) noexcept {
    space_.give_back(r.run);
    retired_blocks_ -= r.run.count;
    ++freed_so_far_;
}

bool segment_files::reclaim_young() noexcept {
    bool any = false;
    for (; !young_.empty(); young_.pop_front()) {
        const retired_run& oldest = young_.front();
        if (log_.counted_on(oldest.allocated)) {
            retired_.push_back(oldest);
        } else if (guarded(oldest) || !log_.written(oldest.position)) {
            break;
        } else {
            free(oldest);
            any = true;
        }
    }
    return any;
}

void segment_files::reclaim() noexcept {
    bool any = reclaim_young();
    while (!retired_.empty()) {
        const retired_run& oldest = retired_.front();
        if (guarded(oldest) || !log_.durable(oldest.position)) { break; }
        free(oldest);
        retired_.pop_front();
        any = true;
    }
    if (any || guards_.empty()) { reclaimed_.set(); }
}

runtime::task<status> segment_files::read(std::span<const block_job> jobs) {
    if (jobs.size() == 1) { return read_one(jobs[0]); }
    return runtime::parallel_for(jobs.size(), jobs_at_a_time,
                                 [this, jobs](std::size_t i) { return read_one(jobs[i]); });
}

runtime::task<status> segment_files::write(std::span<const block_job> jobs) {
    if (jobs.size() == 1) { return write_one(jobs[0]); }
    return runtime::parallel_for(jobs.size(), jobs_at_a_time,
                                 [this, jobs](std::size_t i) { return write_one(jobs[i]); });
}

runtime::task<status> segment_files::read_one(const block_job& job) {
    disk_file& file = *segments_[job.block / stride_].file;
    const std::uint64_t offset = job.block % stride_ * std::uint64_t{block_size};
    transfer_progress all(job.count * std::size_t{block_size}, file.direct());
    while (all.left() != 0) {
        const byte_span rest{job.memory + all.done(), all.left()};
        const result<std::size_t> got = co_await file.read(offset + all.done(), rest, job.buffer_index);
        if (got && *got == 0) {
            BFS_LOG_ERROR("storage", "%s: the file ends before its data; was it cut from outside?",
                          describe(job.block).c_str());
            co_return errc::io_error;
        }
        BFS_CO_CHECK(all.add(got));
    }
    co_return ok();
}

runtime::task<status> segment_files::write_one(const block_job& job) {
    disk_file& file = *segments_[job.block / stride_].file;
    const std::uint64_t offset = job.block % stride_ * std::uint64_t{block_size};
    transfer_progress all(job.count * std::size_t{block_size}, file.direct());
    while (all.left() != 0) {
        const const_byte_span rest{job.memory + all.done(), all.left()};
        const result<std::size_t> put = co_await file.write(offset + all.done(), rest, job.buffer_index);
        BFS_CO_CHECK(all.add(put));
    }
    // Growing may have moved the vector: look the segment up again.
    segments_[job.block / stride_].dirty = true;
    co_return ok();
}

status segment_files::read_now(std::uint32_t block, byte_span to) {
    disk_file& file = *segments_[block / stride_].file;
    const std::uint64_t offset = block % stride_ * std::uint64_t{block_size};
    for (std::size_t done = 0; done < to.size();) {
        const result<std::size_t> got = file.read_now(offset + done, to.subspan(done));
        if (!got && got.error() == errc::interrupted) { continue; }
        // At the end of the file, too: the other way of reading finds out, and says what is wrong.
        if (!got || *got == 0) { return errc::try_again; }
        done += *got;
    }
    return ok();
}

status segment_files::write_now(std::uint32_t block, const_byte_span from) {
    disk_file& file = *segments_[block / stride_].file;
    segments_[block / stride_].dirty = true;
    return write_whole_now(file, block % stride_ * std::uint64_t{block_size}, from);
}

runtime::task<status> segment_files::sync() {
    return runtime::parallel_for(segments_.size(), jobs_at_a_time,
                                 [this](std::size_t i) { return sync_one(static_cast<std::uint32_t>(i)); });
}

runtime::task<status> segment_files::sync_one(std::uint32_t number) {
    if (segments_[number].sync_failed) { co_return errc::io_error; }
    if (!std::exchange(segments_[number].dirty, false)) { co_return ok(); }
    const status done = co_await segments_[number].file->sync();
    if (!done) {
        // The kernel reports a lost write once; what is on the disk is unknown from here on.
        segments_[number].sync_failed = true;
        BFS_LOG_ERROR("storage", "%.*s/%s: fsync failed: %.*s; data may be lost, replace the device",
                      static_cast<int>(disk_->where().size()), disk_->where().data(), name_of(number).c_str(),
                      static_cast<int>(message(done.error()).size()), message(done.error()).data());
    }
    co_return done;
}

runtime::task<status> segment_files::close() {
    status first;
    for (segment& s : segments_) {
        const status closed = co_await s.file->close();
        if (first && !closed) { first = closed; }
    }
    segments_.clear();
    const status closed = co_await disk_->close();
    co_return first ? closed : first;
}

std::string segment_files::describe(std::uint32_t block) const {
    std::string text(disk_->where());
    text += "/" + name_of(block / stride_) + " at offset ";
    text += std::to_string(block % stride_ * std::uint64_t{block_size});
    return text;
}

std::uint64_t segment_files::used_bytes() const noexcept {
    return (space_.total_blocks() - space_.free_blocks() - retired_blocks_) * block_size;
}

void segment_files::update_limit() noexcept {
    limit_ = space_.total_blocks() * block_size + disk_->free_bytes();
    if (options_.capacity != 0) { limit_ = std::min(limit_, options_.capacity); }
}

} // namespace benchfs::storage
