// What one granule of a chunk holds, and the rules under which it is written and read in place.
//
// Two bits per 4 KiB block: `init` (the block holds committed bytes or zeros) and `raw` (memory with stale
// content that one prepared write covers whole and will fill). So a sequential write zeroes nothing, and a hole
// reads as zeros. Whoever prepares bytes in a block that is raw for somebody else gets private memory instead,
// which is copied at commit; so does, at commit, a writer whose block was replaced meanwhile (promoted, cut,
// removed).
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/storage/memory_pool.hpp"

#include <cstdint>

namespace benchfs::storage {

struct granule {
    block_ref block = no_block;
    std::uint16_t init = 0;
    std::uint16_t raw = 0;
};

/// Bytes [from, to) of a granule, 0 <= from < to <= 64 KiB.
struct granule_range {
    std::uint32_t from;
    std::uint32_t to;
};

/// Memory for a write: pinned, one segment pushed to `out`. `small`: a block below 64 KiB will do. no_space
/// when the pool is exhausted; the granule is then unchanged.
[[nodiscard]] status granule_prepare(memory_pool& pool, granule& g, granule_range range, bool small,
                                     segments& out);
/// The bytes at `data` (from granule_prepare, still pinned) become part of the granule. no_space: they are not.
[[nodiscard]] status granule_commit(memory_pool& pool, granule& g, granule_range range, bool small,
                                    const std::byte* data);
/// Gives up the write prepared at `data`; the caller unpins it and then calls granule_trim().
void granule_abandon(memory_pool& pool, granule& g, granule_range range, const std::byte* data) noexcept;
/// Forgets what lies beyond the chunk's length (`valid` bytes of this granule are below it), unless somebody
/// uses the block; frees the block when nothing is left.
void granule_trim(memory_pool& pool, granule& g, std::uint32_t valid) noexcept;

/// Pushes the bytes to `out` (each segment inside the arena is pinned once) as at most `most` segments; most
/// >= 2. no_memory when that needs a copy and the pool is exhausted.
[[nodiscard]] status granule_read(memory_pool& pool, granule& g, granule_range range, std::size_t most,
                                  const_segments& out);

/// From `at` on (at < 64 KiB) the granule is a hole. no_space when somebody uses its block and there is no
/// other to move the rest to; the granule is then unchanged.
[[nodiscard]] status granule_cut(memory_pool& pool, granule& g, std::uint32_t at);
void granule_clear(memory_pool& pool, granule& g) noexcept;

} // namespace benchfs::storage
