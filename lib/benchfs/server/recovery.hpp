// What a restarted server finishes before it serves.
#pragma once

#include "benchfs/metadata/name_space.hpp"
#include "benchfs/storage/chunk_store.hpp"

namespace benchfs::server {

/// Chunks whose file is gone, or that reach beyond its end, are what a removal or truncation left that a crash
/// cut short, or bytes that were never acknowledged: they go. Only for chunks at their file's home, where both
/// are known. Suspends.
[[nodiscard]] runtime::task<status> finish_removals(metadata::name_space& names, storage::chunk_store& store,
                                                    server_id self);

/// Bytes that a chunk of a file may have.
[[nodiscard]] std::uint32_t chunk_limit(const metadata::attributes& file, std::uint32_t index) noexcept;

} // namespace benchfs::server
