// The payloads of reads and writes: sums are made while bytes come and leave, wherever those are cut.
#include "benchfs/client/read_target.hpp"
#include "benchfs/client/write_source.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

#include <algorithm>
#include <vector>

namespace benchfs {
namespace {

struct part_case {
    std::uint32_t offset;
    std::uint32_t size;
};

// Whole blocks, half ones at either end, less than one.
constexpr part_case cases[] = {{0, 65536},    {4096, 12288}, {100, 20000}, {4095, 4098},
                               {8192, 10000}, {1000, 3000},  {0, 1},       {4000, 100000}};

std::vector<std::byte> some_bytes(std::size_t n, prng& random) {
    std::vector<std::byte> bytes(n);
    for (std::byte& b : bytes) { b = static_cast<std::byte>(random.below(256)); }
    return bytes;
}

/// The bytes of a part, and behind them the sums of its whole blocks, made in one go.
std::vector<std::byte> wire_of(const std::vector<std::byte>& bytes, part_case c) {
    std::vector<std::byte> wire = bytes;
    const block_range blocks = whole_blocks(c.offset, c.size);
    for (std::uint32_t i = 0; i < blocks.count; ++i) {
        const std::uint32_t sum =
            crc32c(const_byte_span(bytes).subspan(blocks.first + std::size_t{i} * crc_block, crc_block));
        const const_byte_span four = bytes_of(sum);
        wire.insert(wire.end(), four.begin(), four.end());
    }
    return wire;
}

struct reading {
    explicit reading(part_case c) : memory(c.size, std::byte{0xee}), target(memory.data(), c.offset, c.size) {
        answer.valid = c.size;
        answer.checksums = whole_blocks(c.offset, c.size).count;
    }
    [[nodiscard]] bool place(std::size_t size) { return target.place(bytes_of(answer), size, into); }
    void take(const std::vector<std::byte>& wire, prng& random) {
        for (std::size_t at = 0; at < wire.size();) {
            const std::size_t n = std::min<std::size_t>(1 + random.below(9000), wire.size() - at);
            REQUIRE(target.taker()->take(const_byte_span(wire).subspan(at, n)) == errc::ok);
            at += n;
        }
    }
    std::vector<std::byte> memory;
    read_target target;
    rpc::read_chunk::reply answer;
    segments into;
};

} // namespace

TEST_CASE("a part of a chunk is the same taken in pieces and placed as a whole") {
    prng random(1);
    for (const part_case c : cases) {
        const std::vector<std::byte> bytes = some_bytes(c.size, random);
        const std::vector<std::byte> wire = wire_of(bytes, c);
        reading placed(c);
        REQUIRE(placed.place(wire.size()));
        segment_cursor<byte_span>(placed.into).copy_in(wire.data(), wire.size());
        CHECK(placed.target.verified(placed.answer));
        CHECK((placed.memory == bytes));
        reading taken(c);
        REQUIRE(taken.place(wire.size()));
        CHECK((taken.target.taker() != nullptr) == (taken.answer.checksums != 0));
        if (taken.answer.checksums == 0) { continue; }
        taken.take(wire, random);
        CHECK(taken.target.verified(taken.answer));
        CHECK((taken.memory == bytes));
        CHECK(taken.target.taker()->take(const_byte_span(wire).first(1)) == errc::bad_frame); // more than all
    }
}

TEST_CASE("a flipped bit is noticed in every block and every sum, and not in the next answer") {
    prng random(2);
    const part_case c{100, 20000};
    const std::vector<std::byte> bytes = some_bytes(c.size, random);
    const std::vector<std::byte> wire = wire_of(bytes, c);
    const block_range blocks = whole_blocks(c.offset, c.size);
    reading r(c);
    for (std::size_t at = 0; at < wire.size(); at += 97) {
        std::vector<std::byte> damaged = wire;
        damaged[at] ^= std::byte{4};
        REQUIRE(r.place(wire.size()));
        r.take(damaged, random);
        const bool covered =
            at >= blocks.first && (at < blocks.first + std::size_t{blocks.count} * crc_block || at >= c.size);
        CHECK(r.target.verified(r.answer) != covered);
        r.into = {};
    }
    REQUIRE(r.place(wire.size()));
    r.take(wire, random);
    CHECK(r.target.verified(r.answer));
}

TEST_CASE("bytes that are promised and do not come have no place, and nothing is left of an earlier answer") {
    reading r({0, 8192});
    CHECK(!r.place(0));
    REQUIRE(r.place(8192 + 8));
    CHECK(r.target.taker() != nullptr);
    r.into = {};
    r.answer.checksums = 0; // asked again: the server has verified
    CHECK(!r.place(0));
    REQUIRE(r.place(8192));
    CHECK(r.target.taker() == nullptr);
    CHECK(r.target.verified(r.answer));
    r.answer.valid = 0; // all hole
    CHECK(r.place(0));
}

TEST_CASE("an answer whose sums are not those of its blocks has no place") {
    for (const part_case c : cases) {
        reading r(c);
        r.answer.checksums += 1;
        CHECK(!r.place(c.size + 4 * std::size_t{r.answer.checksums}));
        CHECK(!r.place(c.size));
        r.answer.checksums -= 1;
        r.answer.valid = c.size + 1;
        CHECK(!r.place(c.size + 1 + 4 * std::size_t{r.answer.checksums}));
    }
}

TEST_CASE("a write's sums are there when they leave, however it is cut") {
    prng random(3);
    for (const part_case c : cases) {
        const std::vector<std::byte> bytes = some_bytes(c.size, random);
        const std::vector<std::byte> wire = wire_of(bytes, c);
        for (const std::size_t step : {std::size_t{1000}, std::size_t{4096}, std::size_t{65536}, wire.size()}) {
            write_source source(bytes, c.offset, true);
            REQUIRE(source.payload().bytes() == wire.size());
            for (int times = 0; times < 2; ++times) { // sent once more, from the beginning
                std::vector<std::byte> left(wire.size());
                segment_cursor<const_byte_span> from(source.payload());
                for (std::size_t at = 0; at < left.size(); at += step) {
                    source.complete(at + step);
                    from.copy_out(left.data() + at, std::min(step, left.size() - at));
                }
                CHECK((left == wire));
            }
        }
        CHECK(write_source(bytes, c.offset, false).payload().bytes() == c.size);
    }
}

} // namespace benchfs
