// The bytes of the write-ahead log: segment headers, frames and records (FORMAT.md tells them for people).
//
// Nothing read from a device is trusted: every function here checks what it is given and never looks outside of
// it.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace benchfs::storage {

inline constexpr std::uint32_t wal_version = 3;
/// The header of a segment takes one block; frames begin behind it.
inline constexpr std::size_t wal_header_bytes = 4096;
/// Where the header is written a second time, when a checkpoint ended in this segment: in another sector, so
/// that a write that is cut short by power loss leaves the first.
inline constexpr std::size_t wal_second_header = 512;

/// The first bytes of a log segment, written whenever the file is used again.
struct wal_segment_header {
    static constexpr std::uint64_t expected_magic = 0x0067'6f6c'7366'6562ULL; // "befslog"

    std::uint64_t magic = expected_magic;
    std::uint32_t version = wal_version;
    std::uint32_t crc = 0;              // CRC32C of this struct with this field 0
    std::uint64_t generation = 0;       // of the segment; 0: not in use
    std::uint64_t start_generation = 0; // recovery begins there (or earlier); segments before it are free
    std::uint64_t first_sequence = 0;   // of the first frame; 0: the one after the segment before
    std::uint64_t durable = 0;          // frames up to this one survive power loss
    std::array<std::uint64_t, 2> power_cycle{}; // while which the segment is written
    std::uint64_t store_id = 0;
    std::uint32_t server = 0;
    std::uint32_t servers = 0;
    std::uint32_t stride = 0; // blocks per data segment
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<wal_segment_header>);

/// In front of every frame. Frames follow each other at multiples of 8 bytes.
struct wal_frame_header {
    static constexpr std::uint32_t expected_magic = 0x6d72'6662; // "bfrm"

    std::uint32_t magic = expected_magic;
    std::uint32_t size = 0; // bytes of records that follow
    std::uint64_t generation = 0;
    std::uint64_t sequence = 0; // 1, 2, 3, ... for the life of the store
    std::uint64_t durable = 0;  // frames up to this one were durable when this one was written
    std::uint32_t version = wal_version;
    std::uint32_t crc = 0; // CRC32C of header (with this field 0) and records
};
static_assert(wire_struct<wal_frame_header> && sizeof(wal_frame_header) == 40);

/// In front of every record of a frame; the body is padded with zeros to a multiple of 8 bytes.
struct wal_record_header {
    std::uint16_t kind = 0;
    std::uint16_t reserved = 0;
    std::uint32_t size = 0; // of the body, without the padding
};
static_assert(wire_struct<wal_record_header> && sizeof(wal_record_header) == 8);

/// Kinds below 32 belong to the chunk store and the log itself, others to whoever uses the log beside it.
enum class wal_kind : std::uint16_t {
    extents = 1,  // blocks of a chunk lie elsewhere now
    truncate = 2, // a chunk was cut
    chunk = 3,    // all of a chunk
    checkpoint_done = 8,
    first_foreign = 32,
};

[[nodiscard]] constexpr std::size_t wal_padded(std::size_t bytes) noexcept { return (bytes + 7) / 8 * 8; }

/// Fills in the checksum.
void seal(wal_segment_header& header) noexcept;
enum class header_state : std::uint8_t { good, unused, bad, other_version };
/// `unused`: the file has only zeros where the header belongs.
[[nodiscard]] header_state read_header(const_byte_span file, wal_segment_header& out) noexcept;

/// Appends a record to a frame under construction.
void append_record(std::vector<std::byte>& frame, std::uint16_t kind,
                   std::initializer_list<const_byte_span> parts);
/// Completes a frame that began as sizeof(wal_frame_header) unset bytes, with records behind them.
void seal_frame(std::vector<std::byte>& frame, std::uint64_t generation, std::uint64_t sequence,
                std::uint64_t durable) noexcept;

struct wal_frame {
    wal_frame_header head;
    const_byte_span records;
    [[nodiscard]] std::size_t bytes() const noexcept { return sizeof(head) + head.size; }
};
enum class frame_state : std::uint8_t {
    good,
    none,          // nothing that began as a frame of this generation
    torn,          // a frame of this generation that is not whole, or was damaged
    other_version, // a whole one, of a version that this release does not know
};
/// A fault that a simulation plants, to show that it would find it: frames are believed whatever their checksum
/// says. Never set otherwise.
extern constinit bool planted_torn_frames;

/// What begins at byte `at` of a segment.
[[nodiscard]] frame_state read_frame(const_byte_span segment, std::size_t at, std::uint64_t generation,
                                     wal_frame& out) noexcept;
/// The first good frame of this generation from `at` on with a number of at least `sequence`, or the first of
/// another version, whatever its number; false if there is none.
[[nodiscard]] bool find_frame(const_byte_span segment, std::size_t at, std::uint64_t generation,
                              std::uint64_t sequence, wal_frame& out) noexcept;

/// Takes the records of a frame apart. Calls visit(kind, body) for each, until one gives an error; bad_frame
/// when the records do not fill the frame exactly.
template <class F>
[[nodiscard]] status for_each_record(const_byte_span records, F&& visit) {
    while (!records.empty()) {
        wal_record_header head;
        if (!load(records, head) || records.size() - sizeof(head) < wal_padded(head.size)) {
            return errc::bad_frame;
        }
        BFS_CHECK(visit(head.kind, records.subspan(sizeof(head), head.size)));
        records = records.subspan(sizeof(head) + wal_padded(head.size));
    }
    return ok();
}

} // namespace benchfs::storage
