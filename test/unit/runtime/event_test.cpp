#include "benchfs/runtime/event.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using test::virtual_loop;

namespace {

struct shared {
    event e;
    int woken = 0;
    bool set_by_now = false;
};

task<status> wait_for(shared& s) {
    BFS_CO_CHECK(co_await s.e.wait());
    REQUIRE(s.set_by_now);
    ++s.woken;
    co_return ok();
}

task<status> set_after(shared& s, int turns) {
    for (int i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await yield()); }
    s.set_by_now = true;
    s.e.set();
    co_return ok();
}

task<status> waiters_and_setter(task_scope& scope, shared* s) {
    for (int i = 0; i < 10; ++i) {
        scope.spawn(wait_for(*s));
        if (i == 5) { scope.spawn(set_after(*s, 3)); }
        BFS_CO_CHECK(co_await yield());
    }
    co_return ok();
}

task<status> stop_the_waiters(task_scope& scope, shared* s) {
    for (int i = 0; i < 10; ++i) { scope.spawn(wait_for(*s)); }
    BFS_CO_CHECK(co_await yield());
    scope.request_stop(errc::shutting_down);
    s->set_by_now = true;
    s->e.set(); // too late: each waiter was woken once already
    co_return ok();
}

} // namespace

TEST_CASE("an event wakes who waits before and passes who comes after, in any order") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        shared s;
        REQUIRE(v.loop.run(with_scope(&waiters_and_setter, &s)));
        REQUIRE(s.woken == 10);
        s.e.reset();
        REQUIRE(!s.e.is_set());
    });
}

TEST_CASE("a stop takes all waiters out of an event, in any order") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        shared s;
        const status outcome = v.loop.run(with_scope(&stop_the_waiters, &s));
        REQUIRE(outcome.error() == errc::shutting_down);
        REQUIRE(s.woken == 0);
    });
}
