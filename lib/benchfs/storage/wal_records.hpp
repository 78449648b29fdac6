// The records that the chunk store writes into the log.
//
// Every value is absolute: applying a record twice, or applying it to a chunk of which earlier records are
// missing and a later one tells everything, gives the same.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/types.hpp"

#include <cstdint>

namespace benchfs::storage {

/// Blocks of a chunk lie elsewhere now. `runs` disk extents and `blocks` checksums follow.
struct wal_extents {
    std::uint64_t file = 0;
    std::uint32_t index = 0;
    std::uint32_t first_block = 0;
    std::uint32_t length = 0; // of the chunk afterwards, in bytes
    std::uint32_t runs = 0;
    std::uint32_t blocks = 0;
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<wal_extents> && sizeof(wal_extents) == 32);

/// A chunk ends at `size` now; 0: it is gone.
struct wal_truncate {
    std::uint64_t file = 0;
    std::uint32_t index = 0;
    std::uint32_t size = 0;
};
static_assert(wire_struct<wal_truncate>);

/// All of a chunk, from a checkpoint. `extents` chunk extents, `blocks` checksums (of holes: any) and `cuts`
/// pairs of block and valid bytes follow.
struct wal_chunk {
    std::uint64_t file = 0;
    std::uint32_t index = 0;
    std::uint32_t length = 0;
    std::uint32_t extents = 0;
    std::uint32_t blocks = 0;
    std::uint32_t cuts = 0;
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<wal_chunk> && sizeof(wal_chunk) == 32);

/// A checkpoint that began with this generation is complete.
struct wal_checkpoint_done {
    std::uint64_t start_generation = 0;
};

} // namespace benchfs::storage
