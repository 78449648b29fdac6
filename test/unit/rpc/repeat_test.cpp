// At most once: repeats after a lost connection, restarts, and the window of numbers.
#include "support.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/rpc/mutation_window.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <set>

namespace benchfs::rpc {
namespace {

using namespace test;

/// Counts how often each mutation ran; can hold its answer back.
struct counter {
    runtime::event open;
    std::uint64_t runs = 0;
    bool refuse = false;

    static task<status> run(void* context, server_call& call) {
        counter& c = *static_cast<counter*>(context);
        const std::uint64_t mine = ++c.runs;
        if (!c.open.is_set()) { (void)co_await c.open.wait(); }
        if (c.refuse) { co_return errc::already_exists; }
        mkdir::reply r;
        r.id = mine;
        call.reply<mkdir>(r);
        co_return ok();
    }
};

task<result<std::uint64_t>> change(client& c) {
    const auto answer = co_await c.call<mkdir>(only, mkdir::request{});
    if (!answer) { co_return answer.error(); }
    co_return answer->id;
}
task<status> keep(task<result<std::uint64_t>> t, std::vector<result<std::uint64_t>>& into) {
    result<std::uint64_t> r = co_await std::move(t);
    into.push_back(r);
    co_return ok();
}

TEST_CASE("a repeat of a mutation that still runs joins it") {
    rig r;
    counter n;
    r.server->handle(mkdir::info, &n, counter::run);
    caller& c = r.connect();
    const auto run = [](rig& r, counter& n, caller& c) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope scope(context, false);
        std::vector<result<std::uint64_t>> got;
        for (int i = 0; i < 30; ++i) { scope.spawn(keep(change(c.rpc), got)); }
        co_await turns(100);
        REQUIRE(n.runs == 30);
        c.wire.cut();
        CO_REQUIRE(co_await eventually([&] { return c.wire.made_so_far == 2; }));
        co_await turns();
        REQUIRE(n.runs == 30);
        n.open.set();
        (void)co_await scope.join();
        std::set<std::uint64_t> seen;
        for (const auto& one : got) {
            REQUIRE(one);
            seen.insert(*one);
        }
        REQUIRE(seen.size() == 30); // everybody has the reply to the own mutation
        REQUIRE(n.runs == 30);
        REQUIRE(r.server->running() == 0);
    };
    r.loop.run(run(r, n, c));
}

TEST_CASE("a repeat of an answered mutation gets the same answer, also if that was a refusal") {
    for (const bool refuse : {false, true}) {
        rig r;
        counter n;
        n.refuse = refuse;
        r.server->handle(mkdir::info, &n, counter::run);
        caller& c = r.connect();
        const auto run = [](rig& r, counter& n, caller& c, bool refuse) -> task<void> {
            runtime::call_context& context = co_await runtime::current_context();
            runtime::task_scope scope(context, false);
            std::vector<result<std::uint64_t>> got;
            scope.spawn(keep(change(c.rpc), got));
            co_await turns();
            REQUIRE(n.runs == 1);
            r.network.set_delay(5ms);
            n.open.set();
            while (r.server->running() != 0) { (void)co_await runtime::yield(); } // the reply is on its way
            REQUIRE(got.empty());
            c.wire.cut();
            r.network.set_delay({});
            (void)co_await scope.join();
            REQUIRE(n.runs == 1);
            REQUIRE(got.size() == 1);
            REQUIRE(got[0].error() == (refuse ? errc::already_exists : errc::ok));
        };
        r.loop.run(run(r, n, c, refuse));
    }
}

TEST_CASE("cuts at any moment never run a mutation twice") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        rig r;
        counter n;
        n.open.set();
        r.server->handle(mkdir::info, &n, counter::run);
        caller& c = r.connect({.deadline = 10s, .retry_for = 10s});
        const auto run = [](rig& r, counter& n, caller& c, std::uint64_t seed) -> task<void> {
            INFO("seed " << seed);
            prng random(seed);
            runtime::call_context& context = co_await runtime::current_context();
            runtime::task_scope scope(context, false);
            std::vector<result<std::uint64_t>> got;
            CO_REQUIRE(co_await change(c.rpc));
            r.network.set_delay(std::chrono::microseconds(random.below(300)));
            for (int i = 0; i < 200; ++i) { scope.spawn(keep(change(c.rpc), got)); }
            for (int i = 0; i < 3; ++i) {
                co_await turns(static_cast<int>(random.below(40)));
                if (r.server->connections() != 0 && c.rpc.peer_of(only).up()) { c.wire.cut(); }
                (void)co_await runtime::sleep_for(10ms);
            }
            (void)co_await scope.join();
            REQUIRE(got.size() == 200);
            std::set<std::uint64_t> seen;
            for (const auto& one : got) {
                REQUIRE(one);
                seen.insert(*one);
            }
            REQUIRE(seen.size() == 200);
            REQUIRE(n.runs == 201);
        };
        r.loop.run(run(r, n, c, seed));
    }
}

