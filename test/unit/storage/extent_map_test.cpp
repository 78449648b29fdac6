#include "catch.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/extent_map.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t blocks = 300;
constexpr std::uint32_t hole = ~0U;
constexpr std::uint32_t stride = 1U << 20; // blocks per segment

/// One entry per block of the chunk.
struct flat_map {
    std::vector<std::uint32_t> disk = std::vector<std::uint32_t>(blocks, hole);
    std::vector<std::uint32_t> crc = std::vector<std::uint32_t>(blocks, 0);
    std::vector<std::uint32_t> valid = std::vector<std::uint32_t>(blocks, block_size);
};

void require_equal(const extent_map& map, const flat_map& flat, std::uint32_t first, std::uint32_t count) {
    std::vector<chunk_extent> found;
    map.find(first, count, found);
    std::vector<std::uint32_t> disk(count, hole);
    std::uint32_t after = first;
    for (const chunk_extent& e : found) {
        REQUIRE(e.first >= after);
        after = e.first + e.count;
        REQUIRE(after <= first + count);
        for (std::uint32_t i = 0; i < e.count; ++i) { disk[e.first - first + i] = e.disk + i; }
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        REQUIRE(disk[i] == flat.disk[first + i]);
        if (disk[i] == hole) { continue; }
        REQUIRE(map.crc(first + i) == flat.crc[first + i]);
        REQUIRE(map.valid_bytes(first + i) == flat.valid[first + i]);
    }
}

} // namespace

TEST_CASE("an extent map gives what a table of blocks gives, and frees each block once") {
    extent_map map;
    flat_map flat;
    prng random(4);
    std::uint32_t next_disk = 1;
    for (int step = 0; step < 4000; ++step) {
        std::vector<disk_extent> freed;
        std::vector<std::uint32_t> expected;
        if (random.below(4) != 0) {
            const auto first = static_cast<std::uint32_t>(random.below(blocks));
            const auto most = std::min<std::uint64_t>(blocks - first, random.below(3) == 0 ? 100 : 4);
            const auto count = static_cast<std::uint32_t>(1 + random.below(most));
            std::vector<disk_extent> runs;
            std::vector<std::uint32_t> crcs;
            for (std::uint32_t i = 0; i < count;) {
                const auto part = static_cast<std::uint32_t>(1 + random.below(count - i));
                if (random.below(2) == 0) { next_disk += 10; }
                runs.push_back({next_disk, part});
                for (std::uint32_t k = 0; k < part; ++k, ++i, ++next_disk) {
                    const auto sum = static_cast<std::uint32_t>(random.next());
                    crcs.push_back(sum);
                    if (flat.disk[first + i] != hole) { expected.push_back(flat.disk[first + i]); }
                    flat.disk[first + i] = next_disk;
                    flat.crc[first + i] = sum;
                    flat.valid[first + i] = block_size;
                }
            }
            map.replace(first, runs, crcs, stride, freed);
        } else {
            const auto size = static_cast<std::uint32_t>(random.below(blocks * block_size));
            const std::uint32_t keep = (size + block_size - 1) / block_size;
            for (std::uint32_t b = keep; b < blocks; ++b) {
                if (flat.disk[b] != hole) { expected.push_back(flat.disk[b]); }
                flat.disk[b] = hole;
                flat.valid[b] = block_size;
            }
            if (size % block_size != 0 && flat.disk[keep - 1] != hole) {
                flat.valid[keep - 1] = std::min(flat.valid[keep - 1], size % block_size);
            }
            map.cut(size, freed);
        }
        std::vector<std::uint32_t> got;
        for (const disk_extent& e : freed) {
            for (std::uint32_t i = 0; i < e.count; ++i) { got.push_back(e.block + i); }
        }
        std::sort(got.begin(), got.end());
        std::sort(expected.begin(), expected.end());
        REQUIRE(got == expected);
        if (step % 8 == 0) {
            require_equal(map, flat, 0, blocks);
            const auto first = static_cast<std::uint32_t>(random.below(blocks));
            require_equal(map, flat, first, static_cast<std::uint32_t>(1 + random.below(blocks - first)));
        }
    }
}

TEST_CASE("neighbouring appends share an extent") {
    extent_map map;
    std::vector<disk_extent> freed;
    const std::vector<std::uint32_t> crc{7};
    for (std::uint32_t b = 0; b < 50; ++b) {
        const std::vector<disk_extent> run{{100 + b, 1}};
        map.replace(b, run, crc, stride, freed);
    }
    REQUIRE(map.extents() == 1);
    REQUIRE(freed.empty());
}

TEST_CASE("neighbours in two segments are no neighbours") {
    extent_map map;
    std::vector<disk_extent> freed;
    const std::vector<std::uint32_t> crc{7};
    for (std::uint32_t b = 0; b < 50; ++b) {
        const std::vector<disk_extent> run{{stride - 20 + b, 1}};
        map.replace(b, run, crc, stride, freed);
    }
    REQUIRE(map.extents() == 2);
    std::vector<chunk_extent> found;
    map.find(0, 50, found);
    REQUIRE(found.size() == 2);
    REQUIRE(found[0].count == 20);
    REQUIRE(found[1].disk == stride);
}

} // namespace benchfs::storage
