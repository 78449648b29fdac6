#include "benchfs/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace benchfs {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "benchfs: assertion failed: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

} // namespace benchfs
