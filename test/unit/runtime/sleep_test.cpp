#include "benchfs/runtime/sleep.hpp"

#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::virtual_loop;

namespace {

task<status> note_after(duration rest, int id, std::vector<int>& order) {
    BFS_CO_CHECK(co_await sleep_for(rest));
    order.push_back(id);
    co_return ok();
}

task<status> sleepers(task_scope& scope, std::vector<int>* order) {
    for (int id = 9; id >= 0; --id) { scope.spawn(note_after(id * 1s, id, *order)); }
    co_return ok();
}

task<status> until(time_point t) { co_return co_await sleep_until(t); }
task<status> for_ever() { co_return co_await sleep_for(duration::max()); }

task<status> short_rests(std::vector<int>& order, int id) {
    for (int i = 0; i < 5; ++i) {
        BFS_CO_CHECK(co_await sleep_for(duration{-i}));
        order.push_back(id);
    }
    co_return ok();
}

task<status> two_of_them(task_scope& scope, std::vector<int>* order) {
    scope.spawn(short_rests(*order, 1));
    scope.spawn(short_rests(*order, 2));
    co_return ok();
}

task<status> stop_after_a_second(task_scope& scope, int* turns) {
    scope.spawn(for_ever());
    while (*turns < 5) {
        ++*turns;
        BFS_CO_CHECK(co_await sleep_for(200ms));
    }
    scope.request_stop(errc::cancelled);
    const status after = co_await yield();
    CHECK(after.error() == errc::cancelled);
    co_return ok();
}

/// Stops a scope at the very moment at which its sleepers wake.
task<status> stop_with_the_timers(task_scope& scope, std::vector<int>* order) {
    call_context& context = co_await current_context();
    task_scope inner(context);
    for (int id = 0; id < 5; ++id) { inner.spawn(note_after(1s, id, *order)); }
    BFS_CO_CHECK(co_await sleep_for(1s));
    inner.request_stop();
    (void)co_await inner.join();
    CHECK(!scope.stop_requested());
    co_return ok();
}

} // namespace

TEST_CASE("sleepers wake in the order of their times") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        std::vector<int> order;
        REQUIRE(v.loop.run(with_scope(&sleepers, &order)));
        REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    });
}

TEST_CASE("a time in the past only yields, so short sleeps starve nobody") {
    virtual_loop v;
    const time_point before = v.clock.now();
    REQUIRE(v.loop.run(until(before)));
    REQUIRE(v.loop.run(until(time_point::min())));
    std::vector<int> order;
    REQUIRE(v.loop.run(with_scope(&two_of_them, &order)));
    CHECK(order == std::vector<int>{1, 2, 1, 2, 1, 2, 1, 2, 1, 2});
    CHECK(v.clock.now() == before);
    CHECK(v.sleeper.waits == 0);
}

TEST_CASE("a sleep without an end is ended by a stop") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        int turns = 0;
        REQUIRE(v.loop.run(with_scope(&stop_after_a_second, &turns)).error() == errc::cancelled);
        REQUIRE(v.loop.timers().next_wakeup() == time_point::max());
    });
}

TEST_CASE("a stop and a timer at the same moment wake a sleeper once") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        std::vector<int> order;
        REQUIRE(v.loop.run(with_scope(&stop_with_the_timers, &order)));
        std::sort(order.begin(), order.end());
        REQUIRE(std::unique(order.begin(), order.end()) == order.end());
    });
}
