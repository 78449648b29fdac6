#include "benchfs/storage/chunk_store.hpp"

#include <array>

namespace benchfs::storage {

std::uint32_t zero_block_crc() noexcept {
    static const std::uint32_t sum = [] {
        const std::array<std::byte, block_size> zeros{};
        return block_crc(zeros.data());
    }();
    return sum;
}

} // namespace benchfs::storage
