// A planted fault: a chunk store that now and then mixes up two chunks of a file.
#pragma once

#include "benchfs/storage/chunk_store.hpp"

#include <functional>
#include <memory>

namespace benchfs::sim {

/// Everything goes to `below`, but where `choose` says so to the neighbouring chunk.
[[nodiscard]] std::unique_ptr<storage::chunk_store>
make_swapped_store(std::unique_ptr<storage::chunk_store> below, std::function<bool()> choose);

} // namespace benchfs::sim
