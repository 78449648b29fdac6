// Frames: what is written is read again, and nothing that is damaged gets through.
#include "support.hpp"

#include "benchfs/base/crc32c.hpp"
#include "benchfs/base/prng.hpp"
#include "benchfs/rpc/methods.hpp"

#include <string>

namespace benchfs::rpc {
namespace {

using bytes = std::vector<std::byte>;

// No templates over the body: sixty instances of these checks took most of this program's compilation.
bytes random_body(std::size_t size, prng& random) {
    bytes body(size);
    for (std::byte& b : body) { b = static_cast<std::byte>(random.next()); }
    return body;
}

void round_trip(const method_info& method, std::size_t size, prng& random) {
    const bytes body = random_body(size, random);
    frame head = test::head_of(method, random.next());
    head.detail = static_cast<std::uint32_t>(random.next());
    const session_block session{random.next(), random.next(), random.next(), 7, 0};
    const std::string tail(random.below(std::uint64_t{method.request_tail_max} + 1), 'n');
    const bool in_session = random.below(2) == 0;
    const bytes wire = test::make_frame_of(head, body, in_session ? &session : nullptr, tail);
    const result<decoded> d = decode(wire);
    REQUIRE(d);
    REQUIRE(d->head.method == method.id);
    REQUIRE(d->head.call_id == head.call_id);
    REQUIRE(d->head.detail == head.detail);
    REQUIRE(d->session.sequence == (in_session ? session.sequence : 0));
    REQUIRE(d->body.size() == size + tail.size());
    REQUIRE(std::memcmp(d->body.data(), body.data(), size) == 0);
    REQUIRE(std::memcmp(d->body.data() + size, tail.data(), tail.size()) == 0);
}

template <class... M>
void round_trips(method_list<M...>, prng& random) {
    (round_trip(M::info, sizeof(typename M::request), random), ...);
    (round_trip(M::info, sizeof(typename M::reply), random), ...);
}

TEST_CASE("every method's request and reply survive a round trip") {
    prng random(1);
    for (int i = 0; i < 50; ++i) { round_trips(all_methods{}, random); }
}

TEST_CASE("a frame with any one bit changed is refused") {
    const frame head = test::head_of(create::info, 0x1234567890);
    const session_block session{1, 2, 3, 4, 0};
    const bytes good = test::make_frame(head, create::request{}, &session, "name");
    REQUIRE(decode(good));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        bytes bad = good;
        bad[bit / 8] ^= std::byte{1} << (bit % 8);
        const result<decoded> d = decode(bad);
        REQUIRE(!d);
        REQUIRE((d.error() == errc::bad_frame || d.error() == errc::protocol_mismatch));
    }
}

TEST_CASE("a frame that is cut or continued anywhere is refused") {
    const session_block session{1, 2, 3, 4, 0};
    bytes wire = test::make_frame(test::head_of(mkdir::info), mkdir::request{}, &session, "name");
    for (std::size_t size = 0; size < wire.size(); ++size) {
        REQUIRE(decode(const_byte_span(wire).first(size)).error() == errc::bad_frame);
    }
    wire.push_back(std::byte{});
    REQUIRE(decode(wire).error() == errc::bad_frame);
}

TEST_CASE("a frame of another version says so") {
    frame head = test::head_of(ping::info);
    head.version = frame_version + 1;
    REQUIRE(decode(test::make_frame(head, ping::request{})).error() == errc::protocol_mismatch);
}

TEST_CASE("a session flag without room for a session is refused although the checksum is right") {
    frame head = test::head_of(ping::info);
    head.flags = flag_session;
    REQUIRE(decode(test::make_frame(head, ping::request{})).error() == errc::bad_frame);
}

TEST_CASE("a header's checksum is its CRC32C, whatever its length") {
    prng random(3);
    for (std::size_t size = 0; size < 100; ++size) {
        header_buffer out;
        out.begin(test::head_of(ping::info), nullptr);
        REQUIRE(out.append(random_body(size, random)));
        out.finish();
        bytes header(out.bytes().begin(), out.bytes().end());
        frame head;
        REQUIRE(load(header, head));
        std::memset(header.data() + offsetof(frame, crc), 0, sizeof(head.crc));
        REQUIRE(head.crc == crc32c(header));
    }
}

TEST_CASE("random bytes are never a frame") {
    prng random(2);
    for (int i = 0; i < 20000; ++i) {
        bytes noise(random.below(200));
        for (std::byte& b : noise) { b = static_cast<std::byte>(random.next()); }
        if (noise.size() > 3 && random.below(2) == 0) {
            const std::uint16_t magic = frame_magic;
            std::memcpy(noise.data(), &magic, sizeof(magic));
            noise[2] = std::byte{frame_version};
        }
        REQUIRE(!decode(noise));
    }
}

TEST_CASE("a header holds no more than the transport carries") {
    header_buffer out;
    out.begin(test::head_of(ping::info), nullptr);
    const bytes most(transport::max_header - sizeof(frame));
    REQUIRE(out.append(most));
    REQUIRE(!out.append(const_byte_span(most).first(1)));
    out.finish();
    REQUIRE(decode(out.bytes()));
}

TEST_CASE("method numbers find their methods and nothing else") {
    std::size_t found = 0;
    for (std::uint32_t id = 0; id < 65536; ++id) {
        const method_info* m = find_method(static_cast<std::uint16_t>(id));
        if (m == nullptr) { continue; }
        REQUIRE(m->id == id);
        ++found;
    }
    REQUIRE(found == all_methods::infos.size());
}

} // namespace
} // namespace benchfs::rpc
