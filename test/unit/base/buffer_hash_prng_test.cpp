#include "benchfs/base/buffer.hpp"
#include "benchfs/base/hash.hpp"
#include "benchfs/base/prng.hpp"
#include "benchfs/base/types.hpp"
#include "catch.hpp"

#include <array>
#include <limits>

using namespace benchfs;

TEST_CASE("a buffer is aligned, writable and freed once") {
    for (const std::size_t alignment : {16UL, 64UL, 4096UL, 65536UL}) {
        for (const std::size_t n : {1UL, 4095UL, 4096UL, 5000UL}) {
            buffer b = buffer::allocate(n, alignment);
            REQUIRE(b);
            CHECK(b.size() == n);
            CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % alignment == 0);
            for (std::byte& each : b.span()) { each = std::byte{1}; }
            buffer moved = std::move(b);
            CHECK(!b);
            CHECK(b.size() == 0);
            CHECK(moved.span().back() == std::byte{1});
            b = std::move(moved);
            CHECK(b.size() == n);
        }
    }
}

TEST_CASE("a buffer that cannot be had is empty") {
    CHECK(!buffer{});
    CHECK(!buffer::allocate(0));
    CHECK(!buffer::allocate(std::numeric_limits<std::size_t>::max()));
}

TEST_CASE("hash64 is xxHash64, as published") {
    CHECK(hash64(std::string_view{}) == 0xef46db3751d8e999);
    CHECK(hash64("a") == 0xd24ec4f1a98c6e5b);
    CHECK(hash64("abc") == 0x44bc2cf5ad770999);
    CHECK(hash64("abc", 1) != hash64("abc"));
    const std::array<std::byte, 3> abc{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
    CHECK(hash64(const_byte_span{abc}) == hash64("abc"));
}

TEST_CASE("a generator repeats itself from its seed only") {
    prng a(1);
    prng b(1);
    prng c(2);
    int same = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t x = a.next();
        REQUIRE(x == b.next());
        same += x == c.next() ? 1 : 0;
    }
    CHECK(same == 0);
}

TEST_CASE("bounded numbers stay in their bounds and are spread evenly") {
    prng random(3);
    std::array<int, 7> seen{};
    for (int i = 0; i < 70'000; ++i) { ++seen[random.below(7)]; }
    for (const int n : seen) {
        CHECK(n > 9'500);
        CHECK(n < 10'500);
    }
    for (int i = 0; i < 1000; ++i) { REQUIRE(random.below(1) == 0); }
    // a bound for which a plain remainder would favour the lower half two to one
    const std::uint64_t n = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 62);
    int low = 0;
    for (int i = 0; i < 10'000; ++i) { low += random.below(n) < n / 2 ? 1 : 0; }
    CHECK(low > 4'800);
    CHECK(low < 5'200);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double u = random.unit();
        REQUIRE(u >= 0.0);
        REQUIRE(u < 1.0);
        sum += u;
    }
    CHECK(sum > 4'800);
    CHECK(sum < 5'200);
}

TEST_CASE("a file id carries its home and its counter") {
    const file_id id = file_id::make(server_id{513}, 0x123456789abc);
    CHECK(id.home() == server_id{513});
    CHECK(id.counter() == 0x123456789abc);
    CHECK(id.valid());
    CHECK(!file_id{}.valid());
    CHECK(root_id.counter() == 1);
    CHECK(chunk_id{id, 1} < chunk_id{id, 2});
    CHECK(std::hash<chunk_id>{}(chunk_id{id, 1}) != std::hash<chunk_id>{}(chunk_id{id, 2}));
}
