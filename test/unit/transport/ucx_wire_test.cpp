// What comes from the wire is checked: every cut, every damaged byte, and nonsense.
#include "benchfs/transport/ucx/wire.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

namespace benchfs::transport::ucx {
namespace {

std::vector<std::byte> some_bytes(prng& random, std::size_t n) {
    std::vector<std::byte> bytes(n);
    for (std::byte& b : bytes) { b = static_cast<std::byte>(random.below(256)); }
    return bytes;
}

wire_prefix prefix_of(wire_kind kind, std::uint64_t to, std::uint64_t extra = 0) {
    wire_prefix p;
    p.kind = static_cast<std::uint8_t>(kind);
    p.to = to;
    p.extra = extra;
    return p;
}

bool accepts(const wire_prefix& p, std::size_t rest, std::size_t payload) {
    std::vector<std::byte> header(sizeof(p) + rest);
    std::memcpy(header.data(), &p, sizeof(p));
    wire_prefix out;
    return decode(header, payload, out);
}

} // namespace

TEST_CASE("a prefix is taken only with what its kind may carry") {
    const wire_prefix message = prefix_of(wire_kind::message, 7);
    CHECK(accepts(message, 0, 0));
    CHECK(accepts(message, max_header, max_payload));
    CHECK(!accepts(message, max_header + 1, 0));
    CHECK(!accepts(message, 0, max_payload + 1));
    CHECK(!accepts(prefix_of(wire_kind::message, 0), 0, 0));

    CHECK(accepts(prefix_of(wire_kind::hello, 0, 9), 0, 100));
    CHECK(!accepts(prefix_of(wire_kind::hello, 1, 9), 0, 100));
    CHECK(!accepts(prefix_of(wire_kind::hello, 0, 0), 0, 100));
    CHECK(!accepts(prefix_of(wire_kind::hello, 0, 9), 1, 100));
    CHECK(!accepts(prefix_of(wire_kind::hello, 0, 9), 0, 0));
    CHECK(!accepts(prefix_of(wire_kind::hello, 0, 9), 0, 1 << 20));

    CHECK(accepts(prefix_of(wire_kind::doorbell, 3), 0, 0));
    CHECK(!accepts(prefix_of(wire_kind::doorbell, 3), 0, 1));
    CHECK(!accepts(prefix_of(wire_kind::bye, 0), 0, 0));
    CHECK(accepts(prefix_of(wire_kind::upgrade_offer, 3), 700, 0));
    CHECK(!accepts(prefix_of(wire_kind::upgrade_go, 3), 1, 0));

    wire_prefix other = message;
    other.version = wire_version + 1;
    CHECK(!accepts(other, 0, 0));
    other = message;
    other.flags = 0x8000;
    CHECK(!accepts(other, 0, 0));
    for (unsigned kind = 0; kind < 256; ++kind) {
        other = prefix_of(static_cast<wire_kind>(kind), 3);
        if (kind == 0 || kind > 11) { CHECK(!accepts(other, 0, 0)); }
    }
    wire_prefix out;
    for (std::size_t n = 0; n < sizeof(message); ++n) { CHECK(!decode(bytes_of(message).first(n), 0, out)); }
}

TEST_CASE("an address that lost or changed a byte is refused") {
    prng random(1);
    const std::vector<std::byte> inside = some_bytes(random, 108);
    const std::vector<std::byte> wrapped = wrap_address(inside);
    const const_byte_span back = unwrap_address(wrapped);
    CHECK(std::vector<std::byte>(back.begin(), back.end()) == inside);
    for (std::size_t n = 0; n < wrapped.size(); ++n) {
        CHECK(unwrap_address(const_byte_span(wrapped).first(n)).empty());
        std::vector<std::byte> damaged = wrapped;
        damaged[n] ^= std::byte{1};
        CHECK(unwrap_address(damaged).empty());
    }
    const std::vector<std::byte> long_one = some_bytes(random, address_max + 1);
    CHECK(unwrap_address(wrap_address(long_one)).empty());
}

TEST_CASE("a hello names the connections that are still open") {
    const std::vector<std::byte> address(40, std::byte{5});
    const std::vector<std::byte> wrapped = wrap_address(address);
    const std::uint64_t live[] = {11, 22};
    hello_view hello;
    const std::vector<std::byte> named = encode_hello(live, true, wrapped);
    REQUIRE(decode_hello(named, hello));
    CHECK(hello.address.size() == address.size());
    CHECK(hello.is_live(11));
    CHECK(hello.is_live(22));
    CHECK(!hello.is_live(33));

    const std::vector<std::byte> none = encode_hello({}, true, wrapped);
    REQUIRE(decode_hello(none, hello));
    CHECK(!hello.is_live(11));
    const std::vector<std::byte> many = encode_hello({}, false, wrapped);
    REQUIRE(decode_hello(many, hello));
    CHECK(hello.is_live(11));
    for (std::size_t n = 0; n < named.size(); ++n) {
        CHECK(!decode_hello(const_byte_span(named).first(n), hello));
    }
}

TEST_CASE("nonsense is refused, never followed") {
    prng random(3);
    std::size_t taken = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::vector<std::byte> bytes = some_bytes(random, random.below(200));
        wire_prefix prefix;
        hello_view hello;
        if (decode(bytes, random.below(100), prefix)) { ++taken; }
        CHECK(unwrap_address(bytes).empty());
        CHECK(!decode_hello(bytes, hello));
    }
    CHECK(taken == 0); // version, reserved and kind together leave one chance in 2^40
}

} // namespace benchfs::transport::ucx
