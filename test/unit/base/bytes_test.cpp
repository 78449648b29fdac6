#include "benchfs/base/bytes.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <vector>

using namespace benchfs;

namespace {

struct pair_on_wire {
    std::uint32_t a;
    std::uint32_t b;
};

std::vector<std::byte> random_bytes(prng& random, std::size_t n) {
    std::vector<std::byte> out(n);
    for (std::byte& b : out) { b = static_cast<std::byte>(random.next()); }
    return out;
}

/// Cuts `flat` into at most 60 pieces of random sizes, empty ones among them.
segments cut(prng& random, std::vector<std::byte>& flat) {
    segments list;
    std::size_t at = 0;
    while (at < flat.size() && list.count() < 60) {
        const std::size_t n = std::min<std::size_t>(random.below(40), flat.size() - at);
        list.push({flat.data() + at, n});
        at += n;
    }
    if (at < flat.size()) { list.push({flat.data() + at, flat.size() - at}); }
    return list;
}

} // namespace

TEST_CASE("wire structs load only from enough bytes") {
    const pair_on_wire p{1, 0x01020304};
    const const_byte_span raw = bytes_of(p);
    CHECK(raw.size() == 8);
    CHECK(raw[4] == std::byte{4});
    pair_on_wire q{};
    CHECK(load(raw, q));
    CHECK(q.b == p.b);
    CHECK(!load(raw.first(7), q));
    CHECK(!load(const_byte_span{}, q));
}

TEST_CASE("an empty segment list copies nothing") {
    const segments none;
    segment_cursor<byte_span> cursor(none);
    std::byte b{7};
    CHECK(cursor.remaining() == 0);
    CHECK(cursor.copy_out(&b, 1) == 0);
    CHECK(cursor.copy_in(&b, 1) == 0);
    segment_cursor<byte_span> unset;
    CHECK(unset.remaining() == 0);
    CHECK(unset.copy_out(&b, 1) == 0);
    CHECK(b == std::byte{7});
}

TEST_CASE("a segment cursor reads like a flat buffer, whatever the pieces") {
    prng random(21);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::byte> flat = random_bytes(random, random.below(1500));
        const segments list = cut(random, flat);
        REQUIRE(list.bytes() == flat.size());
        segment_cursor<byte_span> cursor(list);
        std::vector<std::byte> out;
        while (true) {
            std::vector<std::byte> part(random.below(100));
            const std::size_t n = cursor.copy_out(part.data(), part.size());
            REQUIRE(n == std::min(part.size(), flat.size() - out.size()));
            out.insert(out.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
            REQUIRE(cursor.remaining() == flat.size() - out.size());
            if (n < part.size()) { break; }
        }
        REQUIRE(out == flat);
    }
}

TEST_CASE("a segment cursor writes like a flat buffer, whatever the pieces") {
    prng random(22);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::byte> flat(random.below(1500));
        const std::vector<std::byte> source = random_bytes(random, flat.size() + 50);
        const segments list = cut(random, flat);
        segment_cursor<byte_span> cursor(list);
        std::size_t done = 0;
        while (cursor.remaining() != 0) {
            const std::size_t want = std::min<std::size_t>(random.below(100), source.size() - done);
            const std::size_t n = cursor.copy_in(source.data() + done, want);
            REQUIRE(n == std::min(want, flat.size() - done));
            done += n;
        }
        REQUIRE(done == flat.size());
        REQUIRE(std::equal(flat.begin(), flat.end(), source.begin()));
    }
}
