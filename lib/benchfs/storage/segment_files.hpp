// The segment files of one store: growing them, finding free blocks in them, reading and writing blocks.
//
// Space that a change freed is "retired": it is free again once every read that was in flight at that moment
// has ended and the record of the change is durable.
#pragma once

#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/storage/change_log.hpp"
#include "benchfs/storage/disk.hpp"
#include "benchfs/storage/space.hpp"

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace benchfs::storage {

struct segment_options {
    std::uint64_t segment_size = 256 * MiB; // bytes; a multiple of 1 MiB
    std::uint64_t capacity = 0;             // bytes in all segments; 0: what the device has
    bool read_only = false;                 // for checking: nothing is made, grown or reserved
};

/// Contiguous blocks between memory and one segment.
struct block_job {
    std::uint32_t block = 0; // on the disk
    std::uint32_t count = 0;
    std::byte* memory = nullptr;
    int buffer_index = -1;
};

class segment_files {
public:
    /// Opens (and locks) what is there, or makes the first segment. Blocks of segments from an earlier run are
    /// free. busy: another server uses the directory. The log must outlive this.
    [[nodiscard]] static runtime::task<result<std::unique_ptr<segment_files>>>
    open(std::unique_ptr<disk> where, change_log& log, segment_options options);

    /// Free blocks, appended to `out`; grows the files, or waits for retired space, when there are too few.
    /// no_space: nothing was taken. Suspends.
    [[nodiscard]] runtime::task<status> take(std::uint32_t blocks, std::vector<disk_extent>& out);
    /// Blocks that no map ever named, or that were retired.
    void give_back(std::span<const disk_extent> runs);
    /// Blocks that the change recorded at `position` took out of a map, into which they came at `allocated` or
    /// later.
    void retire(std::span<const disk_extent> runs, log_position allocated, log_position position);

    /// Blocks that a recovered map names; false if they are not there or named twice.
    [[nodiscard]] bool claim(disk_extent run) { return space_.claim(run); }
    /// Blocks in a segment: no run crosses a multiple.
    [[nodiscard]] std::uint32_t stride() const noexcept { return stride_; }
    [[nodiscard]] bool exists(std::uint32_t block) const noexcept {
        return block / stride_ < segments_.size() && block % stride_ < segments_[block / stride_].blocks;
    }
    /// Whether somebody waits for blocks that read guards keep.
    [[nodiscard]] bool space_wanted() const noexcept { return space_wanted_ != 0; }
    /// Frees what is retired and may be used again by now.
    void reclaim() noexcept;

    /// Held while blocks that a map named are read: what is retired meanwhile is not reused.
    class read_guard : public list_hook<> {
    public:
        explicit read_guard(segment_files& s) noexcept : owner_(s), since_(s.retired_so_far_) {
            s.guards_.push_back(*this);
        }
        ~read_guard() {
            unlink();
            owner_.reclaim();
        }

    private:
        friend class segment_files;
        segment_files& owner_;
        std::uint64_t since_;
    };

    /// Runs the jobs, several at a time; short reads and writes are continued. After an error some were done.
    /// The jobs and their memory must outlive the task. Suspends.
    [[nodiscard]] runtime::task<status> read(std::span<const block_job> jobs);
    [[nodiscard]] runtime::task<status> write(std::span<const block_job> jobs);
    /// A run of whole blocks of one segment at once, see disk_file::copies(). Reading: try_again for what is
    /// not in memory.
    [[nodiscard]] status read_now(std::uint32_t block, byte_span to);
    [[nodiscard]] status write_now(std::uint32_t block, const_byte_span from);
    [[nodiscard]] bool copies() const noexcept { return !segments_.empty() && segments_[0].file->copies(); }

    /// Everything written before is on stable storage. Once this has failed it fails for ever. Suspends.
    [[nodiscard]] runtime::task<status> sync();
    [[nodiscard]] runtime::task<status> close();

    /// "segment file and offset", for log lines.
    [[nodiscard]] std::string describe(std::uint32_t block) const;
    [[nodiscard]] disk& where() noexcept { return *disk_; }
    /// Whether the files bypass the page cache.
    [[nodiscard]] bool direct() const noexcept { return !segments_.empty() && segments_[0].file->direct(); }
    [[nodiscard]] std::uint64_t used_bytes() const noexcept;
    [[nodiscard]] std::uint64_t limit_bytes() const noexcept { return limit_; }

private:
    struct segment {
        std::unique_ptr<disk_file> file;
        std::uint32_t blocks = 0;
        bool dirty = false;
        bool sync_failed = false;
    };
    struct retired_run {
        disk_extent run;
        std::uint64_t number; // of the retire() call
        log_position allocated;
        log_position position;
    };

    segment_files(std::unique_ptr<disk> where, change_log& log, segment_options options);
    [[nodiscard]] runtime::task<status> open_existing();
    [[nodiscard]] runtime::task<status> adopt(std::uint32_t number, std::unique_ptr<disk_file> file);
    [[nodiscard]] runtime::task<status> grow();
    [[nodiscard]] runtime::task<status> grow_now();
    [[nodiscard]] runtime::task<status> wait_for_retired();
    [[nodiscard]] runtime::task<status> read_one(const block_job& job);
    [[nodiscard]] runtime::task<status> write_one(const block_job& job);
    [[nodiscard]] runtime::task<status> sync_one(std::uint32_t number);
    void update_limit() noexcept;
    [[nodiscard]] bool guarded(const retired_run& r) noexcept {
        return !guards_.empty() && guards_.front().since_ < r.number;
    }
    bool reclaim_young() noexcept;
    void free(const retired_run& r) noexcept;

    std::unique_ptr<disk> disk_;
    change_log& log_;
    segment_options options_;
    std::uint32_t stride_; // blocks per segment
    space space_;
    std::vector<segment> segments_;
    std::uint64_t limit_ = 0;
    bool growing_ = false;
    bool grow_failed_ = false; // the device was full: next time only a little is asked for
    runtime::event grown_;
    std::uint64_t retired_so_far_ = 0;
    std::deque<retired_run> retired_; // until their change is durable
    std::deque<retired_run> young_;   // until it is written: nobody counts on what it undoes
    std::uint64_t retired_blocks_ = 0;
    std::uint64_t freed_so_far_ = 0; // runs that were retired before
    intrusive_list<read_guard> guards_; // oldest first
    runtime::event reclaimed_;
    std::uint32_t space_wanted_ = 0; // calls that wait for it
};

} // namespace benchfs::storage
