#include "benchfs/base/sha256.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/base/random.hpp"

#include "catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace benchfs;

namespace {

const_byte_span as_bytes(std::string_view s) {
    return std::as_bytes(std::span<const char>(s.data(), s.size()));
}

std::string hex(const sha256_digest& digest) {
    std::string out;
    for (const std::byte b : digest) {
        out += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
        out += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
    }
    return out;
}

std::string hash_of(std::string_view text) {
    sha256 h;
    h.update(as_bytes(text));
    return hex(h.finish());
}

std::string hmac_of(std::string_view key, std::string_view text) {
    hmac_sha256 h(as_bytes(key));
    h.update(as_bytes(text));
    return hex(h.finish());
}

} // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples") {
    CHECK(hash_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hash_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(hash_of(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("HMAC-SHA256 gives the digests of RFC 4231") {
    CHECK(hmac_of(std::string(20, '\x0b'), "Hi There") ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac_of("Jefe", "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_of(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    std::string counted;
    for (char c = 1; c <= 25; ++c) { counted += c; }
    CHECK(hmac_of(counted, std::string(50, '\xcd')) ==
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    const std::string long_key(131, '\xaa');
    CHECK(hmac_of(long_key, "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hmac_of(long_key, "This is a test using a larger than block-size key and a larger than block-size "
                            "data. The key needs to be hashed before being used by the HMAC algorithm.") ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("a digest does not depend on the pieces in which the bytes come") {
    prng random(7);
    for (std::size_t size = 0; size <= 300; ++size) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        sha256 pieces;
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t n = std::min<std::size_t>(rest.size(), random.below(90));
            pieces.update(as_bytes(rest.substr(0, n)));
            rest.remove_prefix(n);
        }
        REQUIRE(hex(pieces.finish()) == hash_of(text));
    }
}

TEST_CASE("digests are equal only if every byte is") {
    sha256_digest a{};
    const sha256_digest b{};
    CHECK(equal_in_constant_time(a, b));
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            a[i] ^= std::byte{1} << bit;
            REQUIRE_FALSE(equal_in_constant_time(a, b));
            a[i] ^= std::byte{1} << bit;
        }
    }
}

TEST_CASE("the kernel's random bytes fill all that was asked for, and do not repeat") {
    std::vector<std::byte> first(1000);
    std::vector<std::byte> second(1000);
    REQUIRE(system_random().fill(first));
    REQUIRE(system_random().fill(second));
    CHECK(first != second);
    // 50 zero bytes at the end have a chance of 2^-400.
    CHECK(std::any_of(first.end() - 50, first.end(), [](std::byte b) { return b != std::byte{0}; }));
}
