// Operations that are asked to end early, at moments that a seed chooses.
#include "conformance.hpp"

#include "catch.hpp"
#include "repetitions.hpp"

namespace benchfs::transport::conformance {
namespace {

/// A transport that cannot take a buffer back closes the connection instead, which is fine too.
runtime::task<status> ensure_connection(rig& r) {
    if (!r.client.open.empty() && !r.server.open.empty()) { co_return ok(); }
    peer* client = &r.client;
    peer* server = &r.server;
    std::function<bool()> client_empty = [client] { return client->open.empty(); };
    std::function<bool()> server_empty = [server] { return server->open.empty(); };
    BFS_CO_CHECK(co_await r.client.until(client_empty));
    BFS_CO_CHECK(co_await r.server.until(server_empty));
    BFS_CO_TRY(r.up, co_await r.open_connection(r.how.upgrade));
    co_return ok();
}

std::size_t random_size(prng& random) {
    constexpr std::size_t bounds[] = {1, 200, 20'000, 200'000, 2'000'000};
    return random.below(bounds[random.below(std::size(bounds))]);
}

runtime::task<void> abandoned_sends(rig& r) {
    for (std::size_t round = 0; round < 200; ++round) {
        INFO("round " << round);
        const status connected = co_await ensure_connection(r);
        REQUIRE(connected);
        frame f;
        f.id = 5000 + round;
        const std::size_t bytes = random_size(r.client.random);
        f.request_bytes = static_cast<std::uint32_t>(bytes);
        outgoing request(r.client, *r.up, f, 200, bytes);
        const std::uint64_t serial = r.client.serial_of(*r.up);
        request.reply_header_max = sizeof(frame);
        r.up->send(request);
        const status yielded = co_await r.yield(r.client.random.below(20));
        REQUIRE(yielded);
        if (!request.done() && r.client.has(r.up, serial)) { r.up->abandon(request); }
        const status sent = co_await request.finish();
        (void)sent; // whichever came first
        REQUIRE(request.done());
    }
    const status connected = co_await ensure_connection(r);
    REQUIRE(connected);
    call_spec spec;
    spec.request = 100'000;
    spec.reply = 100'000;
    const status done = co_await r.client.call(r.up, spec);
    if (!done) {
        // The last abandon may still end this connection, of which one end may not have heard yet.
        peer* client = &r.client;
        std::function<bool()> closed = [client] { return client->open.empty(); };
        const status heard = co_await r.client.until(closed);
        REQUIRE(heard);
        const status fresh = co_await ensure_connection(r);
        REQUIRE(fresh);
        const status again = co_await r.client.call(r.up, spec);
        REQUIRE(again);
    }
}

runtime::task<status> send_unanswered(rig* r, std::uint64_t id, std::size_t bytes) {
    frame f;
    f.id = id;
    outgoing request(r->client, *r->up, f, 200, bytes);
    request.reply_header_max = sizeof(frame);
    r->up->send(request);
    const status sent = co_await request.finish();
    (void)sent;
    co_return ok();
}

runtime::task<void> abandoned_receives(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope senders(context, false);
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    for (std::size_t round = 0; round < 200; ++round) {
        INFO("round " << round);
        const status connected = co_await ensure_connection(r);
        REQUIRE(connected);
        const std::uint64_t id = 9000 + round;
        const std::size_t closed_before = r.server.closed;
        senders.spawn(send_unanswered(&r, id, random_size(r.client.random)));
        std::function<bool()> arrived = [server, closed_before] {
            return !server->inbox.empty() || server->closed > closed_before;
        };
        const status waited = co_await r.server.until(arrived);
        REQUIRE(waited);
        if (r.server.inbox.empty()) { continue; } // the end of an earlier round's abandon
        arrival a = std::move(r.server.inbox.front());
        r.server.inbox.pop_front();
        incoming in(a.m->payload_size(), r.server.random);
        a.m->receive(in);
        const status yielded = co_await r.yield(r.server.random.below(20));
        REQUIRE(yielded);
        if (!in.done()) { a.m->abandon(in); }
        const status received = co_await in.finish();
        if (received) { REQUIRE(in.holds(id)); }
    }
    r.server.requests = {};
    r.server.inbox.clear();
    for (connection* c : std::vector<connection*>(r.client.open)) { c->close(errc::cancelled); }
    const status joined = co_await senders.join();
    REQUIRE(joined);
}

} // namespace

TEST_CASE("a send abandoned at any moment ends, and its memory is free") {
    for (const variant& v : variants()) {
        for (std::uint64_t seed = 21; seed < 21 + test::repeated(2, 1); ++seed) {
            DYNAMIC_SECTION(v.label << ", seed " << seed) { rig(v, seed).run(abandoned_sends); }
        }
    }
}

TEST_CASE("a receive abandoned at any moment ends, and its memory is free") {
    for (const variant& v : variants()) {
        for (std::uint64_t seed = 31; seed < 31 + test::repeated(2, 1); ++seed) {
            DYNAMIC_SECTION(v.label << ", seed " << seed) { rig(v, seed).run(abandoned_receives); }
        }
    }
}

} // namespace benchfs::transport::conformance
