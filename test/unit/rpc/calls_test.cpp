// Calls in flight: deadlines, stops, lost connections, many at once.
#include "support.hpp"

#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/runtime/with_timeout.hpp"

namespace benchfs::rpc {
namespace {

using namespace test;

/// Handlers that wait until the test lets them go.
struct gate {
    runtime::event open;
    int entered = 0;
    int ended = 0;

    static task<status> stat_method(void* context, server_call& call) {
        gate& g = *static_cast<gate*>(context);
        ++g.entered;
        (void)co_await g.open.wait();
        ++g.ended;
        stat::reply r;
        r.id = call.request<stat>().id;
        call.reply<stat>(r);
        co_return ok();
    }
    static task<status> mkdir_method(void* context, server_call& call) {
        gate& g = *static_cast<gate*>(context);
        ++g.entered;
        (void)co_await g.open.wait();
        ++g.ended;
        call.reply<mkdir>({});
        co_return ok();
    }
    /// Takes the payload only once the gate is open.
    static task<status> write_method(void* context, server_call& call) {
        gate& g = *static_cast<gate*>(context);
        ++g.entered;
        (void)co_await g.open.wait();
        std::vector<std::byte> room(call.payload_size());
        const segments into{byte_span(room)};
        const status got = co_await call.receive(into);
        ++g.ended;
        BFS_CO_CHECK(got);
        call.reply<write_chunk>({});
        co_return ok();
    }
    void serve(server& s) {
        s.handle(stat::info, this, stat_method);
        s.handle(mkdir::info, this, mkdir_method);
        s.handle(write_chunk::info, this, write_method);
    }
};

task<errc> stat_of(client& c, std::uint64_t id) {
    const id_request request{id};
    const auto answer = co_await c.call<stat>(only, request);
    if (answer) { REQUIRE(answer->id == id); }
    co_return answer.error();
}
task<errc> mkdir_of(client& c) {
    const auto answer = co_await c.call<mkdir>(only, mkdir::request{});
    co_return answer.error();
}
task<errc> ping_of(client& c, std::uint64_t value) {
    const ping::request request{value};
    const auto answer = co_await c.call<ping>(only, request);
    if (answer) { REQUIRE(answer->value == value); }
    co_return answer.error();
}
task<status> status_of(task<errc> t) {
    const errc e = co_await std::move(t);
    co_return e;
}
task<status> collect(task<errc> t, std::vector<errc>& into) {
    const errc e = co_await std::move(t);
    into.push_back(e);
    co_return ok();
}

/// What a server says that needs another one, which does not answer.
struct lame {
    int asked = 0;
    static status mkdir_method(void* context, server_call& call) {
        ++static_cast<lame*>(context)->asked;
        call.blame(server_id{7});
        return errc::peer_down;
    }
};

task<errc> end_of_mkdir(client& c, call_end& end) {
    call_extra extra;
    extra.end = &end;
    const auto answer = co_await c.call<mkdir>(only, mkdir::request{}, extra);
    co_return answer.error();
}

TEST_CASE("an answer that another server is silent names it, and is not taken for a lost connection") {
    rig r;
    lame l;
    r.server->handle(mkdir::info, &l, lame::mkdir_method);
    caller& c = r.connect();
    for (int i = 1; i <= 3; ++i) {
        call_end end;
        REQUIRE(r.loop.run(end_of_mkdir(c.rpc, end)) == errc::peer_down);
        REQUIRE(l.asked == i); // nothing is repeated, and no refusal is kept for the next number
        REQUIRE(end.answered);
        REQUIRE(end.silent == server_id{7});
        REQUIRE(c.rpc.silent() == server_id{7});
    }
    REQUIRE(c.wire.made_so_far == 1);
    // Of a server that does not answer itself it is told whether it was asked.
    r.stop();
    call_end end;
    REQUIRE(r.loop.run(end_of_mkdir(c.rpc, end)) == errc::peer_down);
    REQUIRE_FALSE(end.answered);
    REQUIRE_FALSE(end.sent);
    REQUIRE(end.silent == only);
    REQUIRE(c.rpc.silent() == only);
}

TEST_CASE("a handler that never answers costs its caller the deadline, and its late reply harms nobody") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 200ms});
    REQUIRE(r.loop.run(stat_of(c.rpc, 1)) == errc::timed_out);
    REQUIRE(g.entered == 1);
    const auto after = [](rig& r, gate& g, client& c) -> task<void> {
        g.open.set();
        // The late reply comes among those of the same slot's next users.
        for (std::uint64_t i = 0; i < 20; ++i) { CO_REQUIRE(co_await stat_of(c, 100 + i) == errc::ok); }
        REQUIRE(g.ended == 21);
        REQUIRE(r.server->running() == 0);
    };
    r.loop.run(after(r, g, c.rpc));
    REQUIRE(c.wire.made_so_far == 1);
}

