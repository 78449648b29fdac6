#include "benchfs/base/buffer.hpp"

#include <bit>
#include <cstdlib>
#include <limits>

namespace benchfs {

buffer buffer::allocate(std::size_t bytes, std::size_t alignment) noexcept {
    BFS_ASSERT(std::has_single_bit(alignment));
    if (bytes == 0 || bytes > std::numeric_limits<std::size_t>::max() - alignment) { return {}; }
    const std::size_t rounded = (bytes + alignment - 1) & ~(alignment - 1); // what aligned_alloc asks for
    void* memory = std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) { return {}; }
    return buffer{static_cast<std::byte*>(memory), bytes};
}

buffer::~buffer() { std::free(data_); }

} // namespace benchfs
