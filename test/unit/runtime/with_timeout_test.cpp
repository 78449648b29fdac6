#include "benchfs/runtime/with_timeout.hpp"

#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <memory>
#include <stdexcept>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::virtual_loop;

namespace {

constexpr duration wheel_tick{1 << 22};

task<result<int>> answer_after(duration rest) {
    BFS_CO_CHECK(co_await sleep_for(rest));
    co_return 42;
}

/// Does not listen: cleans up for a second after its stop and succeeds anyway, or fails in its own way.
task<result<int>> stubborn(errc outcome) {
    event never;
    const status s = co_await never.wait();
    CHECK(s.error() == errc::timed_out);
    const result<int> cleaned = co_await without_stop(answer_after(1s));
    CHECK(cleaned.has_value());
    if (outcome != errc::ok) { co_return outcome; }
    co_return 7;
}

task<result<int>> at_once() { co_return 1; }
task<result<int>> thrower() {
    (void)co_await sleep_for(1s);
    throw std::runtime_error("late");
}

task<result<time_point>> deadline() {
    call_context& c = co_await current_context();
    co_return c.deadline;
}

task<result<time_point>> inner_deadline(duration inner) { co_return co_await with_timeout(inner, deadline()); }

task<status> wait_on(event& e) { co_return co_await e.wait(); }
task<status> wait_for_an_hour(event& e) { co_return co_await with_timeout(1h, wait_on(e)); }

task<status> stop_soon(task_scope& scope, event* e) {
    scope.spawn(wait_for_an_hour(*e));
    BFS_CO_CHECK(co_await sleep_for(1s));
    scope.request_stop(errc::shutting_down);
    co_return ok();
}

} // namespace

TEST_CASE("a call that is fast enough keeps its value, and leaves no timer") {
    virtual_loop v;
    const auto r = v.loop.run(with_timeout(5s, answer_after(4s)));
    REQUIRE(r);
    CHECK(*r == 42);
    CHECK(v.loop.timers().next_wakeup() == time_point::max());
}

TEST_CASE("a call that is too slow ends with timed_out, at its deadline") {
    virtual_loop v;
    for (const duration limit : {duration{1ms}, duration{1s}, duration{5min}, duration{6h}, duration{30h}}) {
        CAPTURE(limit.count());
        const time_point before = v.clock.now();
        const auto r = v.loop.run(with_timeout(limit, answer_after(1000h)));
        CHECK(r.error() == errc::timed_out);
        CHECK(v.clock.now() - before >= limit);
        CHECK(v.clock.now() - before <= limit + 2 * wheel_tick);
    }
    CHECK(v.sleeper.useless_waits == 0);
}

TEST_CASE("a call that ignores its stop is awaited, and its outcome counts") {
    virtual_loop v;
    const time_point before = v.clock.now();
    const auto value = v.loop.run(with_timeout(2s, stubborn(errc::ok)));
    REQUIRE(value);
    CHECK(*value == 7);
    CHECK(v.clock.now() - before >= 3s);
    CHECK(v.loop.run(with_timeout(2s, stubborn(errc::cancelled))).error() == errc::timed_out);
    CHECK(v.loop.run(with_timeout(2s, stubborn(errc::timed_out))).error() == errc::timed_out);
    CHECK(v.loop.run(with_timeout(2s, stubborn(errc::outcome_unknown))).error() == errc::outcome_unknown);
}

TEST_CASE("a deadline and what it waits for may come in the same tick") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        // the deadline's timer fires first and stops the sleeper, whose own timer is due in the same round
        REQUIRE(v.loop.run(with_timeout(1s, answer_after(1s))).error() == errc::timed_out);
    });
}

TEST_CASE("no time at all still runs the call to its first wait") {
    virtual_loop v;
    CHECK(*v.loop.run(with_timeout(0s, at_once())) == 1);
    CHECK(v.loop.run(with_timeout(0s, answer_after(1ms))).error() == errc::timed_out);
    CHECK(v.loop.run(with_timeout(-1s, answer_after(1ms))).error() == errc::timed_out);
}

TEST_CASE("all the time in the world does not overflow") {
    virtual_loop v;
    CHECK(*v.loop.run(with_timeout(duration::max(), answer_after(1s))) == 42);
    CHECK(*v.loop.run(with_timeout(duration::max(), deadline())) == time_point::max());
}

TEST_CASE("a deadline only narrows on its way down") {
    virtual_loop v;
    const time_point now = v.clock.now();
    CHECK(*v.loop.run(with_timeout(5s, inner_deadline(2s))) == now + 2s);
    CHECK(*v.loop.run(with_timeout(5s, inner_deadline(20s))) == now + 5s);
    CHECK(v.loop.root().deadline == time_point::max());
}

TEST_CASE("an exception passes a timeout and takes its timer along") {
    virtual_loop v;
    CHECK_THROWS_AS(v.loop.run(with_timeout(5s, thrower())), std::runtime_error);
    CHECK(v.loop.timers().next_wakeup() == time_point::max());
}

TEST_CASE("a stop from above keeps its own reason") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        event e;
        REQUIRE(v.loop.run(with_scope(&stop_soon, &e)).error() == errc::shutting_down);
    });
}