TEST_CASE("a deadline that passes while the payload is under way gives the buffer back") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 200ms});
    const auto attempt = [](client& c) -> task<errc> {
        const std::vector<std::byte> bytes(4096);
        const const_segments payload{const_byte_span(bytes)};
        call_extra extra;
        extra.payload = &payload;
        const auto answer = co_await c.call<write_chunk>(only, write_chunk::request{}, extra);
        co_return answer.error();
    };
    REQUIRE(r.loop.run(attempt(c.rpc)) == errc::outcome_unknown);
    g.open.set();
    r.loop.run(turns());
    REQUIRE(g.ended == 1); // its receive() failed: the bytes were taken back
    REQUIRE(r.server->running() == 0);
    REQUIRE(r.loop.run(ping_of(c.rpc, 3)) == errc::ok);
    REQUIRE(r.loop.run(attempt(c.rpc)) == errc::ok);
}

TEST_CASE("nobody answered is one thing, and may have happened another") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 200ms});
    // Sent, and no answer: what only asks hears that nobody answered, what changes that it may have happened.
    REQUIRE(r.loop.run(stat_of(c.rpc, 1)) == errc::timed_out);
    REQUIRE(r.loop.run(mkdir_of(c.rpc)) == errc::outcome_unknown);
    // Stopped from outside by a deadline: the same. By the caller's own wish: his word.
    const auto limited = [](client& c) -> task<void> {
        runtime::task<status> change = status_of(mkdir_of(c));
        const status late = co_await runtime::with_timeout(10ms, std::move(change));
        REQUIRE(late.error() == errc::outcome_unknown);
        runtime::task<status> question = status_of(stat_of(c, 2));
        const status quiet = co_await runtime::with_timeout(10ms, std::move(question));
        REQUIRE(quiet.error() == errc::timed_out);
    };
    r.loop.run(limited(c.rpc));
    g.open.set();
    r.loop.run(turns());
    // Never sent: nothing can have happened.
    caller& lonely = r.connect({.deadline = 200ms});
    lonely.where.address.clear();
    REQUIRE(r.loop.run(mkdir_of(lonely.rpc)) == errc::no_server);
    REQUIRE(r.server->running() == 0);
}

TEST_CASE("a reply that does not fit its room is answered by an error, or ends the connection") {
    rig r;
    gate g;
    g.open.set();
    g.serve(*r.server);
    raw_client raw(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& raw) -> task<void> {
        CO_REQUIRE(co_await raw.connect(r.wire->address()));
        const errc entered = co_await enter(raw, 5);
        REQUIRE(entered == errc::ok);
        const auto said = [](raw_client& one) {
            return from_wire(static_cast<std::int32_t>(one.last().detail));
        };
        const auto ask = make_frame(head_of(stat::info, 2), stat::request{7});
        raw.send(ask, 0, sizeof(frame) + sizeof(stat::reply));
        co_await turns();
        REQUIRE(said(raw) == errc::ok);
        raw.send(ask, 0, sizeof(frame) + sizeof(stat::reply) - 1);
        co_await turns();
        REQUIRE(said(raw) == errc::message_too_long);
        // A change was made all the same, and a repeat with room gets the answer.
        const session_block session{5, 1, 1, 1, 0};
        const auto change = make_frame(head_of(mkdir::info, 3), mkdir::request{}, &session, "d");
        raw.send(change, 0, sizeof(frame));
        co_await turns();
        REQUIRE(said(raw) == errc::outcome_unknown);
        raw.send(change, 0);
        co_await turns();
        REQUIRE(said(raw) == errc::ok);
        REQUIRE(raw.up != nullptr);
        raw.send(ask, 0, sizeof(frame) - 1); // no room for any answer
        co_await turns();
        REQUIRE(raw.up == nullptr);
        REQUIRE(r.server->running() == 0);
        co_await raw.wire.stop();
    };
    r.loop.run(talk(r, raw));
}

