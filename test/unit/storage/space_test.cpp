#include "catch.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/storage/space.hpp"

#include <algorithm>

namespace benchfs::storage {

TEST_CASE("no block is given out twice and none is lost") {
    constexpr std::uint32_t stride = 1000;
    constexpr std::uint32_t segments = 5;
    space free(stride);
    std::vector<bool> taken(stride * segments, false);
    for (std::uint32_t s = 0; s < segments; ++s) { free.add({s * stride, stride}); }
    REQUIRE(free.runs() == segments); // runs don't join across segments
    std::vector<disk_extent> held;
    prng random(9);
    std::uint32_t used = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random.below(2) == 0) {
            const auto want = static_cast<std::uint32_t>(1 + random.below(random.below(4) == 0 ? 1500 : 20));
            const std::size_t before = held.size();
            const bool fits = want <= stride * segments - used;
            REQUIRE(free.take(want, held) == fits);
            std::uint32_t got = 0;
            for (std::size_t i = before; i < held.size(); ++i) {
                const disk_extent& e = held[i];
                REQUIRE(e.block / stride == (e.block + e.count - 1) / stride);
                for (std::uint32_t b = e.block; b < e.block + e.count; ++b) {
                    REQUIRE(!taken[b]);
                    taken[b] = true;
                }
                got += e.count;
            }
            REQUIRE(got == (fits ? want : 0));
            used += got;
        } else if (!held.empty()) {
            std::swap(held[random.below(held.size())], held.back());
            const disk_extent e = held.back();
            held.pop_back();
            for (std::uint32_t b = e.block; b < e.block + e.count; ++b) { taken[b] = false; }
            free.give_back(e);
            used -= e.count;
        }
        REQUIRE(free.free_blocks() == stride * segments - used);
    }
    for (const disk_extent& e : held) { free.give_back(e); }
    REQUIRE(free.free_blocks() == free.total_blocks());
    REQUIRE(free.runs() == segments); // everything has joined again
}

TEST_CASE("small requests use up small pieces and leave long runs whole") {
    space free(10'000);
    free.add({0, 10'000});
    std::vector<disk_extent> pieces;
    for (int i = 0; i < 100; ++i) { REQUIRE(free.take(8, pieces)); }
    for (std::size_t i = 0; i < pieces.size(); i += 2) { free.give_back(pieces[i]); }
    std::vector<disk_extent> small;
    for (int i = 0; i < 50; ++i) { REQUIRE(free.take(8, small)); }
    for (const disk_extent& e : small) { REQUIRE(e.block < 800); }
    std::vector<disk_extent> large;
    REQUIRE(free.take(9000, large));
    REQUIRE(large.size() == 1);
}

TEST_CASE("requests of a round size begin at a round block, and small ones use up the gaps") {
    space free(65'536);
    free.add({0, 65'536});
    std::vector<disk_extent> got;
    for (const std::uint32_t count : {1U, 256U, 16U, 100U, 48U, 512U, 30U, 256U}) {
        REQUIRE(free.take(count, got));
        REQUIRE(got.back().count == count);
    }
    for (const disk_extent& e : got) {
        if (e.count % 16 == 0) { REQUIRE(e.block % 16 == 0); }
        if (e.count % 256 == 0) { REQUIRE(e.block % 256 == 0); }
    }
    REQUIRE(got[1].block == 256);
    std::uint32_t end = 0;
    for (const disk_extent& e : got) { end = std::max(end, e.block + e.count); }
    std::vector<disk_extent> small;
    for (int i = 0; i < 60; ++i) { REQUIRE(free.take(1, small)); }
    for (const disk_extent& e : small) { REQUIRE(e.block < end); }
}

TEST_CASE("a run that is just long enough is used where it lies") {
    space free(1000);
    free.add({5, 256});
    std::vector<disk_extent> got;
    REQUIRE(free.take(256, got));
    REQUIRE(got == std::vector<disk_extent>{{5, 256}});
}

TEST_CASE("a large request is pieced together when no run is long enough") {
    space free(100);
    for (std::uint32_t s = 0; s < 4; ++s) { free.add({s * 100, 100}); }
    std::vector<disk_extent> got;
    REQUIRE(free.take(350, got));
    REQUIRE(got.size() == 4);
    REQUIRE(!free.take(51, got));
    REQUIRE(got.size() == 4);
    REQUIRE(free.free_blocks() == 50);
}

} // namespace benchfs::storage
