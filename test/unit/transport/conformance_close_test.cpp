// Ends: of connections with work in flight, with messages held, from both sides, and of single operations.
#include "conformance.hpp"

#include "catch.hpp"

namespace benchfs::transport::conformance {
namespace {

void keep_requests(rig& r) {
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
}

runtime::task<status> failing_call(peer* caller, connection* c, call_spec spec, std::size_t* failed) {
    const status done = co_await caller->call(c, spec);
    if (!done) { ++*failed; }
    co_return ok();
}

runtime::task<status> both_closed(rig& r, std::size_t count) {
    peer* client = &r.client;
    peer* server = &r.server;
    std::function<bool()> client_closed = [client, count] { return client->closed >= count; };
    std::function<bool()> server_closed = [server, count] { return server->closed >= count; };
    BFS_CO_CHECK(co_await r.client.until(client_closed));
    co_return co_await r.server.until(server_closed);
}

runtime::task<void> server_closes_instead_of_answering(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope calls(context, false);
    keep_requests(r);
    std::size_t failed = 0;
    for (std::size_t i = 0; i < 20; ++i) {
        call_spec spec;
        spec.request = i * 10'000;
        spec.reply = i * 1000;
        calls.spawn(failing_call(&r.client, r.up, spec, &failed));
    }
    result<arrival> first = co_await r.server.next();
    REQUIRE(first);
    first->from->close(errc::shutting_down);
    first->from->close(errc::cancelled); // harmless
    const status closed = co_await both_closed(r, 1);
    REQUIRE(closed);
    const status joined = co_await calls.join();
    REQUIRE(joined);
    REQUIRE(failed == 20);
    REQUIRE(r.server.last_reason == errc::shutting_down);
    REQUIRE(r.client.last_reason == errc::peer_down);
    first->m.reset();
    r.server.inbox.clear();
    r.server.requests = {};
}

/// Sends one request of this size that nobody answers and waits until the server holds its message.
runtime::task<status> park_message(rig* r, std::size_t bytes, std::size_t* finished) {
    frame f;
    f.id = 77;
    f.request_bytes = static_cast<std::uint32_t>(bytes);
    outgoing request(r->client, *r->up, f, 100, bytes);
    request.reply_header_max = 64;
    r->up->send(request);
    const status sent = co_await request.finish();
    (void)sent; // either way: it ended
    ++*finished;
    co_return ok();
}

/// A held message gives its payload or an error, whatever became of its connection; never other bytes.
runtime::task<void> receive_held(rig& r, arrival held) {
    incoming in(held.m->payload_size(), r.server.random);
    held.m->receive(in);
    const status received = co_await in.finish();
    if (received) { REQUIRE(in.holds(77)); }
}

runtime::task<void> messages_held_when_closed(rig& r, bool by_client) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope senders(context, false);
    keep_requests(r);
    std::size_t finished = 0;
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, 8 * KiB, 100 * KiB, 1 * MiB}) {
        senders.spawn(park_message(&r, size, &finished));
    }
    peer* server = &r.server;
    std::function<bool()> all_arrived = [server] { return server->inbox.size() == 5; };
    const status arrived = co_await r.server.until(all_arrived);
    REQUIRE(arrived);
    (by_client ? r.up : r.down)->close(errc::cancelled);
    REQUIRE(finished <= 5);
    const status closed = co_await both_closed(r, 1);
    REQUIRE(closed);
    const status joined = co_await senders.join();
    REQUIRE(joined);
    REQUIRE(finished == 5);
    // Half of them are received now, the others dropped.
    for (std::size_t i = 0; !r.server.inbox.empty(); ++i) {
        arrival held = std::move(r.server.inbox.front());
        r.server.inbox.pop_front();
        if (i % 2 == 0) { co_await receive_held(r, std::move(held)); }
    }
    r.server.requests = {};
}

runtime::task<void> messages_held_when_client_closes(rig& r) { return messages_held_when_closed(r, true); }
runtime::task<void> messages_held_when_server_closes(rig& r) { return messages_held_when_closed(r, false); }

