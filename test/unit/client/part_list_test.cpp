// The parts of a range follow each other without a gap, and none crosses a chunk or a piece of it.
#include "benchfs/client/part_list.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/base/types.hpp"

#include "catch.hpp"

namespace benchfs {
namespace {

constexpr std::uint32_t block = 4 * KiB;

TEST_CASE("parts cover their range and cross nothing") {
    prng random(1);
    for (int round = 0; round < 20'000; ++round) {
        const auto chunk = static_cast<std::uint32_t>(block * (1 + random.below(300)));
        const auto part = static_cast<std::uint32_t>(block * (1 + random.below(100)));
        const std::uint64_t offset = random.below(std::uint64_t{1} << (10 + random.below(40)));
        const std::size_t size = random.below(8 * MiB);
        INFO("chunks of " << chunk << ", parts of " << part << ": " << size << " at " << offset);
        const part_list parts(offset, size, chunk, part);
        std::uint64_t at = offset;
        for (std::size_t i = 0; i < parts.count(); ++i) {
            const auto [begin, bytes] = parts.at(i);
            REQUIRE(begin == at);
            REQUIRE(bytes != 0);
            const std::uint64_t last = begin + bytes - 1;
            REQUIRE(begin / chunk == last / chunk);
            REQUIRE(begin % chunk / part == last % chunk / part);
            at += bytes;
        }
        REQUIRE(at == offset + size);
    }
}

TEST_CASE("a range that fits into one part is one") {
    CHECK(part_list(256 * KiB, 256 * KiB, 4 * MiB, 256 * KiB).count() == 1);
    CHECK(part_list(256 * KiB + 1, 256 * KiB, 4 * MiB, 256 * KiB).count() == 2);
    CHECK(part_list(0, 0, 4 * MiB, 256 * KiB).count() == 0);
}

} // namespace
} // namespace benchfs
