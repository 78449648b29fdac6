// The io_uring engine: chunks in extents of segment files, with a checksum for each 4 KiB block.
//
// Nothing acknowledged is overwritten in place. A write goes to fresh space; then the change is recorded, the
// map of the chunk is switched, and the old space is freed. Writes and cuts of the same blocks take effect in
// the order in which commit() and truncate() were called. Over a write-ahead log (open_logged) the chunks are
// there again after a restart; over a null_change_log a store forgets them when it is closed.
#pragma once

#include "benchfs/base/crc32c.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/storage/change_log.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/chunk_table.hpp"
#include "benchfs/storage/extent_map.hpp"
#include "benchfs/storage/io_buffers.hpp"
#include "benchfs/storage/segment_files.hpp"
#include "benchfs/storage/wal.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace benchfs::storage {

/// What verify_all() found.
struct extent_check {
    std::uint64_t chunks = 0;
    std::uint64_t blocks = 0;
    std::vector<std::string> problems; // what is wrong, in which file at which offset
};

class extent_store final : public chunk_store, private wal_data, private checkpoint_source {
public:
    /// Over a disk and a log, which the store then owns. Errors of segment_files::open().
    [[nodiscard]] static runtime::task<result<std::unique_ptr<extent_store>>>
    open(std::unique_ptr<disk> where, std::unique_ptr<change_log> log, segment_options options);
    /// Over a log: recovers the chunks from it. Records of kinds that are not the store's go to `others`
    /// (nullptr: nobody wants them). io_error: log and segments do not fit together, or are damaged; the log
    /// lines say more.
    [[nodiscard]] static runtime::task<result<std::unique_ptr<extent_store>>>
    open_logged(std::unique_ptr<disk> where, std::unique_ptr<wal> log, segment_options options,
                wal_reader* others);
    /// The same without changing anything on the disk, for checking; only for visit_chunks(), read() and
    /// close().
    [[nodiscard]] static runtime::task<result<std::unique_ptr<extent_store>>>
    open_read_only(std::unique_ptr<disk> where, std::unique_ptr<wal> log, segment_options options,
                   wal_reader* others);
    extent_store(const extent_store&) = delete;
    extent_store& operator=(const extent_store&) = delete;
    ~extent_store() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "uring"; }
    [[nodiscard]] bool checksummed() const noexcept override { return true; }
    /// With O_DIRECT, network, checksums and device take about the same time: cut, they work side by side. The
    /// page cache is memory, too, and a larger copy is the faster one.
    [[nodiscard]] std::uint32_t part_bytes() const noexcept override {
        return segments_->direct() ? 512 * KiB : 0;
    }
    [[nodiscard]] runtime::task<status> prepare(write_slot& slot) override;
    [[nodiscard]] status put(write_slot& slot, const_byte_span bytes) override;
    [[nodiscard]] runtime::task<status> commit(write_slot& slot, std::span<const std::uint32_t> crcs) override;
    void abandon(write_slot& slot) noexcept override;
    [[nodiscard]] runtime::task<status> read(read_slot& slot) override;
    [[nodiscard]] status get(read_slot& slot, byte_span to) override;
    [[nodiscard]] runtime::task<status> fetch(read_slot& slot) override;
    void release(read_slot& slot) noexcept override;
    std::size_t checksums(const read_slot& slot, std::span<std::uint32_t> out) const noexcept override;
    [[nodiscard]] runtime::task<status> truncate(chunk_id chunk, std::uint32_t size) override;
    [[nodiscard]] runtime::task<status> sync() override;
    [[nodiscard]] std::uint32_t length(chunk_id chunk) const noexcept override;
    [[nodiscard]] store_stats stats() const noexcept override;
    [[nodiscard]] runtime::task<status> close() override;
    [[nodiscard]] wal* log() noexcept override { return wal_; }
    void visit_chunks(chunk_visitor& visitor) override;
    [[nodiscard]] bool visit_part(std::size_t part, chunk_visitor& visitor) override;
    /// Reads and compares every block. Nothing else may go on meanwhile.
    [[nodiscard]] runtime::task<result<extent_check>> verify_all();