runtime::task<void> messages_held_at_stop(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope senders(context, false);
    keep_requests(r);
    std::size_t finished = 0;
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, 8 * KiB, 100 * KiB, 1 * MiB}) {
        senders.spawn(park_message(&r, size, &finished));
    }
    peer* server = &r.server;
    std::function<bool()> all_arrived = [server] { return server->inbox.size() == 5; };
    const status arrived = co_await r.server.until(all_arrived);
    REQUIRE(arrived);
    co_await r.server_transport->stop();
    REQUIRE(r.server.open.empty());
    arrival held = std::move(r.server.inbox.back());
    r.server.inbox.pop_back();
    co_await receive_held(r, std::move(held));
    const status joined = co_await senders.join();
    REQUIRE(joined);
    REQUIRE(finished == 5);
    r.server.requests = {};
    // The rest of the inbox goes when the rig has stopped everything.
}

runtime::task<void> payloads_nobody_wants(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope senders(context, false);
    std::size_t dropped = 0;
    r.server.requests = [&dropped](connection&, message_ptr m) {
        m.reset();
        ++dropped;
    };
    std::size_t finished = 0;
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, 8 * KiB, 100 * KiB, 1 * MiB}) {
        senders.spawn(park_message(&r, size, &finished));
    }
    const status joined = co_await senders.join();
    REQUIRE(joined);
    REQUIRE(finished == 5);
    // A send may end before its message arrives: what is small, or always eager, is UCX's by then.
    for (int turns = 0; turns < 1'000'000 && dropped != 5; ++turns) {
        const status turned = co_await r.yield(1);
        REQUIRE(turned);
    }
    REQUIRE(dropped == 5);
    r.server.requests = {};
    // The connection is none the worse for it.
    call_spec spec;
    spec.request = 300 * KiB;
    spec.reply = 300 * KiB;
    const status done = co_await r.client.call(r.up, spec);
    REQUIRE(done);
}

runtime::task<void> close_and_reconnect(rig& r) {
    for (std::size_t round = 1; round <= 10; ++round) {
        call_spec spec;
        spec.request = round * 10'000;
        spec.reply = round * 10'000;
        const status done = co_await r.client.call(r.up, spec);
        REQUIRE(done);
        (round % 2 == 0 ? r.up : r.down)->close(errc::cancelled);
        const status closed = co_await both_closed(r, round);
        REQUIRE(closed);
        result<connection*> again = co_await r.open_connection(r.how.upgrade);
        REQUIRE(again);
        r.up = *again;
        r.down = r.server.newest();
    }
}

runtime::task<void> close_from_both_sides(rig& r) {
    for (std::size_t round = 1; round <= 20; ++round) {
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope calls(context, false);
        std::size_t failed = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            call_spec spec;
            spec.request = i * 30'000;
            spec.reply = i * 30'000;
            calls.spawn(failing_call(&r.client, r.up, spec, &failed));
        }
        const status yielded = co_await r.yield(r.client.random.below(30));
        REQUIRE(yielded);
        r.up->close(errc::cancelled);
        // The server may have heard already, and then its side may be gone.
        if (r.server.newest() != nullptr) { r.server.newest()->close(errc::shutting_down); }
        const status closed = co_await both_closed(r, round);
        REQUIRE(closed);
        const status joined = co_await calls.join();
        REQUIRE(joined);
        result<connection*> again = co_await r.open_connection(r.how.upgrade);
        REQUIRE(again);
        r.up = *again;
    }
    REQUIRE(r.client.closed == 20);
    REQUIRE(r.server.closed == 20);
}

} // namespace

TEST_CASE("a server that closes instead of answering fails every pending call") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(server_closes_instead_of_answering); }
    }
}

TEST_CASE("messages held while their connection ends stay safe") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label << ": closed by the client") { rig(v).run(messages_held_when_client_closes); }
        DYNAMIC_SECTION(v.label << ": closed by the server") { rig(v).run(messages_held_when_server_closes); }
        DYNAMIC_SECTION(v.label << ": the transport stops") { rig(v).run(messages_held_at_stop); }
    }
}

TEST_CASE("a message may be dropped without its payload being received") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(payloads_nobody_wants); }
    }
}

TEST_CASE("a closed connection can be made again") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(close_and_reconnect); }
    }
}

TEST_CASE("both sides may close at once, in the middle of everything") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v, 5).run(close_from_both_sides); }
    }
}

} // namespace benchfs::transport::conformance