namespace {

/// Knows from the reply how many bytes come with it.
struct exact_target final : payload_target {
    bool place(const_byte_span reply, std::size_t size, segments&) noexcept override {
        read_chunk::reply answer;
        return load(reply, answer) && answer.valid == size;
    }
};

task<status> read_nothing(void*, server_call& call) {
    read_chunk::reply r;
    r.valid = call.request<read_chunk>().size; // but no payload
    call.reply<read_chunk>(r);
    co_return ok();
}

task<errc> read_of(client& c, std::uint32_t size) {
    read_chunk::request request;
    request.size = size;
    exact_target target;
    call_extra extra;
    extra.target = &target;
    extra.reply_payload_max = size;
    const auto answer = co_await c.call<read_chunk>(only, request, extra);
    co_return answer.error();
}

} // namespace

TEST_CASE("a reply that promises bytes and brings none is a bad frame") {
    rig r;
    r.server->handle(read_chunk::info, nullptr, read_nothing);
    caller& c = r.connect();
    REQUIRE(r.loop.run(read_of(c.rpc, 0)) == errc::ok);
    REQUIRE(r.loop.run(read_of(c.rpc, 4096)) == errc::bad_frame);
}

TEST_CASE("a stop of the call tree ends its calls") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect();
    const auto run = [](rig& r, gate& g, client& c) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        std::vector<errc> ends;
        runtime::task_scope scope(context, false);
        for (std::uint64_t i = 0; i < 50; ++i) { scope.spawn(collect(stat_of(c, i + 1), ends)); }
        co_await turns();
        REQUIRE(g.entered == 50);
        scope.request_stop();
        (void)co_await scope.join();
        REQUIRE(ends == std::vector<errc>(50, errc::cancelled));
        g.open.set();
        co_await turns();
        REQUIRE(r.server->running() == 0);
        CO_REQUIRE(co_await ping_of(c, 1) == errc::ok);
    };
    r.loop.run(run(r, g, c.rpc));
}

TEST_CASE("a lost connection ends all that waited on it at once") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 10s, .retry_for = 60ms});
    const auto run = [](rig& r, gate& g, caller& c) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        std::vector<errc> reads;
        std::vector<errc> changes;
        runtime::task_scope scope(context, false);
        for (std::uint64_t i = 0; i < 1000; ++i) { scope.spawn(collect(stat_of(c.rpc, i + 1), reads)); }
        for (int i = 0; i < 40; ++i) { scope.spawn(collect(mkdir_of(c.rpc), changes)); }
        co_await turns(200);
        REQUIRE(g.entered == 1040);
        c.where.address.clear(); // and nobody is there any more
        c.wire.cut();
        (void)co_await scope.join();
        REQUIRE(reads == std::vector<errc>(1000, errc::peer_down));
        REQUIRE(changes == std::vector<errc>(40, errc::outcome_unknown));
        g.open.set();
        co_await turns(200);
        REQUIRE(r.server->running() == 0);
        REQUIRE(r.server->connections() == 0);
    };
    r.loop.run(run(r, g, c));
}

