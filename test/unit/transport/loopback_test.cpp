// What only the transport inside a process promises: order, its hooks, and no allocation when warm.
#include "allocations.hpp"
#include "conformance.hpp"

#include "benchfs/transport/loopback/transport.hpp"

#include "catch.hpp"

#include <chrono>
#include <cstring>

namespace benchfs::transport::conformance {
namespace {

using namespace std::chrono_literals;

const variant loopback{"loopback", "loopback", {}, false};

loopback_transport& server_of(rig& r) { return static_cast<loopback_transport&>(*r.server_transport); }

runtime::task<void> never_inline(rig& r) {
    bool inside = false;
    std::size_t heard = 0;
    r.server.requests = [&](connection&, message_ptr) {
        REQUIRE(!inside);
        ++heard;
    };
    const frame f;
    outgoing request(r.client, *r.up, f, 100, 0);
    inside = true;
    r.up->send(request);
    inside = false;
    REQUIRE(request.done()); // the header was copied
    REQUIRE(heard == 0);
    const status yielded = co_await r.yield(2);
    REQUIRE(yielded);
    REQUIRE(heard == 1);
    r.server.requests = {};
}

runtime::task<void> payload_straight_from_the_sender(rig& r) {
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    frame f;
    f.id = 3;
    outgoing request(r.client, *r.up, f, 100, 5000);
    r.up->send(request);
    result<arrival> a = co_await r.server.next();
    REQUIRE(a);
    REQUIRE(!request.done()); // its payload is still where the sender keeps it
    incoming in(5000, r.server.random);
    a->m->receive(in);
    REQUIRE(in.done());
    REQUIRE(in.holds(3));
    const status sent = co_await request.finish();
    REQUIRE(sent);
    r.server.requests = {};
}

runtime::task<void> abandoned_before_delivery(rig& r) {
    std::size_t heard = 0;
    r.server.requests = [&heard](connection&, message_ptr) { ++heard; };
    const frame f;
    outgoing request(r.client, *r.up, f, 100, 5000);
    r.up->send(request);
    r.up->abandon(request);
    REQUIRE(request.done());
    const status sent = co_await request.finish();
    REQUIRE(sent.error() == errc::cancelled);
    const status yielded = co_await r.yield(10);
    REQUIRE(yielded);
    REQUIRE(heard == 0);
    r.server.requests = {};
}

runtime::task<void> abandoned_while_held(rig& r) {
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    const frame f;
    outgoing request(r.client, *r.up, f, 100, 5000);
    r.up->send(request);
    result<arrival> a = co_await r.server.next();
    REQUIRE(a);
    r.up->abandon(request);
    incoming in(5000, r.server.random);
    a->m->receive(in);
    const status received = co_await in.finish();
    REQUIRE(received.error() == errc::cancelled);
    r.server.requests = {};
}

runtime::task<void> replies_that_do_not_fit(rig& r) {
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    frame f;
    outgoing request(r.client, *r.up, f, 100, 0);
    request.reply_header_max = 100;
    request.reply_payload_max = 50;
    r.up->send(request);
    result<arrival> a = co_await r.server.next();
    REQUIRE(a);
    const auto outcome = [&r, &f](request_token token, std::size_t header, std::size_t payload) {
        outgoing reply(r.server, *r.down, f, header, payload);
        reply.answers = token;
        r.down->send(reply);
        REQUIRE(reply.done());
        return reply.outcome();
    };
    CHECK(outcome(a->m->token(), 101, 0) == errc::message_too_long);
    CHECK(outcome(a->m->token(), 100, 51) == errc::message_too_long);
    CHECK(outcome(0, 100, 0) == errc::invalid_argument); // nothing is unsolicited
    CHECK(outcome(a->m->token(), 100, 0) == errc::ok);
    r.server.requests = {};
}

runtime::task<void> too_long_to_send(rig& r) {
    const frame f;
    outgoing header(r.client, *r.up, f, max_header + 1, 0);
    r.up->send(header);
    CHECK(header.outcome() == errc::message_too_long);
    outgoing payload(r.client, *r.up, f, 100, max_payload + 1);
    r.up->send(payload);
    CHECK(payload.outcome() == errc::message_too_long);
    co_return;
}

runtime::task<void> cut_by_the_network(rig& r) {
    std::size_t heard = 0;
    r.server.requests = [&heard](connection&, message_ptr) { ++heard; };
    const frame f;
    outgoing small(r.client, *r.up, f, 100, 0);
    outgoing large(r.client, *r.up, f, 100, 5000);
    r.up->send(small);
    r.up->send(large);
    loopback_network::cut(*r.up);
    peer* client = &r.client;
    peer* server = &r.server;
    std::function<bool()> both = [client, server] { return client->closed == 1 && server->closed == 1; };
    const status closed = co_await r.server.until(both);
    (void)closed;
    const status also = co_await r.client.until(both);
    REQUIRE(also);
    REQUIRE(large.outcome() == errc::peer_down);
    REQUIRE(r.client.last_reason == errc::peer_down);
    REQUIRE(r.server.last_reason == errc::peer_down);
    REQUIRE(heard == 0);
    r.server.requests = {};
}

/// A receiver that costs nothing, to count what the transport itself allocates.
class bare_echo final : public receiver {
public:
    class answer_op final : public send_operation {
    public:
        void on_sent(errc) noexcept override {}
    };
    class take_op final : public receive_operation {
    public:
        void on_received(errc) noexcept override {}
    };
    void on_accept(connection&) noexcept override {}
    void on_message(connection& c, message_ptr m) noexcept override {
        ++messages;
        const segments target(byte_span(memory, m->payload_size()));
        take.target = &target;
        m->receive(take);
        if (!c.is_server_side() || m->token() == 0) { return; }
        reply.header = m->header();
        reply.answers = m->token();
        c.send(reply);
    }
    void on_closed(connection&, errc) noexcept override {}

