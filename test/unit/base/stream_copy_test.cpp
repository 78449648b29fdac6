#include "catch.hpp"

#include "benchfs/base/stream_copy.hpp"

#include <cstring>
#include <vector>

namespace benchfs {

TEST_CASE("a copy past the cache is a copy, wherever it begins and ends") {
    constexpr std::size_t room = 512;
    std::vector<std::byte> from(room);
    for (std::size_t i = 0; i < room; ++i) { from[i] = static_cast<std::byte>(i * 7 + 1); }
    for (std::size_t to_at = 0; to_at < 64; to_at += 3) {
        for (std::size_t size = 0; size + 80 < room; size += size < 140 ? 1 : 37) {
            std::vector<std::byte> to(room, std::byte{0xee});
            std::vector<std::byte> expected = to;
            const std::size_t from_at = size % 5;
            std::memcpy(expected.data() + to_at, from.data() + from_at, size);
            stream_copy(to.data() + to_at, from.data() + from_at, size);
            REQUIRE((to == expected));
        }
    }
}

} // namespace benchfs
