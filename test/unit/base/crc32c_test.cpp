#include "benchfs/base/crc32c.hpp"

#include "benchfs/base/crc32c_fold.hpp"
#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <string_view>
#include <vector>

using namespace benchfs;

namespace {

const_byte_span text(std::string_view s) { return std::as_bytes(std::span<const char>(s.data(), s.size())); }

std::vector<std::byte> random_bytes(std::uint64_t seed, std::size_t n) {
    prng random(seed);
    std::vector<std::byte> out(n);
    for (std::byte& b : out) { b = static_cast<std::byte>(random.next()); }
    return out;
}

struct vector_32 {
    const char* name;
    std::uint8_t first;
    int step;
    std::uint32_t sum;
};

} // namespace

TEST_CASE("CRC32C gives the published sums") {
    CHECK(crc32c(text("123456789")) == 0xe3069283);
    CHECK(crc32c_portable(text("123456789")) == 0xe3069283);
    CHECK(crc32c({}) == 0);
    // RFC 3720, appendix B.4
    constexpr vector_32 vectors[] = {{"zeros", 0, 0, 0x8a9136aa},
                                     {"ones", 0xff, 0, 0x62a8ab43},
                                     {"rising", 0, 1, 0x46dd794e},
                                     {"falling", 31, -1, 0x113fdb5c}};
    for (const vector_32& v : vectors) {
        CAPTURE(v.name);
        std::vector<std::byte> data;
        for (int i = 0; i < 32; ++i) { data.push_back(static_cast<std::byte>(v.first + i * v.step)); }
        CHECK(crc32c(data) == v.sum);
        CHECK(crc32c_portable(data) == v.sum);
    }
}

TEST_CASE("vectors, the instruction and the table agree on every length and alignment") {
    const std::vector<std::byte> data = random_bytes(3, 20'000);
    const const_byte_span all{data};
    const auto agree = [](const_byte_span part, std::uint32_t seed) {
        const std::uint32_t sum = crc32c_portable(part, seed);
        REQUIRE(crc32c(part, seed) == sum);
        REQUIRE(crc32c_by_instruction(part, seed) == sum);
    };
    for (std::size_t n = 0; n <= 1200; ++n) { agree(all.subspan(n % 17, n), 0); }
    // around the lengths at which the number of streams or steps changes
    for (const std::size_t edge : {384UL, 512UL, 768UL, 4080UL, 4096UL, 4464UL, 8160UL, 12240UL, 16384UL}) {
        for (std::size_t n = edge - 9; n <= edge + 9; ++n) { agree(all.subspan(edge % 7, n), 0xdeadbeef); }
    }
}

#if defined(__x86_64__)
TEST_CASE("vectors and the instruction at once give the sum that the table gives") {
    // Also where wider vectors make crc32c() take another way.
    if (!crc32c_mixes()) { return; }
    const std::vector<std::byte> data = random_bytes(5, 3 * crc32c_mixed_block + 63);
    const const_byte_span all{data};
    for (std::size_t blocks = 1; blocks <= 3; ++blocks) {
        for (std::size_t at = 0; at < 64; ++at) {
            const const_byte_span part = all.subspan(at, blocks * crc32c_mixed_block);
            REQUIRE(~crc32c_mixed(~0x12345678U, part) == crc32c_portable(part, 0x12345678U));
        }
    }
}
#endif

TEST_CASE("the sum of two parts is the sum of the whole") {
    const std::vector<std::byte> data = random_bytes(4, 9'000);
    const const_byte_span all{data};
    const std::uint32_t whole = crc32c(all);
    prng random(8);
    for (int round = 0; round < 200; ++round) {
        const std::size_t cut = random.below(all.size() + 1);
        REQUIRE(crc32c(all.subspan(cut), crc32c(all.first(cut))) == whole);
    }
}

TEST_CASE("one flipped bit changes the sum") {
    std::vector<std::byte> data = random_bytes(7, 4096);
    const std::uint32_t before = crc32c(data);
    for (std::size_t bit = 0; bit < 4096 * 8; bit += 37) {
        data[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        REQUIRE(crc32c(data) != before);
        data[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    }
    CHECK(crc32c(data) == before);
}
