// The smallest possible engine: one file and one table entry, and the conformance suite runs over it.
#pragma once

#include "benchfs/storage/engines.hpp"

namespace benchfs::storage {

[[nodiscard]] opened_store open_toy_engine(store_environment& environment, store_options options);

} // namespace benchfs::storage
