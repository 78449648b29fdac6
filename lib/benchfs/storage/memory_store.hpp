// The memory engine: chunks in granules of a private pool; nothing survives the process.
//
// Bytes are overwritten in place: a reader of a range that is being written sees old or new bytes, and a write
// that is abandoned may leave some of its bytes. No call suspends. A warm store allocates nothing.
#pragma once

#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/reactor.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/chunk_table.hpp"
#include "benchfs/storage/memory_granule.hpp"
#include "benchfs/storage/memory_pool.hpp"

#include <array>
#include <memory>
#include <vector>

namespace benchfs::storage {

/// Granule tables of chunks beyond their first granule: powers of two, reused through free lists.
class granule_tables {
public:
    struct table {
        granule* entries = nullptr;
        std::uint32_t capacity = 0;
    };
    granule_tables() = default;
    granule_tables(const granule_tables&) = delete;
    granule_tables& operator=(const granule_tables&) = delete;

    /// Room for `entries` at least; what `old` held is moved over, the rest is holes.
    [[nodiscard]] table grow(table old, std::uint32_t entries);
    void give_back(table t) noexcept;

private:
    static constexpr std::uint32_t smallest = 4;
    static constexpr std::size_t sizes = 10; // 4 .. 2048 entries, 128 MiB
    static std::size_t size_class(std::uint32_t entries) noexcept;

    std::vector<std::unique_ptr<granule[]>> owned_;
    std::array<std::vector<granule*>, sizes> free_;
    std::array<std::size_t, sizes> made_{};
};

class memory_store final : public chunk_store, private runtime::idle_work {
public:
    /// `limit`: bytes for chunks; `ahead`: how many of them are kept touched and free, by idle turns of the
    /// loop, which must outlive the store. no_memory when the address space is refused.
    [[nodiscard]] static result<std::unique_ptr<memory_store>> create(runtime::loop& owner, std::uint64_t limit,
                                                                      std::uint64_t ahead);
    memory_store(const memory_store&) = delete;
    memory_store& operator=(const memory_store&) = delete;
    ~memory_store() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "memory"; }
    [[nodiscard]] bool checksummed() const noexcept override { return false; }
    [[nodiscard]] bool immediate() const noexcept override { return true; }
    [[nodiscard]] status prepare_now(write_slot& slot) override;
    [[nodiscard]] status commit_now(write_slot& slot) override;
    [[nodiscard]] status read_now(read_slot& slot) override;
    [[nodiscard]] runtime::task<status> prepare(write_slot& slot) override;
    [[nodiscard]] runtime::task<status> commit(write_slot& slot, std::span<const std::uint32_t> crcs) override;
    void visit_chunks(chunk_visitor& visitor) override;
    [[nodiscard]] bool visit_part(std::size_t part, chunk_visitor& visitor) override;
    [[nodiscard]] status put(write_slot& slot, const_byte_span bytes) override;
    void abandon(write_slot& slot) noexcept override;
    [[nodiscard]] runtime::task<status> read(read_slot& slot) override;
    void release(read_slot& slot) noexcept override;
    std::size_t checksums(const read_slot& slot, std::span<std::uint32_t> out) const noexcept override;
    [[nodiscard]] runtime::task<status> truncate(chunk_id chunk, std::uint32_t size) override;
    [[nodiscard]] runtime::task<status> sync() override;
    [[nodiscard]] std::uint32_t length(chunk_id chunk) const noexcept override;
    [[nodiscard]] store_stats stats() const noexcept override;
    [[nodiscard]] runtime::task<status> close() override;

private:
    struct record {
        chunk_id id;
        std::uint32_t next = 0;
        std::uint32_t length = 0;
        granule first;
        granule_tables::table more; // granules 1 and on
    };

    memory_store(runtime::loop& owner, std::unique_ptr<memory_pool> pool);
    bool step() noexcept override { return pool_->warm_step(); }

    [[nodiscard]] status truncate_now(chunk_id chunk, std::uint32_t size);
    void finish(write_slot& slot, record* chunk, std::uint32_t stored) noexcept;
    void reach(record& chunk, std::uint32_t bytes);
    [[nodiscard]] static granule* granule_of(record& chunk, std::uint32_t i) noexcept;
    [[nodiscard]] static std::uint32_t valid_in(const record& chunk, std::uint32_t i) noexcept;
    void erase_if_empty(record& chunk) noexcept;

    runtime::loop& loop_;
    std::unique_ptr<memory_pool> pool_;
    granule_tables tables_;
    chunk_table<record> chunks_;
    bool idle_added_ = false;
};

} // namespace benchfs::storage
