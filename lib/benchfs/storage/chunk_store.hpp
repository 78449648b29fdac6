// The chunk store: bytes of chunks, behind one interface for every engine.
//
// Writing is prepare -> fill -> commit, so that bytes go from the transport straight to where the engine wants
// them; reading is read -> send -> release for the same reason. Engines are chosen by name from one table
// (engines.hpp). Checksums are CRC32C of 4 KiB blocks of the chunk.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/crc32c.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/task.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace benchfs::storage {

inline constexpr std::uint32_t block_size = 4096;
/// The most bytes one prepare() or read() may name.
inline constexpr std::uint32_t max_transfer = 4U << 20;
/// The largest chunk an engine keeps; a write beyond it is file_too_large.
inline constexpr std::uint32_t max_chunk = 64U << 20;

/// State of one write or read between its steps. Lives in the caller's frame; the engine fills it.
struct io_slot {
    chunk_id chunk;
    std::uint32_t offset = 0; // within the chunk
    std::uint32_t size = 0;   // 1 .. max_transfer
    std::uint64_t engine_word[8] = {};
};

struct write_slot : io_slot {
    // Set before prepare(): the caller can hand the bytes over in pieces, with put(), from where they lie.
    bool can_put = false;
    bool puts = false;    // after prepare(): it must
    bool gathers = false; // then: and the more bytes there are in one call, the less each costs
    segments target;      // after prepare(), for who does not put: where the bytes go, `size` in all
};

struct read_slot : io_slot {
    // Set before read(): the caller compares the blocks that it gets whole with checksums(), so read() only
    // looks at those that it gets in part.
    bool caller_verifies = false;
    // Set before read(): the caller can fetch the bytes in pieces, with get(), to where they leave from.
    bool can_get = false;
    bool gets = false;     // after read(): it must, there is no source
    const_segments source; // after read(): `valid` bytes
    // Bytes that the chunk holds from offset on, at most size; what lies beyond is a hole or past the end.
    std::uint32_t valid = 0;
};

struct store_stats {
    std::uint64_t chunks = 0;
    std::uint64_t bytes_used = 0;  // space taken, including rounding to blocks
    std::uint64_t bytes_limit = 0; // capacity
    std::uint64_t bytes_warm = 0;  // memory engine: free memory that has been touched already
};

class wal;

/// Sees the chunks of a store; must not change them.
class chunk_visitor {
public:
    virtual void chunk(chunk_id id, std::uint32_t length) = 0;

protected:
    ~chunk_visitor() = default;
};

class chunk_store {
public:
    virtual ~chunk_store() = default;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// The log of an engine whose chunks survive the process, for what else shall survive with them; else
    /// nullptr.
    [[nodiscard]] virtual wal* log() noexcept { return nullptr; }
    /// Shows every chunk.
    virtual void visit_chunks(chunk_visitor& visitor) = 0;
    /// Shows the chunks of one part of the store, for walks that are interrupted: parts are numbered from 0 on.
    /// False if there is none of this number, and none after it. A chunk that is there throughout a walk is
    /// seen at least once, whatever else comes and goes.
    [[nodiscard]] virtual bool visit_part(std::size_t part, chunk_visitor& visitor) {
        if (part == 0) { visit_chunks(visitor); }
        return part == 0;
    }
    /// Whether writers should send, and readers check, block checksums.
    [[nodiscard]] virtual bool checksummed() const noexcept = 0;
    /// Transfers larger than this are better cut into parts that are under way together; 0: no wish.
    [[nodiscard]] virtual std::uint32_t part_bytes() const noexcept { return 0; }

    /// True for an engine that never waits in prepare(), commit() and read(): its callers may use the *_now()
    /// functions instead, which mean the same and save a coroutine frame each on the hot path.
    [[nodiscard]] virtual bool immediate() const noexcept { return false; }
    [[nodiscard]] virtual status prepare_now(write_slot&) { return errc::not_supported; }
    [[nodiscard]] virtual status commit_now(write_slot&) { return errc::not_supported; }
    [[nodiscard]] virtual status read_now(read_slot&) { return errc::not_supported; }

