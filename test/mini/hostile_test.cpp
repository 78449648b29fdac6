// Peers that do not keep to the protocol: each is dropped with a message, and the others go on.
#include "rig.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

namespace benchfs::mini::test {
namespace {

using stream_bytes = std::vector<std::byte>;

// The protocol as README.md has it, not as the server's source does.
enum : std::uint16_t { write = 1, read = 2, write_at = 3, read_at = 4, size = 5, remove = 6, usage = 7 };

void append(stream_bytes& to, const_byte_span more) { to.insert(to.end(), more.begin(), more.end()); }

/// Over the network, and over shared memory (UCX connects by tcp there too).
const char* const transports[] = {"tcp,self", "posix,sysv,tcp,self"};

stream_bytes head(std::uint16_t id, std::uint32_t path, std::uint32_t data) {
    stream_bytes b;
    append(b, bytes_of(id));
    append(b, bytes_of(path));
    append(b, bytes_of(data));
    return b;
}

/// A whole request: of reads, `data` is the room that the client has.
stream_bytes whole(std::uint16_t id, const std::string& path, std::uint32_t data, std::uint64_t offset = 0) {
    stream_bytes b = head(id, static_cast<std::uint32_t>(path.size()), data);
    if (id == write_at || id == read_at) { append(b, bytes_of(offset)); }
    append(b, std::as_bytes(std::span(path)));
    if (id == write || id == write_at) { b.resize(b.size() + data, std::byte{0x5a}); }
    return b;
}

struct rubbish {
    const char* what;
    stream_bytes sent;
    const char* complaint;
};

std::vector<rubbish> all_rubbish() {
    return {
        {"id 0", head(0, 1, 1), "no request 0"},
        {"an unknown id", head(8, 1, 1), "no request 8"},
        {"the highest id", head(0xffff, 1, 1), "no request 65535"},
        {"a big-endian write", head(0x0100, 1, 1), "no request 256"},
        {"no path", head(1, 0, 5), "path of 0 bytes"},
        {"a long path", head(2, BENCHFS_MINI_PATH_MAX + 1, 5), "path of 4097 bytes"},
        {"the longest path", head(5, 0xffffffff, 0), "path of 4294967295 bytes"},
        {"much data", head(1, 1, BENCHFS_MINI_DATA_MAX + 1), "data of 67108865 bytes"},
        {"the most data", head(3, 1, 0xffffffff), "data of 4294967295 bytes"},
        {"a large buffer", head(4, 1, 0xffffffff), "data of 4294967295 bytes"},
        {"size with data", head(5, 1, 1), "size with data of 1 bytes"},
        {"remove with data", head(6, 1, 1), "remove with data of 1 bytes"},
    };
}

/// Valid requests with some of their bytes changed, cut or repeated; or nothing but noise.
stream_bytes mutated(prng& random) {
    stream_bytes b;
    const std::uint64_t requests = random.below(4) + 1;
    for (std::uint64_t i = 0; i < requests; ++i) {
        const auto id = static_cast<std::uint16_t>(random.below(usage) + 1);
        const auto length = static_cast<std::uint32_t>(id == size || id == remove ? 0 : random.below(3000));
        const stream_bytes one = whole(id, "/fuzz" + std::to_string(random.below(5)), length, random.next());
        b.insert(b.end(), one.begin(), one.end());
    }
    switch (random.below(4)) {
    case 0:
        b.resize(random.below(b.size()) + 1);
        break;
    case 1:
        for (std::byte& byte : b) { byte = static_cast<std::byte>(random.below(256)); }
        break;
    default:
        for (std::uint64_t changes = random.below(8) + 1; changes > 0; --changes) {
            b[random.below(b.size())] = static_cast<std::byte>(random.below(256));
        }
    }
    return b;
}

} // namespace

TEST_CASE("a peer that sends rubbish is dropped with a message, and the others go on") {
    for (const char* tls : transports) {
        server s(tls);
        client good(s);
        for (const rubbish& r : all_rubbish()) {
            INFO(tls << ", " << r.what);
            stranger bad(s);
            CHECK(bad.send(r.sent));
            CHECK(bad.is_dropped());
            const std::string said = s.line_with("is dropped");
            CHECK(said.find(r.complaint) != std::string::npos);
            CHECK(good.works(10'000));
        }
        CHECK(s.reaches("connected", 1));
        auto stats = s.stats();
        CHECK(stats["dropped"] == all_rubbish().size());
        CHECK(stats["memory"] == 0);
        CHECK(s.quit());
    }
}

TEST_CASE("a peer that leaves in the midst of a request leaves nothing behind") {
    for (const char* tls : transports) {
        server s(tls);
        client good(s);
        const stream_bytes write = whole(write_at, "/left", 100'000, 70'000);
        for (const std::size_t n : {1U, 2U, 3U, 9U, 10U, 17U, 18U, 20U, 23U, 24U, 60'000U, 100'022U}) {
            INFO(tls << ", after " << n << " bytes");
            stranger bad(s);
            CHECK(bad.send(const_byte_span(write).first(n)));
            bad.leave();
            CHECK(good.works(1000));
        }
        CHECK(s.reaches("connected", 1));
        CHECK(s.stats()["memory"] == 0);
        stranger last(s);
        CHECK(last.send(write)); // whole: it counts
        CHECK(s.reaches("files", 1));
        CHECK(s.stats()["memory"] == 170'000 + 4096);
        last.leave();
        CHECK(s.quit());
    }
}

TEST_CASE("a peer that does not finish its request is dropped when its time is over") {
    server s("tcp,self", {"--timeout-ms", "200"});
    stranger slow(s);
    CHECK(slow.send(const_byte_span(whole(write, "/slow", 4000)).first(2000)));
    CHECK(slow.is_dropped());
    CHECK(s.line_with("is dropped").find("too long") != std::string::npos);
    CHECK(s.reaches("memory", 0));
    CHECK(s.quit());
}

TEST_CASE("a mutilated stream never ends a server or harms another client") {
    for (const char* tls : transports) {
        server s(tls, {"--timeout-ms", "200", "--memory", "64M"});
        client good(s);
        prng random(20'251);
        for (int round = 0; round < 150; ++round) {
            INFO(tls << ", round " << round);
            stranger bad(s);
            (void)bad.send(mutated(random));
            if (round % 3 == 0) { CHECK(good.works(random.below(5000) + 1)); }
            bad.leave();
        }
        CHECK(good.works(100'000));
        CHECK(s.reaches("connected", 1));
        CHECK(s.quit());
    }
}

} // namespace benchfs::mini::test
