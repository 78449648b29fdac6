// What only the network transport promises: its limits, strangers, reconnects, and no allocation when warm.
#include "allocations.hpp"
#include "conformance.hpp"
#include "ucx_fixture.hpp"

namespace benchfs::transport::ucx::testing {
namespace {

wire_prefix hello_prefix(std::uint64_t handle) {
    wire_prefix p;
    p.kind = static_cast<std::uint8_t>(wire_kind::hello);
    p.extra = handle;
    return p;
}

std::vector<std::byte> hello_from(const raw_peer& peer, std::span<const std::uint64_t> live = {}) {
    const std::vector<std::byte> address = wrap_address(peer.address());
    return encode_hello(live, true, address);
}

/// Sends n bytes up, receives and compares them, sends them back, compares again.
void there_and_back(pair& p, std::size_t n) {
    INFO("payload of " << n << " bytes");
    const std::vector<std::byte> data = conformance::pattern(n + 1, n);
    const const_segments source{const_byte_span(data)};
    for (const bool upwards : {true, false}) {
        connection& from = upwards ? *p.up : *p.down;
        recorder& at = upwards ? p.at_server : p.at_client;
        std::byte header[100] = {std::byte{42}};
        sending s;
        s.header = header;
        s.payload = n == 0 ? nullptr : &source;
        from.send(s);
        REQUIRE(p.m.until([&] { return at.messages.size() == 1; }));
        CHECK(at.messages[0]->header().size() == sizeof(header));
        CHECK(at.messages[0]->header()[0] == std::byte{42});
        REQUIRE(at.messages[0]->payload_size() == n);
        std::vector<std::byte> memory(n);
        const segments target{byte_span(memory)};
        receiving r;
        r.target = &target;
        at.messages[0]->receive(r);
        REQUIRE(p.m.until([&] { return r.outcome.has_value() && s.outcome.has_value(); }));
        CHECK(*r.outcome == errc::ok);
        CHECK(*s.outcome == errc::ok);
        CHECK(memory == data);
        at.messages.clear();
    }
}

ucx_options with_mode(payload_mode mode) {
    ucx_options o;
    o.mode = mode;
    return o;
}

} // namespace

TEST_CASE("payloads of any size arrive both ways, eager or by rendezvous") {
    for (const payload_mode mode : {payload_mode::automatic, payload_mode::eager, payload_mode::rendezvous}) {
        pair p(with_mode(mode), with_mode(mode));
        for (const std::size_t n : {0U, 1U, 100U, 4095U, 4096U, 8192U, 65537U, 1048576U, 4194303U, 4194305U}) {
            there_and_back(p, n);
        }
        CHECK(p.server->live_messages() == 0);
    }
}

TEST_CASE("what strangers send is dropped and counted") {
    pair p;
    {
        raw_peer stranger(p.m, p.server->address());
        prng random(5);
        std::vector<std::byte> junk(300);
        std::size_t sent = 0;
        for (; sent < 200; ++sent) {
            for (std::byte& b : junk) { b = static_cast<std::byte>(random.below(256)); }
            stranger.send(const_byte_span(junk).first(random.below(120)), const_byte_span(junk),
                          sent % 2 == 0 ? std::uint32_t{UCP_AM_SEND_FLAG_EAGER}
                                        : std::uint32_t{UCP_AM_SEND_FLAG_RNDV});
        }
        REQUIRE(p.m.until([&] { return p.server->garbage() == sent; }));
        // A hello without a usable address, and one whose payload is not with it.
        stranger.send(hello_prefix(77), const_byte_span(junk), UCP_AM_SEND_FLAG_EAGER);
        const std::vector<std::byte> hello = hello_from(stranger);
        stranger.send(hello_prefix(77), hello, UCP_AM_SEND_FLAG_RNDV);
        REQUIRE(p.m.until([&] { return p.server->garbage() == sent + 2; }));
        // Every kind to connections that don't exist, and to one that is somebody else's: no effect but an end.
        for (std::uint8_t kind = 2; kind <= 11; ++kind) {
            wire_prefix prefix;
            prefix.kind = kind;
            prefix.to = random.next() | 1;
            stranger.send(prefix);
        }
        p.m.turns(200);
    }
    CHECK(p.server->connections() == 1);
    CHECK(p.at_server.messages.empty());
    there_and_back(p, 100'000); // the connection is none the worse
}

TEST_CASE("messages out of turn do not upset an open connection") {
    pair p;
    raw_peer liar(p.m, p.server->address());
    liar.send(hello_prefix(5), hello_from(liar), UCP_AM_SEND_FLAG_EAGER);
    REQUIRE(p.m.until([&] { return p.at_server.accepted.size() == 2; }));
    auto& c = static_cast<ucx_connection&>(*p.at_server.accepted[1]);
    for (const wire_kind kind :
         {wire_kind::hello_ack, wire_kind::upgrade_go, wire_kind::upgrade_ready, wire_kind::upgrade_offer,
          wire_kind::upgrade_no, wire_kind::upgrade_ask, wire_kind::upgrade_declined, wire_kind::doorbell}) {
        wire_prefix prefix;
        prefix.kind = static_cast<std::uint8_t>(kind);
        prefix.to = c.handle();
        prefix.extra = ~std::uint64_t{0};
        liar.send(prefix);
    }
    p.m.turns(200);
    CHECK(c.is_open());
    CHECK(p.server->connections() == 2);
    liar.leave();
    REQUIRE(p.m.until([&] { return p.server->connections() == 1; }));
    CHECK(p.at_server.closed == std::vector{errc::peer_down});
}

TEST_CASE("a reconnecting client's old connection ends before the new one is announced") {
    machine m;
    recorder at_server;
    auto server = make_transport(m, at_server);
    {
        raw_peer client(m, server->address());
        client.send(hello_prefix(101), hello_from(client), UCP_AM_SEND_FLAG_EAGER);
        REQUIRE(m.until([&] { return at_server.accepted.size() == 1; }));
        connection* first = at_server.accepted[0];
        // One that names the first keeps it.
        const std::uint64_t live[] = {101};
        client.send(hello_prefix(102), hello_from(client, live), UCP_AM_SEND_FLAG_EAGER);
        REQUIRE(m.until([&] { return at_server.accepted.size() == 2; }));
        CHECK(at_server.closed.empty());
        CHECK(at_server.accepted[0] == first);
        // One that names neither replaces both.
        client.send(hello_prefix(103), hello_from(client), UCP_AM_SEND_FLAG_EAGER);
        REQUIRE(m.until([&] { return at_server.closed.size() == 2; }));
        REQUIRE(m.until([&] { return at_server.accepted.size() == 1; }));
        CHECK(at_server.closed == std::vector{errc::peer_down, errc::peer_down});
        CHECK(server->connections() == 1);
    }
    REQUIRE(m.until([&] { return server->connections() == 0; }));
    m.loop.run(server->stop());
}

TEST_CASE("a server that is full says so") {
    ucx_options small;
    small.max_connections = 1;
    pair p(std::move(small));
    result<connection*> second = p.m.loop.run(p.client->connect(p.server->address()));
    REQUIRE(!second);
    CHECK(second.error() == errc::busy);
    CHECK(p.at_server.accepted.size() == 1);
    p.up->close(errc::cancelled);
    REQUIRE(p.m.until([&] { return p.server->connections() == 0 && p.client->connections() == 0; }));
    result<connection*> third = p.m.loop.run(p.client->connect(p.server->address()));
    CHECK(third);
}

TEST_CASE("more sends than UCX gets at a time wait in the connection and all arrive") {
    pair p;
    constexpr std::size_t count = 3 * ucx_connection::in_flight_max;
    const std::vector<std::byte> data(20'000, std::byte{7});
    const const_segments source{const_byte_span(data)};
    std::vector<std::unique_ptr<sending>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<sending>());
        all.back()->header = const_byte_span(data).first(8);
        all.back()->payload = &source;
    }
    for (auto& s : all) { p.up->send(*s); }
    CHECK(all.back()->linked());
    p.up->abandon(*all.back()); // it never left
    CHECK(all.back()->outcome == errc::cancelled);
    // Rendezvous payloads leave when they are fetched or dropped.
    REQUIRE(p.m.until([&] {
        p.at_server.messages.clear();
        return std::all_of(all.begin(), all.end(), [](auto& s) { return s->outcome.has_value(); });
    }));
    for (std::size_t i = 0; i + 1 < count; ++i) { CHECK(all[i]->outcome == errc::ok); }
}

TEST_CASE("a client that does not take its bytes is closed, one that takes them late is not") {
    for (const bool takes : {false, true}) {
        ucx_options options = with_mode(payload_mode::rendezvous);
        options.transfer_limit = 400ms;
        pair p(std::move(options));
        const std::vector<std::byte> data(1'000'000, std::byte{7});
        const const_segments source{const_byte_span(data)};
        sending s;
        s.header = const_byte_span(data).first(8);
        s.payload = &source;
        p.down->send(s);
        REQUIRE(p.m.until([&] { return p.at_client.messages.size() == 1; }));
        if (takes) {
            REQUIRE_FALSE(p.m.until([&] { return s.outcome.has_value(); }, 100ms));
            std::vector<std::byte> memory(data.size());
            const segments target{byte_span(memory)};
            receiving r;
            r.target = &target;
            p.at_client.messages[0]->receive(r);
            REQUIRE(p.m.until([&] { return r.outcome.has_value() && s.outcome.has_value(); }));
            CHECK(*s.outcome == errc::ok);
            REQUIRE_FALSE(p.m.until([&] { return !p.at_server.closed.empty(); }, 1s)); // nothing stands still
        } else {
            REQUIRE(p.m.until([&] { return s.outcome.has_value() && !p.at_server.closed.empty(); }));
            CHECK(p.at_server.closed[0] == errc::timed_out);
        }
        p.at_client.messages.clear();
    }
}

TEST_CASE("a message outlives its connection and its transport") {
    std::vector<message_ptr> held;
    {
        pair p;
        const std::vector<std::byte> data(500'000, std::byte{7});
        const const_segments small{const_byte_span(data).first(100)};
        const const_segments large{const_byte_span(data)};
        sending a;
        a.header = const_byte_span(data).first(10);
        a.payload = &small;
        sending b;
        b.header = const_byte_span(data).first(10);
        b.payload = &large;
        p.up->send(a);
        p.up->send(b);
        REQUIRE(p.m.until([&] { return p.at_server.messages.size() == 2; }));
        held = std::move(p.at_server.messages);
        p.m.loop.run(p.server->stop());
        p.server.reset();
        REQUIRE(p.m.until([&] { return a.outcome.has_value() && b.outcome.has_value(); }));
    }
    for (message_ptr& m : held) {
        CHECK(m->header().size() == 10);
        CHECK(m->header()[9] == std::byte{7});
        std::vector<std::byte> memory(m->payload_size());
        const segments target{byte_span(memory)};
        receiving r;
        r.target = &target;
        m->receive(r);
        CHECK(r.outcome == errc::peer_down);
    }
}

TEST_CASE("a stopped caller of connect hears why, and nothing is left") {
    machine m;
    recorder at_client;
    auto client = make_transport(m, at_client);
    // A peer that never answers: a bare worker.
    recorder nobody;
    auto silent = ucx_transport::create(m.loop, {});
    REQUIRE(silent);
    ucx_options hasty;
    hasty.handshake_limit = 50ms;
    recorder at_hasty;
    auto impatient = make_transport(m, at_hasty, std::move(hasty));
    result<connection*> c = m.loop.run(impatient->connect((*silent)->address()));
    CHECK(c.error() == errc::timed_out);
    REQUIRE(m.until([&] { return impatient->connections() == 0; }));
    CHECK(at_hasty.closed.empty()); // it was never announced
    m.loop.run(impatient->stop());
    m.loop.run(client->stop());
}

TEST_CASE("a warm connection over the network allocates nothing") {
    pair p({}, {}, false);
    const std::vector<std::byte> data(2000, std::byte{1});
    const const_segments source{const_byte_span(data)};
    std::vector<std::byte> memory(data.size());
    const segments target{byte_span(memory)};
    p.at_server.messages.reserve(4);
    p.at_client.messages.reserve(4);
    const auto round_trips = [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            sending request;
            request.header = const_byte_span(data).first(64);
            request.payload = &source;
            request.reply_header_max = 64;
            p.up->send(request);
            while (p.at_server.messages.empty()) { p.m.loop.turn(); }
            receiving r;
            r.target = &target;
            p.at_server.messages[0]->receive(r);
            sending reply;
            reply.header = const_byte_span(data).first(32);
            reply.answers = p.at_server.messages[0]->token();
            p.at_server.messages.clear();
            p.down->send(reply);
            while (p.at_client.messages.empty() || !request.outcome || !reply.outcome || !r.outcome) {
                p.m.loop.turn();
            }
            p.at_client.messages.clear();
        }
    };
    round_trips(50);
    const std::uint64_t before = allocations();
    round_trips(1000);
    CHECK(allocations() == before);
}

} // namespace benchfs::transport::ucx::testing