    /// Reserves room and gives memory to fill. no_space when the device or the memory limit is full.
    [[nodiscard]] virtual runtime::task<status> prepare(write_slot& slot) = 0;
    /// Makes the bytes part of the chunk. `crcs`: one per block that the write covers whole, in order (empty:
    /// none were sent); io_error if one does not match, invalid_argument if their number is wrong. After ok,
    /// bytes survive what the engine promises. The slot is empty afterwards, also after an error; slot and crcs
    /// must outlive the task.
    [[nodiscard]] virtual runtime::task<status> commit(write_slot& slot,
                                                       std::span<const std::uint32_t> crcs) = 0;
    /// The next bytes of a write that puts, in order, each time some whole blocks as far as the write has them
    /// (else bad_frame). They may change while this looks at them; they have no effect before commit() where
    /// others have none.
    [[nodiscard]] virtual status put(write_slot&, const_byte_span) { return errc::not_supported; }
    /// Gives back a prepared write that will not be committed. Nothing happens to an empty slot.
    virtual void abandon(write_slot& slot) noexcept = 0;

    /// Finds the bytes; a chunk that does not exist has 0 valid bytes. Every ok must be followed by release().
    /// Never returns bytes that fail their checksum: io_error (but see read_slot::caller_verifies).
    [[nodiscard]] virtual runtime::task<status> read(read_slot& slot) = 0;
    /// The next bytes of a read that gets, in order, whole blocks each time. try_again: they would have to be
    /// waited for, with fetch(); then the same again.
    [[nodiscard]] virtual status get(read_slot&, byte_span) { return errc::not_supported; }
    /// Brings what is left of a read that gets into memory.
    [[nodiscard]] virtual runtime::task<status> fetch(read_slot&) { co_return errc::not_supported; }
    virtual void release(read_slot& slot) noexcept = 0;
    /// The checksums of the blocks that lie whole in [offset, offset + valid) of a read, written to `out`;
    /// returns how many. 0 in engines without checksums.
    virtual std::size_t checksums(const read_slot& slot, std::span<std::uint32_t> out) const noexcept = 0;

    /// Cuts the chunk to `size` bytes (larger: nothing happens). 0 removes it. Slots that are out stay valid:
    /// a read keeps its bytes, and a write that is committed afterwards counts as later than the cut.
    [[nodiscard]] virtual runtime::task<status> truncate(chunk_id chunk, std::uint32_t size) = 0;
    [[nodiscard]] runtime::task<status> remove(chunk_id chunk) { return truncate(chunk, 0); }
    /// What was committed survives power loss after this (memory engine: nothing to do).
    [[nodiscard]] virtual runtime::task<status> sync() = 0;

    /// Valid bytes of the chunk, 0 if there is none.
    [[nodiscard]] virtual std::uint32_t length(chunk_id chunk) const noexcept = 0;
    [[nodiscard]] virtual store_stats stats() const noexcept = 0;
    /// Ends background work and closes files. Await it before the store is destroyed.
    [[nodiscard]] virtual runtime::task<status> close() = 0;
};

/// What every engine refuses: sizes out of range (invalid_argument), ends beyond max_chunk (file_too_large).
[[nodiscard]] inline status check_range(const io_slot& slot) noexcept {
    if (slot.size == 0 || slot.size > max_transfer) { return errc::invalid_argument; }
    if (slot.offset > max_chunk - slot.size) { return errc::file_too_large; }
    return ok();
}

/// How many blocks [offset, offset + size) covers whole: the number of checksums that belong to it.
[[nodiscard]] constexpr std::uint32_t whole_blocks(std::uint32_t offset, std::uint32_t size) noexcept {
    const std::uint32_t first = (offset + block_size - 1) / block_size;
    const std::uint32_t end = (offset + size) / block_size;
    return end > first ? end - first : 0;
}

/// The checksum of one whole block.
[[nodiscard]] inline std::uint32_t block_crc(const std::byte* block) noexcept {
    return crc32c(const_byte_span{block, block_size});
}
/// Of a block of zeros: what a hole is read as.
[[nodiscard]] std::uint32_t zero_block_crc() noexcept;

} // namespace benchfs::storage
