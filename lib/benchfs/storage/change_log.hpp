// Where the io_uring engine records what it changes: the seam for the write-ahead log (wal.hpp).
//
// A change is recorded in the same step in which the map is switched, so that the log has changes in the order
// in which they happened. Recording does not wait: the record goes into the frame that is written before
// anything is acknowledged. Space that a change frees is reused only once that frame is durable: else power
// loss would bring back a map that points to it. What was put into the map a moment ago is the exception:
// nobody counts on it yet, and recovery sees that its bytes are gone and drops the changes from there on.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/storage/space.hpp"

#include <cstdint>
#include <span>

namespace benchfs::storage {

/// Positions never go back; several records may share one.
using log_position = std::uint64_t;

/// Blocks of a chunk that now lie in `runs`, with the checksum of each. Absolute values: replaying twice is
/// once.
struct extent_record {
    chunk_id chunk;
    std::uint32_t first_block = 0;
    std::uint32_t length = 0; // of the chunk, after the change
    std::span<const disk_extent> runs;
    std::span<const std::uint32_t> crcs;
};

class change_log {
public:
    virtual ~change_log() = default;
    /// An error: the change must not be made.
    [[nodiscard]] virtual result<log_position> record_extents(const extent_record& record) = 0;
    [[nodiscard]] virtual result<log_position> record_truncate(chunk_id chunk, std::uint32_t size) = 0;
    /// Whether the record at this position, and all before it, survive power loss.
    [[nodiscard]] virtual bool durable(log_position position) const noexcept = 0;
    /// Returns once they do.
    [[nodiscard]] virtual runtime::task<status> make_durable(log_position position) = 0;
    /// Everything recorded so far.
    [[nodiscard]] virtual log_position newest() const noexcept = 0;
    /// Whether the record at this position is with the kernel: it survives the process.
    [[nodiscard]] virtual bool written(log_position) const noexcept { return true; }
    /// Whether somebody may count on this record after power loss: a sync that covers it has begun, or it is
    /// some seconds old.
    [[nodiscard]] virtual bool counted_on(log_position) noexcept { return true; }
    /// Whether make_durable() makes the bytes in the data segments durable too.
    [[nodiscard]] virtual bool covers_data() const noexcept { return false; }
    /// A hint that much space waits for what was recorded to become durable. Returns at once.
    virtual void hurry() noexcept {}
    [[nodiscard]] virtual runtime::task<status> close() { co_return ok(); }
};

/// Records nothing and calls everything durable: a store over it forgets its chunks when it is closed, or
/// killed.
class null_change_log final : public change_log {
public:
    [[nodiscard]] result<log_position> record_extents(const extent_record&) override { return ++last_; }
    [[nodiscard]] result<log_position> record_truncate(chunk_id, std::uint32_t) override { return ++last_; }
    [[nodiscard]] bool durable(log_position) const noexcept override { return true; }
    [[nodiscard]] runtime::task<status> make_durable(log_position) override { co_return ok(); }
    [[nodiscard]] log_position newest() const noexcept override { return last_; }

private:
    log_position last_ = 0;
};

} // namespace benchfs::storage
