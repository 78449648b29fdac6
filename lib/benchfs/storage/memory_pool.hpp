// The private memory of the memory engine: one arena of 64 KiB granules, faulted in ahead of need.
//
// The first touch of memory costs several times what moving the data does, so idle turns populate the arena in
// small steps (a huge page each, where the machine has them), and freed granules are reused last in, first out,
// while they are warm. Small files take blocks of 4 or 16 KiB that are carved from granules. A block that is
// pinned when it is freed is reused only after the last pin is gone.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace benchfs::storage {

inline constexpr std::uint32_t granule_size = 64 * 1024;

/// A block of a memory_pool: its place in the arena, in units of 4 KiB.
using block_ref = std::uint32_t;
inline constexpr block_ref no_block = 0xffffffff;

struct pool_stats {
    std::uint64_t used = 0;  // bytes in blocks that are taken, or freed but pinned
    std::uint64_t limit = 0; // bytes of the arena
    std::uint64_t warm = 0;  // bytes in free granules that have been touched
};

class memory_pool {
public:
    /// Reserves address space for `limit` bytes (rounded down to granules; at least one) and takes no memory
    /// yet. `ahead`: how many free bytes warm_step() keeps touched. no_memory when the address space is
    /// refused.
    [[nodiscard]] static result<std::unique_ptr<memory_pool>> create(std::uint64_t limit, std::uint64_t ahead);
    memory_pool(const memory_pool&) = delete;
    memory_pool& operator=(const memory_pool&) = delete;
    ~memory_pool();

    /// A block of at least `bytes` (4, 16 or 64 KiB), with arbitrary content; no_block when the limit is
    /// reached.
    [[nodiscard]] block_ref take(std::size_t bytes) noexcept;
    /// The block may be taken again, once it has no pins.
    void free(block_ref block) noexcept;
    void pin(block_ref block) noexcept { ++pins_[block]; }
    void unpin(block_ref block) noexcept;
    [[nodiscard]] bool pinned(block_ref block) const noexcept { return (pins_[block] & ~dead) != 0; }

    [[nodiscard]] std::byte* data(block_ref block) const noexcept {
        return arena_ + block * std::uint64_t{unit};
    }
    [[nodiscard]] std::uint32_t size(block_ref block) const noexcept;
    /// The block that an address lies in; no_block for addresses outside the arena.
    [[nodiscard]] block_ref block_of(const std::byte* address) const noexcept;
    /// 64 KiB of zeros to read from.
    [[nodiscard]] const std::byte* zeros() const noexcept { return zeros_; }

    /// Touches the next step, 128 KiB or a huge page; false when enough is warm and free, or nothing is left to
    /// touch.
    [[nodiscard]] bool warm_step() noexcept;

    [[nodiscard]] pool_stats stats() const noexcept;

private:
    static constexpr std::uint32_t unit = 4096;
    static constexpr std::uint32_t units_per_granule = granule_size / unit;
    static constexpr std::uint32_t dead = 1U << 31; // in pins_: freed, waits for the last pin
    static constexpr std::uint32_t none = 0xffffffff;

    /// How a granule is divided. Zero-filled memory is a valid array of these.
    struct granule_info {
        std::uint32_t next = 0; // in the free list, or in the list of its size with blocks left
        std::uint32_t prev = 0;
        std::uint16_t taken = 0; // bit per block
        std::uint16_t units = 0; // 4 KiB units per block; 0: the granule is free
    };
    struct c_free {
        void operator()(void* p) const noexcept { std::free(p); }
    };

    memory_pool() noexcept = default;
    [[nodiscard]] std::uint32_t take_granule() noexcept;
    void free_granule(std::uint32_t g) noexcept;
    [[nodiscard]] block_ref take_small(std::uint32_t units) noexcept;
    void really_free(block_ref block) noexcept;
    void link_partial(std::uint32_t g) noexcept;
    void unlink_partial(std::uint32_t g) noexcept;
    void place_arena() noexcept;
    [[nodiscard]] bool populate(std::uint32_t first, std::uint32_t count) noexcept;
    /// Touches the granules from warm_end_ on and moves it.
    [[nodiscard]] bool populate_step() noexcept;
    [[nodiscard]] std::uint32_t& partial_head(std::uint32_t units) noexcept {
        return partial_[units == 1 ? 0 : 1];
    }
    [[nodiscard]] std::uint64_t warm_free() const noexcept {
        return (free_count_ + (warm_end_ - fresh_)) * std::uint64_t{granule_size};
    }

    std::byte* mapping_ = nullptr;
    std::uint64_t mapped_ = 0;
    std::byte* arena_ = nullptr; // in the mapping, at a multiple of a huge page
    std::byte* zeros_ = nullptr;
    std::uint32_t granules_ = 0;
    std::uint32_t fresh_ = 0;    // granules from here on were never taken
    std::uint32_t warm_end_ = 0; // granules up to here have been touched
    std::uint32_t step_ = 0;     // granules touched at once
    std::uint32_t free_head_ = none;
    std::uint32_t free_count_ = 0;
    std::uint32_t partial_[2] = {none, none};
    std::uint64_t ahead_ = 0;
    std::uint64_t used_ = 0;
    bool warm_failed_ = false;
    // Both arrays come zeroed and untouched from the kernel: a big limit costs nothing until it is used.
    std::unique_ptr<granule_info[], c_free> info_;
    std::unique_ptr<std::uint32_t[], c_free> pins_; // per unit; the first of a block counts
};

/// Bytes that this process may still take: the kernel's estimate, and the limit of its container if lower.
[[nodiscard]] std::uint64_t available_memory() noexcept;

} // namespace benchfs::storage
