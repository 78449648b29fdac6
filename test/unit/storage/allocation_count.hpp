// Counts calls of operator new in this program, to show that a path allocates nothing.
#pragma once

#include <cstdint>

namespace benchfs::storage {

[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace benchfs::storage
