// Counts what operator new is asked for in this test program (see allocations.cpp).
#pragma once

#include <cstdint>

/// Calls of operator new so far.
[[nodiscard]] std::uint64_t allocations() noexcept;
