// Connecting: to nobody, to nonsense, a thousand times, and what an upgrade needs.
#include "conformance.hpp"
#include "repetitions.hpp"

#include "benchfs/runtime/with_timeout.hpp"

#include "catch.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>

namespace benchfs::transport::conformance {
namespace {

constexpr duration deadline = std::chrono::seconds(20);

/// Files that this process has open, and shared memory that it has mapped.
std::size_t open_files() {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        (void)entry;
        ++n;
    }
    return n;
}
std::size_t shared_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("/dev/shm/") != std::string::npos || line.find("/SYSV") != std::string::npos) { ++n; }
    }
    return n;
}

runtime::task<void> nonsense_addresses(rig& r) {
    for (const std::size_t size : {0U, 1U, 8U, 16U, 64U, 200U, 2000U}) {
        std::vector<std::byte> nonsense(size);
        for (std::byte& b : nonsense) { b = static_cast<std::byte>(r.client.random.below(256)); }
        INFO("address of " << size << " random bytes");
        result<connection*> c = co_await runtime::with_timeout(deadline, r.client_transport->connect(nonsense));
        REQUIRE(!c);
        REQUIRE(c.error() != errc::timed_out);
    }
    // A real address with one part damaged, and one cut short.
    const std::vector<std::byte> real = r.server_transport->address();
    std::vector<std::byte> cut(real.begin(), real.begin() + static_cast<std::ptrdiff_t>(real.size() / 2));
    result<connection*> c = co_await runtime::with_timeout(deadline, r.client_transport->connect(cut));
    REQUIRE(!c);
    REQUIRE(c.error() != errc::timed_out);
    REQUIRE(r.client.open.empty());
}

runtime::task<void> dead_address(rig& r) {
    const std::vector<std::byte> address = r.server_transport->address();
    co_await r.server_transport->stop();
    result<connection*> stopped =
        co_await runtime::with_timeout(deadline, r.client_transport->connect(address));
    REQUIRE(!stopped);
    r.server_transport.reset();
    result<connection*> gone = co_await runtime::with_timeout(deadline, r.client_transport->connect(address));
    REQUIRE(!gone);
    REQUIRE(gone.error() != errc::timed_out);
    r.server_transport = r.make(); // something for the rig to stop
    r.server_transport->set_receiver(r.server);
}

runtime::task<void> refused_by_the_server(rig& r) {
    r.server.accepting = [](connection& c) { c.close(errc::access_denied); };
    result<connection*> c =
        co_await runtime::with_timeout(deadline, r.client_transport->connect(r.server_transport->address()));
    if (c) { // the refusal may also come right after
        r.client.adopt(**c);
        peer* client = &r.client;
        std::function<bool()> closed = [client] { return client->closed == 1; };
        const status waited = co_await r.client.until(closed);
        REQUIRE(waited);
    }
    peer* server = &r.server;
    std::function<bool()> server_closed = [server] { return server->closed == 1; };
    const status waited = co_await r.server.until(server_closed);
    REQUIRE(waited);
    REQUIRE(r.client.open.empty());
    r.server.accepting = {};
}

runtime::task<void> a_thousand_connections(rig& r) {
    const std::size_t files = open_files();
    const std::size_t mappings = shared_mappings();
    const std::size_t rounds = test::repeated(100, 20);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<connection*> batch;
        for (std::size_t i = 0; i < 10; ++i) {
            result<connection*> c = co_await r.open_connection(r.how.upgrade);
            REQUIRE(c);
            REQUIRE((*c)->memory() > 0);
            batch.push_back(*c);
        }
        for (connection* c : batch) {
            call_spec spec;
            spec.request = 1000;
            spec.reply = 1000;
            const status done = co_await r.client.call(c, spec);
            REQUIRE(done);
        }
        // Either side may be the one that closes.
        const std::vector<connection*> victims = round % 2 == 0 ? batch : r.server.open;
        for (connection* c : victims) { c->close(errc::cancelled); }
        peer* client = &r.client;
        peer* server = &r.server;
        std::function<bool()> none_here = [client] { return client->open.empty(); };
        std::function<bool()> none_there = [server] { return server->open.empty(); };
        const status here = co_await r.client.until(none_here);
        REQUIRE(here);
        const status there = co_await r.server.until(none_there);
        REQUIRE(there);
    }
    REQUIRE(r.server.accepted == rounds * 10);
    REQUIRE(r.server.closed == rounds * 10);
    REQUIRE(r.client.closed == rounds * 10);
    const status settled = co_await r.yield(100);
    REQUIRE(settled);
    CHECK(open_files() <= files + 8);
    CHECK(shared_mappings() <= mappings + 2);
}

runtime::task<void> upgrade_needs_trust(rig& r) {
    result<connection*> c = co_await r.open_connection(false);
    REQUIRE(c);
    const std::string before((*c)->path());
    const status refused = co_await (*c)->upgrade();
    // Refused, or the peers simply stayed where they were.
    REQUIRE((!refused || (*c)->path() == before));
    REQUIRE((*c)->path() != "window");
}

runtime::task<void> upgrade_after_trust(rig& r) {
    result<connection*> c = co_await r.open_connection(false);
    REQUIRE(c);
    r.server.newest()->trust();
    const status done = co_await (*c)->upgrade();
    REQUIRE(done);
    call_spec spec;
    spec.request = 100'000;
    spec.reply = 100'000;
    const status called = co_await r.client.call(*c, spec);
    REQUIRE(called);
    REQUIRE((*c)->memory() > 0);
    REQUIRE(!(*c)->describe().empty());
}

} // namespace

TEST_CASE("connecting to a nonsense address fails before the deadline") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(nonsense_addresses, false); }
    }
}

TEST_CASE("connecting to an address that nobody serves any more fails before the deadline") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(dead_address, false); }
    }
}

TEST_CASE("a server may refuse a peer by closing its connection") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(refused_by_the_server, false); }
    }
}

TEST_CASE("a thousand connections opened and closed leave nothing behind") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(a_thousand_connections, false); }
    }
}

TEST_CASE("an upgrade is refused until the server trusts its peer") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label << ": before") { rig(v).run(upgrade_needs_trust, false); }
        DYNAMIC_SECTION(v.label << ": after") { rig(v).run(upgrade_after_trust, false); }
    }
}

} // namespace benchfs::transport::conformance
