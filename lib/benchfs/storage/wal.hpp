// The write-ahead log of one server: what was changed, in the order in which it happened.
//
// Changes are staged as records in memory, without waiting. flush() writes everything staged as one frame, with
// one copy into the page cache, before anything of it is acknowledged: a process that is killed loses nothing
// that was. Who needs more (fsync) waits for a sync that began after its last change; one sync serves all who
// wait. A checkpoint writes everything there is into the log again, in slices, after which the segments before
// it are free for new frames. It begins when half of the capacity is used, and not before the log holds twice
// what the last one wrote: as much is changed after a checkpoint as it wrote, before the next one. Another task
// makes files ahead of need, also during a checkpoint: as many as the next checkpoint may take stay free, so
// only a device without room refuses changes, and those that make what is live smaller work on it, too.
//
// Use: open(), replay(), begin(), then stage() and flush(); close() before destruction.
#pragma once

#include "benchfs/base/types.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/mutex.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/storage/change_log.hpp"
#include "benchfs/storage/wal_survey.hpp"

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

namespace benchfs::storage {

struct wal_options {
    std::uint64_t segment_size = 16 * MiB; // bytes of one log file; smaller on a small device
    std::uint64_t capacity = 256 * MiB;    // bytes of the log; at half of them a checkpoint begins
    std::uint32_t server = 0;              // whose store this is: another server's is refused
    std::uint32_t servers = 1;
    std::uint64_t store_id = 1;   // of a new store
    std::uint32_t stride = 65536; // blocks per data segment of a new store
    bool read_only = false;       // for checking: open() and replay() only, and nothing is written
};

/// Writes what it owns into the log again, as absolute values.
class checkpoint_source {
public:
    virtual void begin_checkpoint() = 0;
    /// Stages a few records; false when all are written. Called until then, with other work in between.
    [[nodiscard]] virtual bool checkpoint_step() = 0;

protected:
    ~checkpoint_source() = default;
};

/// What must be durable before the log may say so: the bytes that its records describe.
class wal_data {
public:
    [[nodiscard]] virtual runtime::task<status> sync_data() = 0;
    /// Something became durable.
    virtual void on_durable() noexcept = 0;
    /// Bytes of a chunk as of the last change that was recorded.
    [[nodiscard]] virtual std::uint32_t length(chunk_id chunk) const noexcept = 0;

protected:
    ~wal_data() = default;
};

struct wal_stats {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0; // of frames
    std::uint64_t syncs = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t used_bytes = 0; // of segments that recovery would read
};

class wal final : public change_log {
public:
    /// Opens and surveys the log of a directory. busy, io_error (damaged, or it belongs to another server; the
    /// log lines say more), protocol_mismatch. Loop and disk outlive the log.
    [[nodiscard]] static runtime::task<result<std::unique_ptr<wal>>> open(runtime::loop& loop, disk& where,
                                                                          wal_options options);
    wal(const wal&) = delete;
    wal& operator=(const wal&) = delete;
    ~wal() override;

    // ---- recovery ----
    [[nodiscard]] const wal_survey& survey() const noexcept { return survey_; }
    [[nodiscard]] bool fresh() const noexcept { return survey_.parts.empty(); }
    /// Whether the machine was restarted since the log was written to: what was not synced may be missing.
    [[nodiscard]] std::array<std::uint64_t, 2> power_cycle() const noexcept { return disk_.power_cycle(); }
    [[nodiscard]] std::uint32_t stride() const noexcept { return options_.stride; }
    [[nodiscard]] std::uint64_t store_id() const noexcept { return options_.store_id; }
    /// All records up to and with frame `last`; any number of times.
    [[nodiscard]] runtime::task<status> replay(std::uint64_t last, wal_reader& reader);
    /// Ends recovery: frames after `last` never were. What was recovered is made durable, and new frames follow
    /// it. `data` outlives the log or its close().
    [[nodiscard]] runtime::task<status> begin(std::uint64_t last, wal_data& data);

