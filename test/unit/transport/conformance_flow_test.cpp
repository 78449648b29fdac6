// Many messages at once: ten thousand in flight, both directions busy, replies late and out of order.
#include "conformance.hpp"
#include "repetitions.hpp"

#include "catch.hpp"

#include <iostream>

namespace benchfs::transport::conformance {
namespace {

runtime::task<status> one_call(rig* r, connection* c, peer* caller, call_spec spec, std::size_t* completed) {
    const status done = co_await caller->call(c, spec);
    if (done) { ++*completed; }
    (void)r;
    co_return done;
}

runtime::task<void> ten_thousand_in_flight(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope calls(context, false);
    std::size_t completed = 0;
    // All are sent before the loop turns once: none can have been answered.
    for (std::size_t i = 0; i < 10'000; ++i) {
        call_spec spec;
        spec.request = i % 4 == 0 ? 200 : 0;
        spec.reply = i % 7 == 0 ? 100 : 0;
        calls.spawn(one_call(&r, r.up, &r.client, spec, &completed));
    }
    CHECK(r.server.answered == 0);
    const status joined = co_await calls.join();
    REQUIRE(joined);
    REQUIRE(completed == 10'000);
}

runtime::task<status> busy_worker(rig* r, connection* c, peer* caller, std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) {
        const auto size = [caller]() -> std::size_t {
            switch (caller->random.below(8)) {
            case 0:
                return 0;
            case 1:
                return caller->random.below(64);
            case 2:
                return caller->random.below(4 * KiB);
            case 3:
                return 4 * KiB;
            case 4:
                return caller->random.below(64 * KiB);
            case 5:
                return 64 * KiB + caller->random.below(64 * KiB);
            case 6:
                return caller->random.below(512 * KiB);
            default:
                return caller->random.below(2 * MiB);
            }
        };
        call_spec spec;
        spec.request = size();
        spec.reply = size();
        spec.header = sizeof(frame) + caller->random.below(max_header - sizeof(frame));
        spec.reply_header = sizeof(frame) + caller->random.below(max_header - sizeof(frame));
        const status done = co_await caller->call(c, spec);
        if (!done) { co_return done; }
        const status yielded = co_await r->yield(caller->random.below(4));
        (void)yielded;
    }
    co_return ok();
}

runtime::task<void> both_directions_busy(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope workers(context, false);
    // The server is a client of the client as well.
    result<connection*> back = co_await r.server_transport->connect(r.client_transport->address());
    REQUIRE(back);
    r.server.adopt(**back);
    for (std::size_t i = 0; i < 8; ++i) {
        workers.spawn(busy_worker(&r, r.up, &r.client, 20));
        workers.spawn(busy_worker(&r, *back, &r.server, 20));
    }
    const status joined = co_await workers.join();
    REQUIRE(joined);
    REQUIRE(r.server.answered == 160);
    REQUIRE(r.client.answered == 160);
}

/// Answers in reverse order, eight at a time, some turns late.
runtime::task<status> answer_late(rig* r, std::size_t total) {
    std::size_t done = 0;
    while (done < total) {
        std::vector<arrival> batch;
        while (batch.size() < 8 && done + batch.size() < total) {
            result<arrival> a = co_await r->server.next();
            if (!a) { co_return a.error(); }
            batch.push_back(*std::move(a));
        }
        const status yielded = co_await r->yield(r->server.random.below(100));
        (void)yielded;
        done += batch.size();
        while (!batch.empty()) {
            arrival last = std::move(batch.back());
            batch.pop_back();
            const status answered = co_await r->server.answer(last.from, std::move(last.m));
            if (!answered) { co_return answered; }
        }
    }
    co_return ok();
}

runtime::task<void> replies_out_of_order(rig& r) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope work(context, false);
    peer* server = &r.server;
    r.server.requests = [server](connection& c, message_ptr m) { server->keep(c, std::move(m)); };
    std::size_t completed = 0;
    for (std::size_t i = 0; i < 400; ++i) {
        call_spec spec;
        spec.request = r.client.random.below(3) * 300;
        spec.reply = r.client.random.below(3) * 300;
        work.spawn(one_call(&r, r.up, &r.client, spec, &completed));
    }
    work.spawn(answer_late(&r, 400));
    const status joined = co_await work.join();
    REQUIRE(joined);
    REQUIRE(completed == 400);
    r.server.requests = {};
}

/// A request that wants no reply, then one that does, which shows that the first has arrived.
runtime::task<void> requests_without_reply(rig& r) {
    std::size_t silent = 0;
    peer* server = &r.server;
    rig* all = &r;
    r.server.requests = [server, all, &silent](connection& c, message_ptr m) {
        if (m->token() == 0) {
            ++silent;
        } else {
            all->scope->spawn(server->answer(&c, std::move(m)));
        }
    };
    for (std::size_t i = 0; i < 100; ++i) {
        frame f;
        f.id = 1'000'000 + i;
        outgoing request(r.client, *r.up, f, 100, 0);
        r.up->send(request);
        const status sent = co_await request.finish();
        REQUIRE(sent);
    }
    const call_spec spec;
    const status done = co_await r.client.call(r.up, spec);
    REQUIRE(done);
    REQUIRE(silent == 100);
    r.server.requests = {};
}

} // namespace

TEST_CASE("ten thousand requests in flight are all answered") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(ten_thousand_in_flight); }
    }
}

TEST_CASE("both directions are busy at once with mixed sizes") {
    for (const variant& v : variants()) {
        for (std::uint64_t seed = 11; seed < 11 + test::repeated(3, 1); ++seed) {
            DYNAMIC_SECTION(v.label << ", seed " << seed) { rig(v, seed).run(both_directions_busy); }
        }
    }
}

TEST_CASE("replies come late and out of order") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(replies_out_of_order); }
    }
}

TEST_CASE("requests that want no reply arrive in order before later ones") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(requests_without_reply); }
    }
}

} // namespace benchfs::transport::conformance