TEST_CASE("a mutation whose caller gave up does not block the number that takes its place") {
    rig r;
    counter n;
    r.server->handle(mkdir::info, &n, counter::run);
    caller& c = r.connect({.deadline = 300ms});
    const auto run = [](counter& n, client& c) -> task<void> {
        const auto hung = co_await change(c);
        REQUIRE(hung.error() == errc::outcome_unknown);
        // 63 more hang as well; the 65th has the place of the first, which still runs.
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope scope(context, false);
        std::vector<result<std::uint64_t>> got;
        for (int i = 0; i < 63; ++i) { scope.spawn(keep(change(c), got)); }
        (void)co_await scope.join();
        REQUIRE(n.runs == 64);
        scope.spawn(keep(change(c), got));
        co_await turns();
        n.open.set();
        (void)co_await scope.join();
        REQUIRE(got.back());
        REQUIRE(n.runs == 65);
    };
    r.loop.run(run(n, c.rpc));
}

TEST_CASE("a restarted server leaves mutations unknown and answers pure calls") {
    rig r({.incarnation = 1});
    counter n;
    r.server->handle(mkdir::info, &n, counter::run);
    caller& c = r.connect({.deadline = 10s, .retry_for = 2s});
    const auto begin = [](counter& n, caller& c, std::vector<result<std::uint64_t>>& got,
                          runtime::task_scope& scope) -> task<void> {
        scope.spawn(keep(change(c.rpc), got));
        co_await turns();
        REQUIRE(n.runs == 1);
        // Until the server is back nobody is found: on a slow machine the client would ask the old one again.
        c.where.address.clear();
        c.wire.cut();
        n.open.set();
        co_await turns();
    };
    runtime::call_context context{&r.loop, time_point::max(), nullptr};
    runtime::task_scope scope(context, false);
    std::vector<result<std::uint64_t>> got;
    r.loop.run(begin(n, c, got, scope));
    r.stop();
    r.start({.incarnation = 2});
    r.server->handle(mkdir::info, &n, counter::run);
    c.where.address = r.wire->address();
    REQUIRE(r.loop.run(scope.join()));
    REQUIRE(got.size() == 1);
    REQUIRE(got[0].error() == errc::outcome_unknown);
    REQUIRE(n.runs == 1);
    const auto afterwards = [](client& c) -> task<void> {
        const ping::request request{1};
        CO_REQUIRE(co_await c.call<ping>(only, request));
        CO_REQUIRE(co_await change(c));
    };
    r.loop.run(afterwards(c.rpc));
    REQUIRE(n.runs == 2);
}

/// A log that may have no room; what was staged stays staged then.
struct narrow_log final : reply_log {
    bool room = true;
    bool staged = false;

    status admit(const method_info&) noexcept override { return ok(); }
    bool pending() const noexcept override { return staged; }
    void session_begun(const session&) override {}
    void session_ended(std::uint64_t) override {}
    void replied(std::uint64_t, std::uint64_t, const method_info&, const_byte_span) override {}
    status write() override {
        if (!room) { return errc::outcome_unknown; }
        staged = false;
        return ok();
    }
};

TEST_CASE("what the log has no room for is answered neither yes nor no, and a look waits for it") {
    rig r;
    counter n;
    n.open.set();
    r.server->handle(mkdir::info, &n, counter::run);
    narrow_log log;
    r.server->set_log(log);
    caller& c = r.connect({.deadline = 500ms});
    REQUIRE(r.loop.run(change(c.rpc)));
    log.staged = true;
    log.room = false;
    REQUIRE(r.loop.run(change(c.rpc)).error() == errc::outcome_unknown);
    REQUIRE(n.runs == 2);
    const auto look = [](client& c) -> task<errc> {
        const ping::request request{1};
        const auto answer = co_await c.call<ping>(only, request);
        co_return answer.error();
    };
    REQUIRE(r.loop.run(look(c.rpc)) == errc::try_again);
    log.room = true;
    REQUIRE(r.loop.run(look(c.rpc)) == errc::ok);
    REQUIRE_FALSE(log.staged);
    r.stop(); // before the log goes
}

TEST_CASE("the window of mutation numbers behaves like a set of unanswered numbers") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        INFO("seed " << seed);
        prng random(seed);
        mutation_window window;
        std::set<std::uint64_t> open;
        std::uint64_t next = 1;
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t lowest = open.empty() ? next : *open.begin();
            REQUIRE(window.lowest_unanswered() == lowest);
            REQUIRE(window.full() == (next - lowest >= max_mutations));
            if (!window.full() && random.below(2) == 0) {
                REQUIRE(window.take() == next);
                open.insert(next++);
            } else if (!open.empty()) {
                auto it = open.begin();
                std::advance(it, random.below(open.size()));
                window.answered(*it);
                open.erase(it);
            }
        }
    }
}

} // namespace
} // namespace benchfs::rpc
