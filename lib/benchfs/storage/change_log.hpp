// Where the io_uring engine records what it changes: the seam for the write-ahead log.
//
// A change is recorded before it is acknowledged and before the map is switched. Space that a change frees is
// reused only once the record of that change is durable: else a crash would bring back a map that points to it.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/storage/space.hpp"

#include <cstdint>
#include <span>

namespace benchfs::storage {

/// Positions grow with every record.
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
    /// What the record refers to must outlive the task. An error: the change must not be made.
    [[nodiscard]] virtual runtime::task<result<log_position>> record_extents(extent_record record) = 0;
    [[nodiscard]] virtual runtime::task<result<log_position>> record_truncate(chunk_id chunk,
                                                                              std::uint32_t size) = 0;
    /// Whether the record at this position, and all before it, survive power loss.
    [[nodiscard]] virtual bool durable(log_position position) const noexcept = 0;
    /// Returns once they do.
    [[nodiscard]] virtual runtime::task<status> make_durable(log_position position) = 0;
};

/// Records nothing and calls everything durable: a store over it forgets its chunks when it is closed, or
/// killed.
class null_change_log final : public change_log {
public:
    [[nodiscard]] runtime::task<result<log_position>> record_extents(extent_record) override {
        co_return ++last_;
    }
    [[nodiscard]] runtime::task<result<log_position>> record_truncate(chunk_id, std::uint32_t) override {
        co_return ++last_;
    }
    [[nodiscard]] bool durable(log_position) const noexcept override { return true; }
    [[nodiscard]] runtime::task<status> make_durable(log_position) override { co_return ok(); }

private:
    log_position last_ = 0;
};

} // namespace benchfs::storage