    std::size_t messages = 0;
    std::byte memory[8192];
    answer_op reply;
    take_op take;
};

/// Time that passes only while the loop sleeps.
class manual_clock final : public clock, public runtime::sleeper {
public:
    [[nodiscard]] time_point now() const noexcept override { return now_; }
    void wait(time_point deadline) noexcept override { now_ = deadline; }

private:
    time_point now_{1h};
};

TEST_CASE("loopback delivery can be delayed, and the loop sleeps meanwhile") {
    manual_clock time;
    runtime::loop_options options;
    options.time = &time;
    options.spin_before_sleep = {};
    options.turns_before_yield = 1;
    runtime::loop loop(std::move(options));
    loop.set_sleeper(&time);
    loopback_network network;
    bare_echo server;
    bare_echo client;
    loopback_transport a(loop, network);
    loopback_transport b(loop, network);
    a.set_receiver(server);
    b.set_receiver(client);
    result<connection*> c = loop.run(b.connect(a.address()));
    REQUIRE(c);
    network.set_delay(30ms);
    const std::byte bytes[100] = {};
    bare_echo::answer_op request;
    request.header = const_byte_span(bytes);
    const time_point sent = time.now();
    (*c)->send(request);
    while (server.messages == 0) { loop.turn(); }
    CHECK(time.now() - sent >= 30ms);
    CHECK(time.now() - sent < 50ms); // a tick or two of the timer wheel later
    network.set_delay({});
    loop.run(b.stop());
    loop.run(a.stop());
}

TEST_CASE("a warm connection inside a process allocates nothing") {
    runtime::loop loop;
    loopback_network network;
    bare_echo server;
    bare_echo client;
    loopback_transport a(loop, network);
    loopback_transport b(loop, network);
    a.set_receiver(server);
    b.set_receiver(client);
    result<connection*> c = loop.run(b.connect(a.address()));
    REQUIRE(c);
    std::byte bytes[4096] = {};
    const const_segments payload{const_byte_span(bytes)};
    bare_echo::answer_op request;
    request.header = const_byte_span(bytes, 100);
    request.payload = &payload;
    request.reply_header_max = 100;
    const auto round_trips = [&](std::size_t n) {
        for (const std::size_t end = client.messages + n; client.messages < end;) {
            const std::size_t before = client.messages;
            (*c)->send(request);
            while (client.messages == before) { loop.turn(); }
            while (request.linked()) { loop.turn(); }
        }
    };
    round_trips(10);
    const std::uint64_t before = allocations();
    round_trips(1000);
    CHECK(allocations() == before);
    loop.run(b.stop());
    loop.run(a.stop());
    CHECK(a.connections() == 0);
}

} // namespace

TEST_CASE("loopback delivers from the loop, never inside send") { rig(loopback).run(never_inline); }
TEST_CASE("loopback hands a payload over when it is received") {
    rig(loopback).run(payload_straight_from_the_sender);
}
TEST_CASE("loopback takes back a message that was abandoned before it was delivered") {
    rig(loopback).run(abandoned_before_delivery);
}
TEST_CASE("loopback fails the receive of a payload whose sender gave up") {
    rig(loopback).run(abandoned_while_held);
}
TEST_CASE("loopback refuses replies that were not asked for or are too large") {
    rig(loopback).run(replies_that_do_not_fit);
}
TEST_CASE("loopback refuses messages over the limits") { rig(loopback).run(too_long_to_send); }
TEST_CASE("a loopback connection can be cut") { rig(loopback).run(cut_by_the_network); }

TEST_CASE("a stopped loopback transport refuses to connect and is not found") {
    rig r(loopback);
    const std::vector<std::byte> address = r.server_transport->address();
    REQUIRE(r.network.find(address) == &server_of(r));
    r.loop.run(r.server_transport->stop());
    REQUIRE(r.network.find(address) == nullptr);
    REQUIRE(r.loop.run(r.server_transport->connect(address)).error() == errc::shutting_down);
    r.loop.run(r.client_transport->stop());
}

} // namespace benchfs::transport::conformance
