// Assertions that stay on in release builds: they state invariants, never check input.
#pragma once

namespace benchfs {

/// Prints the expression and place to standard error and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

} // namespace benchfs

#define BFS_ASSERT(expression)                                                                                 \
    (static_cast<bool>(expression) ? static_cast<void>(0)                                                      \
                                   : ::benchfs::assertion_failed(#expression, __FILE__, __LINE__))