    // ---- changes ----
    /// Whether a record may make a checkpoint longer.
    enum class effect : std::uint8_t { grows, removes };
    /// Adds a record to the frame that the next flush() writes. io_error after the log failed.
    [[nodiscard]] result<log_position> stage(std::uint16_t kind, std::initializer_list<const_byte_span> parts,
                                             effect does = effect::grows);
    [[nodiscard]] bool staged() const noexcept { return frame_.size() > sizeof(wal_frame_header); }
    /// Hands everything staged to the kernel. no_space: the log is full (it stays staged); io_error: the log
    /// failed, for ever.
    [[nodiscard]] status flush();
    /// Whether another change may begin: try_again while a checkpoint or another file is about to make room,
    /// no_space when the device has none (it is asked again then), io_error after the log failed. `frees`: a
    /// change that makes room.
    [[nodiscard]] status admit(bool frees) noexcept;
    /// Whether writers should wait a little, so that a checkpoint gets ahead of them.
    [[nodiscard]] bool crowded() const noexcept;
    /// From now on the owner calls flush(); before, every record is flushed at once, and if it had written
    /// records before a restart there is no checkpoint: without them it would be a checkpoint of half a store.
    /// So the owner adds itself as a source in the same step.
    void let_owner_flush() noexcept {
        owner_flushes_ = true;
        work_.set();
    }

    [[nodiscard]] result<log_position> record_extents(const extent_record& record) override;
    [[nodiscard]] result<log_position> record_truncate(chunk_id chunk, std::uint32_t size) override;
    [[nodiscard]] bool durable(log_position position) const noexcept override { return position <= durable_; }
    [[nodiscard]] bool written(log_position position) const noexcept override { return position < next_; }
    [[nodiscard]] bool counted_on(log_position position) noexcept override;
    [[nodiscard]] runtime::task<status> make_durable(log_position position) override;
    [[nodiscard]] log_position newest() const noexcept override { return staged() ? next_ : last_change_; }
    [[nodiscard]] bool covers_data() const noexcept override { return true; }
    void hurry() noexcept override;

    // ---- checkpoints ----
    /// Sources are written in the order in which they were added; they outlive the log or its close().
    void add_source(checkpoint_source& source) { sources_.push_back(&source); }
    /// Writes a checkpoint now; returns when the space before it is free. For tests and tools: the log makes
    /// its own, see above.
    [[nodiscard]] runtime::task<status> checkpoint();

    [[nodiscard]] wal_stats stats() const noexcept;
    /// Flushes, syncs, and ends the log's own work.
    [[nodiscard]] runtime::task<status> close() override;

private:
    wal(runtime::loop& loop, disk& where, wal_options options);

    [[nodiscard]] runtime::task<status> read_log();
    [[nodiscard]] status check_owner() const;
    [[nodiscard]] runtime::task<status> add_slot();
    [[nodiscard]] runtime::task<status> zero(std::size_t slot);
    [[nodiscard]] status rotate();
    [[nodiscard]] status write_header(wal_slot& slot, std::size_t at);
    [[nodiscard]] runtime::task<status> sync_slots();
    [[nodiscard]] runtime::task<status> sync_once();
    [[nodiscard]] runtime::task<status> work();
    [[nodiscard]] runtime::task<status> keep_room();
    [[nodiscard]] runtime::task<status> keep_ahead();
    [[nodiscard]] runtime::task<status> add_files();
    [[nodiscard]] runtime::task<status> wait_for_room();
    [[nodiscard]] runtime::task<status> slices();
    [[nodiscard]] runtime::task<status> tally();
    /// Whether there is room for another change; admit() does more.
    [[nodiscard]] bool has_room(bool frees) const noexcept;
    [[nodiscard]] bool sources_complete() const noexcept;
    [[nodiscard]] bool checkpoint_due() const noexcept;
    /// Whether counting may show that there is room: who is refused until then tries again.
    [[nodiscard]] bool tally_wins() const noexcept;
    [[nodiscard]] bool tally_due() const noexcept;
    /// Used segments at which a checkpoint begins.
    [[nodiscard]] std::size_t due_slots() const noexcept;
    [[nodiscard]] std::size_t used_slots() const noexcept;
    [[nodiscard]] std::size_t free_slots() const noexcept { return slots_.size() - used_slots(); }
    /// Room that changes need; half of it is kept for those that free space.
    [[nodiscard]] std::size_t spare_room() const noexcept;
    /// Bytes behind the last frame of the current segment.
    [[nodiscard]] std::size_t room_left() const noexcept;
    /// Records that a checkpoint puts into a segment at least: a slice that does not fit any more leaves an
    /// eighth of it empty.
    [[nodiscard]] std::uint64_t slot_bytes() const noexcept {
        return (options_.segment_size - wal_header_bytes) / 8 * 7;
    }
    /// Segments that so many bytes of records take at most in a checkpoint.
    [[nodiscard]] std::size_t slots_for(std::uint64_t bytes) const noexcept;
    /// Segments that a checkpoint which begins now may fill: as many as the last one, and what was added since.
    [[nodiscard]] std::size_t needed_slots() const noexcept;
    /// How many of them are more than the files in use, which it makes free.
    [[nodiscard]] std::size_t slots_beyond() const noexcept;
    /// Free segments that only the checkpoint (the next one, or what is left of the running one) and restarts
    /// use, so that a full log on a full device can be emptied.
    [[nodiscard]] std::size_t kept_slots() const noexcept;
    /// The same, and what changes that free space use.
    [[nodiscard]] std::size_t reserve() const noexcept { return kept_slots() + frees_more(); }
    [[nodiscard]] std::size_t frees_more() const noexcept { return device_full_ ? 3 : 1; }
    [[nodiscard]] bool short_of_room() const noexcept { return free_slots() <= reserve(); }
    /// Of what the sources have, without writing it.
    [[nodiscard]] std::uint64_t count_live();
    void forget_checksums(chunk_id chunk, std::uint64_t bytes);
    status fail(errc why, const char* what);

