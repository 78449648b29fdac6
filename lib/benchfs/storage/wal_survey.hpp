// Reading the log: which of its segments count, where it ends, and whether that end is one that a crash leaves.
//
// A frame that was cut short is where recovery ends. A bad frame with good ones behind it that prove it was
// whole once (they name it durable, or power was not lost since) is damage: then the log is refused.
#pragma once

#include "benchfs/storage/disk.hpp"
#include "benchfs/storage/wal_format.hpp"

#include <memory>
#include <string>
#include <vector>

namespace benchfs::storage {

/// One file of the log.
struct wal_slot {
    std::string name;
    std::unique_ptr<disk_file> file;
    header_state state = header_state::unused;
    wal_segment_header header;
    bool used = false;   // what it holds counts
    bool zeroed = false; // every byte was written once
    bool busy = false;   // zeros are being written
    bool dirty = false;  // not synced since the last write
};

[[nodiscard]] std::string wal_file_name(std::size_t number);

/// Opens and locks every file of the log and reads the headers; none if the store is new.
[[nodiscard]] runtime::task<result<std::vector<wal_slot>>> open_log_files(disk& where);

/// All of a file, in memory.
[[nodiscard]] runtime::task<result<std::vector<std::byte>>> read_whole(disk_file& file);

/// What a log holds, in the order in which it is replayed.
struct wal_survey {
    struct part {
        std::size_t slot = 0;
        std::uint64_t end_sequence = 0; // frames below it count
    };
    std::vector<part> parts;
    std::uint64_t next_sequence = 1;
    std::uint64_t durable = 0;    // known to be: frames up to this one
    bool lost_power = false;      // frames above it may lack bytes in the data segments
    std::uint64_t generation = 0; // the newest
    std::uint64_t start_generation = 0;
    std::string torn; // "file at offset": an unfinished frame with which the log ends; empty: there is none
};

/// Surveys the log. io_error: it is damaged; protocol_mismatch: it was written by another version. `problem`
/// says what, where and what to do.
[[nodiscard]] runtime::task<result<wal_survey>> survey_log(const disk& where, std::vector<wal_slot>& slots,
                                                           std::string& problem);

/// Takes the records of a log, in order.
class wal_reader {
public:
    /// bad_frame: not understood.
    [[nodiscard]] virtual status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) = 0;

protected:
    ~wal_reader() = default;
};

/// Shows the reader every record of the frames up to and with `last`.
[[nodiscard]] runtime::task<status> replay_log(std::vector<wal_slot>& slots, const wal_survey& survey,
                                               std::uint64_t last, wal_reader& reader);

} // namespace benchfs::storage