private:
    /// How the bytes of a transfer move.
    enum class way : std::uint8_t {
        buffered, // through `data`
        cached,   // in pieces, straight to or from the page cache
        streamed, // a write's in pieces into `data`, past the processor's cache, and summed on the way
    };

    /// One write or read on its way: blocks [first, first + count) of a chunk in memory. Pooled.
    struct transfer {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
        // Read: blocks [trusted, trusted_end) of the chunk are verified by who asked for them.
        std::uint32_t trusted = 0;
        std::uint32_t trusted_end = 0;
        // In pieces: how many blocks were put or got; a read has those from number `fetched` on in `data`.
        std::uint32_t moved = 0;
        std::uint32_t fetched = ~0U;
        way how = way::buffered;
        std::optional<segment_files::read_guard>
            guard; // until a read in pieces has fetched what it did not get
        block_buffer data;
        std::vector<std::uint32_t> crcs; // one per block
        std::vector<disk_extent> space;  // write: fresh blocks; empty once a map has them
        std::vector<disk_extent> freed;
        std::vector<chunk_extent> mapped; // read: where the blocks are
        std::vector<block_job> jobs;
        buffer edge; // one block, for what is around an unaligned write
    };

    /// A change of blocks [first, end) of a chunk, from its arrival to its end.
    struct turn : list_hook<> {
        std::uint32_t first = 0;
        std::uint32_t end = 0;
        runtime::event ready;
    };

    struct record {
        chunk_id id;
        std::uint32_t next = 0;
        std::uint32_t length = 0;
        log_position born = 0; // none of its blocks was put into the map before this; 0: not known
        extent_map map;
        intrusive_list<turn> turns; // in order of arrival
    };

    explicit extent_store(std::unique_ptr<change_log> log) : log_(std::move(log)) {}

    [[nodiscard]] std::unique_ptr<transfer> new_transfer(const io_slot& slot, std::uint32_t bytes);
    void recycle(std::unique_ptr<transfer> t) noexcept;
    static void keep(io_slot& slot, std::unique_ptr<transfer> t) noexcept;
    [[nodiscard]] static std::unique_ptr<transfer> take_back(io_slot& slot) noexcept;

    [[nodiscard]] status sum_whole_blocks(const write_slot& slot, transfer& t,
                                          std::span<const std::uint32_t> given);
    [[nodiscard]] runtime::task<status> write(const write_slot& slot, transfer& t);
    [[nodiscard]] runtime::task<status> apply(record& chunk, const write_slot& slot, transfer& t);
    [[nodiscard]] runtime::task<status> write_blocks(transfer& t);
    [[nodiscard]] runtime::task<status> fill_edges(record& chunk, const write_slot& slot, transfer& t);
    [[nodiscard]] runtime::task<status> fill_edge(record& chunk, transfer& t, std::uint32_t block,
                                                  std::uint32_t from, std::uint32_t to);
    [[nodiscard]] runtime::task<status> load(chunk_id chunk, const extent_map& map, transfer& t);
    [[nodiscard]] status verify(chunk_id chunk, transfer& t) const;
    [[nodiscard]] status put_cached(transfer& t, const_byte_span blocks);
    static void put_streamed(transfer& t, const_byte_span blocks);
    [[nodiscard]] bool begin_getting(const record& chunk, transfer& t);
    static void add_jobs(transfer& t, std::uint32_t first, std::uint32_t count, std::uint32_t disk);
    [[nodiscard]] static transfer& transfer_of(io_slot& slot) noexcept {
        return *reinterpret_cast<transfer*>(slot.engine_word[0]);
    }
    [[nodiscard]] status cut(record& chunk, std::uint32_t size);
    class recovery;
    [[nodiscard]] runtime::task<status> recover(wal_reader* others, bool read_only);
    [[nodiscard]] status claim_space();
    [[nodiscard]] runtime::task<status> verify_extent(const record& chunk, chunk_extent e, byte_span memory,
                                                      extent_check& report);
    void forget_everything();
    [[nodiscard]] runtime::task<status> sync_data() override { return segments_->sync(); }
    void on_durable() noexcept override { segments_->reclaim(); }
    void begin_checkpoint() override { next_bucket_ = 0; }
    [[nodiscard]] bool checkpoint_step() override;

    void enter(record& chunk, turn& mine) noexcept;
    void leave(record& chunk, turn& mine) noexcept;

    std::unique_ptr<change_log> log_;
    wal* wal_ = nullptr; // log_, if it is one
    std::size_t next_bucket_ = 0;
    std::unique_ptr<segment_files> segments_;
    std::unique_ptr<io_buffers> buffers_;
    chunk_table<record> chunks_;
    std::vector<std::unique_ptr<transfer>> spare_;
    std::size_t out_ = 0; // transfers in slots and tasks
};

} // namespace benchfs::storage