    disk& disk_;
    wal_options options_;
    std::vector<wal_slot> slots_;
    wal_survey survey_;
    wal_data* data_ = nullptr;

    std::size_t current_ = 0;      // slot
    std::size_t at_ = 0;           // where its next frame goes
    std::uint64_t next_ = 1;       // number of the frame under construction
    log_position last_change_ = 0; // the newest frame with records
    std::uint64_t durable_ = 0;
    std::uint64_t to_be_durable_ = 0; // when the newest sync ends
    log_position some_time_ago_ = 0;  // the newest frame some seconds ago,
    log_position last_looked_at_ = 0; // and at this time
    time_point looked_{};
    std::uint64_t generation_ = 0;
    std::uint64_t start_generation_ = 1;
    std::vector<std::byte> frame_;
    errc failed_ = errc::ok;
    bool began_ = false;
    bool owner_flushes_ = false;
    bool foreign_records_ = false; // were recovered
    bool full_told_ = false;
    bool device_full_ = false; // the last attempt to add a file failed

    runtime::mutex slots_turn_;
    bool syncing_ = false;
    runtime::event synced_;
    std::vector<checkpoint_source*> sources_;
    bool checkpointing_ = false;
    runtime::event checkpointed_;  // or counted
    std::size_t live_slots_ = 0;   // that the last checkpoint filled, or the running one once it is larger
    std::uint64_t live_bytes_ = 0; // of records, at most, when it began
    std::uint64_t added_ = 0;      // bytes by which changes may have made a checkpoint longer, since the start
    std::uint64_t added_before_ = 0; // when the last checkpoint began
    struct {
        std::size_t needed = 0; // when it began
        std::size_t beyond = 0; // more than was used then
        std::size_t filled = 0;
        std::uint64_t bytes = 0; // that were live at most when it began
        std::uint64_t added_before = 0;
        bool writing = false;                              // the records that are staged are its own
        std::unordered_map<chunk_id, std::uint64_t> holes; // counted in added_ since it began
    } running_;
    std::uint64_t* counting_ = nullptr;    // records are counted here, not written
    std::uint64_t recovered_bytes_ = 0;    // of the store's records that recovery read
    log_position checkpointed_change_ = 0; // the newest frame when the last checkpoint ended
    std::uint64_t checkpoint_end_ = 0;     // the frame that ended the checkpoint with which recovery began
    std::size_t not_before_ = 0;           // used slots, after a checkpoint that failed
    bool tallying_ = false;                // it is counted what is live
    log_position tallied_change_ = 0;      // the newest frame when that began last
    time_point next_tally_{};              // not before

    runtime::call_context context_;
    runtime::task_scope scope_;
    runtime::event work_;
    runtime::event room_wanted_;
    runtime::event room_made_; // or tried to
    bool closing_ = false;
    bool hurried_ = false;
    wal_stats stats_;
};

} // namespace benchfs::storage
