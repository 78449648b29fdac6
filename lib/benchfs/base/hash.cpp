#include "benchfs/base/hash.hpp"

#include <xxhash.h>

namespace benchfs {

std::uint64_t hash64(const_byte_span data, std::uint64_t seed) noexcept {
    return XXH64(data.data(), data.size(), seed);
}

} // namespace benchfs