TEST_CASE("ten thousand calls of many clients are all answered, each with its own reply") {
    rig r;
    for (int i = 0; i < 10; ++i) { (void)r.connect(); }
    const auto run = [](rig& r) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        std::vector<errc> ends;
        runtime::task_scope scope(context, false);
        for (std::uint64_t i = 0; i < 10000; ++i) {
            scope.spawn(collect(ping_of(r.clients[i % 10]->rpc, i), ends));
        }
        (void)co_await scope.join();
        REQUIRE(ends == std::vector<errc>(10000, errc::ok));
    };
    r.loop.run(run(r));
    REQUIRE(r.server->sessions() == 10);
    REQUIRE(r.server->stats(ping::info.id).calls == 10000);
}

TEST_CASE("a server over its limit is asked again, until there is room or the deadline is over") {
    rig r({.max_calls = 4, .calls_when_crowded = 0});
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 1s});
    const auto run = [](rig& r, gate& g, client& c) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        std::vector<errc> ends;
        runtime::task_scope scope(context, false);
        for (std::uint64_t i = 0; i < 8; ++i) { scope.spawn(collect(stat_of(c, i + 1), ends)); }
        CO_REQUIRE(co_await eventually([&] { return g.entered == 4; }));
        co_await turns();
        REQUIRE(g.entered == 4); // and no more
        g.open.set();
        (void)co_await scope.join();
        REQUIRE(ends == std::vector<errc>(8, errc::ok));
        g.open.reset();
        ends.clear();
        for (std::uint64_t i = 0; i < 5; ++i) { scope.spawn(collect(stat_of(c, i + 1), ends)); }
        (void)co_await scope.join();
        for (const errc e : ends) { REQUIRE((e == errc::timed_out || e == errc::try_again)); }
        g.open.set();
        co_await turns();
        REQUIRE(r.server->running() == 0);
    };
    r.loop.run(run(r, g, c.rpc));
}

TEST_CASE("a client with too many calls keeps no other one out") {
    for (const bool crowded : {false, true}) {
        rig r(crowded ? server_settings{.max_calls = 4, .calls_when_crowded = 2}
                      : server_settings{.max_calls_each = 4});
        gate g;
        g.serve(*r.server);
        caller& greedy = r.connect({.deadline = 10s});
        caller& other = r.connect({.deadline = 10s});
        const auto run = [](rig& r, gate& g, client& greedy, client& other) -> task<void> {
            runtime::call_context& context = co_await runtime::current_context();
            std::vector<errc> ends;
            runtime::task_scope scope(context, false);
            for (std::uint64_t i = 0; i < 8; ++i) { scope.spawn(collect(stat_of(greedy, i + 1), ends)); }
            CO_REQUIRE(co_await eventually([&] { return g.entered == 4; }));
            scope.spawn(collect(stat_of(other, 20), ends));
            CO_REQUIRE(co_await eventually([&] { return g.entered == 5; }));
            co_await turns();
            REQUIRE(g.entered == 5); // and no more
            g.open.set();
            (void)co_await scope.join();
            REQUIRE(ends == std::vector<errc>(9, errc::ok));
            co_await turns();
            REQUIRE(r.server->running() == 0);
        };
        r.loop.run(run(r, g, greedy.rpc, other.rpc));
    }
}

TEST_CASE("a server that stops waits for its handlers") {
    rig r;
    gate g;
    g.serve(*r.server);
    caller& c = r.connect({.deadline = 10s, .retry_for = 20ms});
    const auto run = [](rig& r, gate& g, client& c) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        std::vector<errc> ends;
        runtime::task_scope scope(context, false);
        for (std::uint64_t i = 0; i < 10; ++i) { scope.spawn(collect(stat_of(c, i + 1), ends)); }
        co_await turns();
        REQUIRE(g.entered == 10);
        bool stopped = false;
        const auto stopping = [](server& s, bool& done) -> task<status> {
            co_await s.stop();
            done = true;
            co_return ok();
        };
        scope.spawn(stopping(*r.server, stopped));
        (void)co_await runtime::sleep_for(5ms);
        REQUIRE(!stopped);
        g.open.set();
        (void)co_await scope.join();
        REQUIRE(stopped);
        REQUIRE(g.ended == 10);
        REQUIRE(ends == std::vector<errc>(10, errc::peer_down));
    };
    r.loop.run(run(r, g, c.rpc));
}

} // namespace
} // namespace benchfs::rpc
