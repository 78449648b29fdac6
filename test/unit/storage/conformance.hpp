// Runs a test over every engine: each entry of the table by name, a toy engine, and the extents over a slow,
// short and shuffling disk.
#pragma once

#include "store_driver.hpp"

namespace benchfs::storage {

using store_test = runtime::task<void> (*)(chunk_store&);

/// Runs the test in a fresh store of every engine, each in a section of its own. `room`: bytes the store may
/// keep.
void for_every_engine(store_test run, std::uint64_t room = 128 * MiB);

} // namespace benchfs::storage
