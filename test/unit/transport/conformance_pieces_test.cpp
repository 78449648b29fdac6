// Payloads that are taken and made where they lie: refused half-way, and ended while their maker is not ready.
// That they carry the right bytes is for all other tests of the suite, which take and make every second payload
// so.
#include "conformance.hpp"

#include "catch.hpp"

namespace benchfs::transport::conformance {
namespace {

constexpr std::size_t large = 1'000'000;

runtime::task<status> one_call(peer* caller, connection* c, call_spec spec, status* outcome) {
    *outcome = co_await caller->call(c, spec);
    co_return ok();
}

/// A large request that the server has; nothing where this transport copies payloads itself.
struct held {
    runtime::task_scope calls;
    arrival request;
    frame f;
    status outcome;
};

runtime::task<status> hold(rig& r, held& h, std::size_t request, std::size_t reply) {
    peer* server = &r.server;
    server->requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    call_spec spec;
    spec.request = request;
    spec.reply = reply;
    h.calls.spawn(one_call(&r.client, r.up, spec, &h.outcome));
    BFS_CO_TRY(h.request, co_await server->next());
    REQUIRE(read_header(h.request.m->header(), h.f));
    co_return ok();
}

runtime::task<void> refused_half_way(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    held h{runtime::task_scope(context, false), {}, {}, {}};
    const status holding = co_await hold(r, h, large, 10);
    REQUIRE(holding);
    if (h.request.m->lies_here()) {
        incoming in(large, r.server.random);
        in.take_pieces(large / 3);
        h.request.m->receive(in);
        const status received = co_await in.finish();
        REQUIRE(received.error() == errc::no_space);
    }
    const request_token token = h.request.m->token();
    h.request.m.reset();
    outgoing reply(r.server, *h.request.from, h.f, h.f.reply_header, h.f.reply_bytes);
    reply.answers = token;
    h.request.from->send(reply);
    const status sent = co_await reply.finish();
    REQUIRE(sent);
    const status joined = co_await h.calls.join();
    REQUIRE(joined);
    REQUIRE(h.outcome);
    // All of the window's room came back.
    r.server.requests = nullptr;
    for (int i = 0; i < 40; ++i) {
        call_spec spec;
        spec.request = spec.reply = large;
        const status again = co_await r.client.call(r.up, spec);
        REQUIRE(again);
    }
}

enum class ending : std::uint8_t { abandoned, closed_by_client, closed_by_server };

runtime::task<void> not_ready(rig& r, ending how) {
    runtime::call_context& context = co_await runtime::current_context();
    held h{runtime::task_scope(context, false), {}, {}, {}};
    const status holding = co_await hold(r, h, 10, large);
    REQUIRE(holding);
    const bool makes = h.request.m->makes_reply();
    const request_token token = h.request.m->token();
    connection* const down = h.request.from;
    h.request.m.reset();
    outgoing reply(r.server, *down, h.f, h.f.reply_header, h.f.reply_bytes);
    reply.answers = token;
    if (makes) { reply.make_pieces(10); }
    down->send(reply);
    if (makes) {
        while (!reply.stalled()) {
            const status yielded = co_await r.yield(1);
            REQUIRE(yielded);
        }
        reply.go_on(*down); // some pieces leave, then it stalls again
        while (!reply.stalled()) {
            const status yielded = co_await r.yield(1);
            REQUIRE(yielded);
        }
        if (how == ending::abandoned) { down->abandon(reply); }
        if (how == ending::closed_by_client) { r.up->close(errc::ok); }
        if (how == ending::closed_by_server) { down->close(errc::ok); }
    }
    const status sent = co_await reply.finish();
    const status joined = co_await h.calls.join();
    REQUIRE(joined);
    REQUIRE(bool(sent) == !makes);
    REQUIRE(bool(h.outcome) == !makes);
}

runtime::task<void> abandoned_when_not_ready(rig& r) { return not_ready(r, ending::abandoned); }
runtime::task<void> closed_by_client_when_not_ready(rig& r) { return not_ready(r, ending::closed_by_client); }
runtime::task<void> closed_by_server_when_not_ready(rig& r) { return not_ready(r, ending::closed_by_server); }

} // namespace

TEST_CASE("a payload that is refused half-way is dropped, and its room comes back") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(refused_half_way); }
    }
}

TEST_CASE("a reply ends once while its maker is not ready") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label << ": abandoned") { rig(v).run(abandoned_when_not_ready); }
        DYNAMIC_SECTION(v.label << ": closed by the client") { rig(v).run(closed_by_client_when_not_ready); }
        DYNAMIC_SECTION(v.label << ": closed by the server") { rig(v).run(closed_by_server_when_not_ready); }
    }
}

} // namespace benchfs::transport::conformance
