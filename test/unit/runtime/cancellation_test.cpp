// A script that waits in every way there is, stopped at each of its suspension points.
#include "benchfs/runtime/channel.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/mutex.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/when_all.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "catch.hpp"
#include "unit/base/counted.hpp"
#include "unit/runtime/support.hpp"

#include <set>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::counted;
using test::tally;
using test::virtual_loop;

namespace {

/// Everything the script waits for, and how far it came. Each wait is answered by a helper a little later.
struct stage {
    tally t;
    event e;
    semaphore door{1};
    mutex one;
    channel<counted> in{1};
    channel<counted> out{1};
    int reached = 0;
};

task<status> nap(stage& s) {
    counted held(s.t);
    BFS_CO_CHECK(co_await sleep_for(20ms));
    REQUIRE(held.value() == 0);
    co_return ok();
}

struct nap_body {
    stage* s;
    task<status> operator()(std::size_t) const { return nap(*s); }
};

task<status> script(stage& s) {
    counted held(s.t);
    BFS_CO_CHECK(co_await s.e.wait());
    s.reached = 1;
    BFS_CO_CHECK(co_await yield());
    s.reached = 2;
    BFS_CO_TRY(permit inside, co_await s.door.acquire_permit());
    s.reached = 3;
    BFS_CO_TRY(mutex::guard guard, co_await s.one.lock());
    s.reached = 4;
    BFS_CO_TRY(counted got, co_await s.in.receive());
    s.reached = 5;
    BFS_CO_CHECK(co_await s.out.send(std::move(got)));
    s.reached = 6;
    counted another(s.t);
    BFS_CO_CHECK(co_await s.out.send(std::move(another))); // full: waits
    s.reached = 7;
    BFS_CO_CHECK(co_await with_timeout(1h, nap(s)));
    s.reached = 8;
    auto [a, b] = co_await when_all(nap(s), with_timeout(1h, nap(s)));
    BFS_CO_CHECK(status{a});
    BFS_CO_CHECK(status{b});
    s.reached = 9;
    nap_body body{&s};
    BFS_CO_CHECK(co_await parallel_for(4, 2, body));
    s.reached = 10;
    co_return ok();
}

/// Answers the waits one after the other, in steps of 10 ms.
task<status> helper(stage& s) {
    permit door = s.door.try_acquire_permit();
    mutex::guard guard = s.one.try_lock();
    BFS_CO_CHECK(co_await sleep_for(10ms));
    s.e.set();
    BFS_CO_CHECK(co_await sleep_for(10ms));
    door.release();
    BFS_CO_CHECK(co_await sleep_for(10ms));
    guard.release();
    BFS_CO_CHECK(co_await sleep_for(10ms));
    counted value(s.t);
    BFS_CO_CHECK(co_await s.in.send(std::move(value)));
    for (int i = 0; i < 2; ++i) {
        BFS_CO_CHECK(co_await sleep_for(10ms));
        BFS_CO_CHECK(co_await s.out.receive());
    }
    co_return ok();
}

task<status> stopped_after(task_scope& scope, stage* s, duration when, int turns, errc reason) {
    scope.spawn(helper(*s));
    scope.spawn(script(*s));
    BFS_CO_CHECK(co_await sleep_for(when));
    for (int i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await yield()); }
    scope.request_stop(reason);
    co_return ok();
}

} // namespace

TEST_CASE("a stop at any moment ends every wait, loses nothing and keeps its reason") {
    std::set<int> stopped_at;
    for (const std::uint64_t seed : {0UL, 1UL, 2UL, 3UL}) {
        for (int turns = 0; turns < 4; ++turns) {
            for (duration when{0}; when < 250ms; when += 4ms) {
                CAPTURE(seed, when.count(), turns);
                virtual_loop v(seed == 0 ? pick_policy::fifo : pick_policy::seeded, seed);
                stage s;
                const status outcome =
                    v.loop.run(with_scope(&stopped_after, &s, when, turns, errc::shutting_down));
                stopped_at.insert(s.reached);
                const bool finished = s.reached == 10;
                REQUIRE(outcome.error() == (finished ? errc::ok : errc::shutting_down));
                REQUIRE(s.door.available() == 1);
                REQUIRE(!s.one.locked());
                while (s.in.try_receive() || s.out.try_receive()) {}
                REQUIRE(s.t.alive() == 0);
                REQUIRE(v.loop.timers().next_wakeup() == time_point::max());
                REQUIRE(v.clock.now() < time_point{1h} + 500ms);
            }
        }
    }
    // the script was stopped before each of its steps, and once not at all
    CHECK(stopped_at.size() >= 10);
    CHECK(stopped_at.count(0) == 1);
    CHECK(stopped_at.count(10) == 1);
}

TEST_CASE("a tree that is stopped already waits for nothing, but takes what is there") {
    virtual_loop v;
    v.loop.request_stop(errc::cancelled);
    stage s;
    CHECK(v.loop.run(script(s)).error() == errc::cancelled);
    CHECK(s.reached == 0);
    s.e.set();
    CHECK(v.loop.run(script(s)).error() == errc::cancelled);
    CHECK(s.reached == 1);
    CHECK(s.t.alive() == 0);
    CHECK(v.loop.run(without_stop(nap(s))));
}
