#include "benchfs/runtime/mutex.hpp"
#include "benchfs/runtime/semaphore.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using test::virtual_loop;

namespace {

struct room {
    explicit room(std::size_t permits) : door(permits) {}
    semaphore door;
    mutex one;
    int inside = 0;
    int most = 0;
    std::vector<int> asked;
    std::vector<int> entered;
};

task<status> stay(room& r, int turns) {
    r.most = std::max(r.most, ++r.inside);
    for (int i = 0; i < turns; ++i) { (void)co_await yield(); }
    --r.inside;
    co_return ok();
}

task<status> visit(room& r, int id, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        r.asked.push_back(id);
        if (id % 2 == 0) {
            BFS_CO_CHECK(co_await r.door.acquire());
            r.entered.push_back(id);
            BFS_CO_CHECK(co_await stay(r, 1 + id % 3));
            r.door.release();
        } else {
            BFS_CO_TRY(permit p, co_await r.door.acquire_permit());
            r.entered.push_back(id);
            BFS_CO_CHECK(co_await stay(r, 1 + id % 3));
        }
        BFS_CO_CHECK(co_await yield());
    }
    co_return ok();
}

task<status> lock(room& r, int id, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        r.asked.push_back(id);
        BFS_CO_TRY(mutex::guard guard, co_await r.one.lock());
        REQUIRE(r.one.locked());
        REQUIRE(!r.one.try_lock());
        r.entered.push_back(id);
        BFS_CO_CHECK(co_await stay(r, 2));
    }
    co_return ok();
}

using visitor = task<status> (*)(room&, int, int);

task<status> crowd(task_scope& scope, room* r, visitor what, int n, int rounds) {
    for (int id = 0; id < n; ++id) { scope.spawn(what(*r, id, rounds)); }
    co_return ok();
}

task<status> stop_after(task_scope& scope, room* r, visitor what, int turns) {
    scope.spawn(crowd(scope, r, what, 8, 1000));
    for (int i = 0; i < turns; ++i) { (void)co_await yield(); }
    scope.request_stop(errc::cancelled);
    co_return ok();
}

} // namespace

TEST_CASE("a semaphore lets so many in and no more, first come first served, in any order") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        room r(3);
        REQUIRE(v.loop.run(with_scope(&crowd, &r, &visit, 8, 10)));
        REQUIRE(r.most == 3);
        REQUIRE(r.inside == 0);
        REQUIRE(r.door.available() == 3);
        REQUIRE(r.entered.size() == 80);
        std::vector<int> a = r.asked;
        std::vector<int> b = r.entered;
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        REQUIRE(a == b);
    });
}

TEST_CASE("a mutex lets one in, in the order of asking, in any order of running") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        room r(1);
        REQUIRE(v.loop.run(with_scope(&crowd, &r, &lock, 6, 10)));
        REQUIRE(r.most == 1);
        REQUIRE(!r.one.locked());
        REQUIRE(r.entered == r.asked);
    });
}

TEST_CASE("a stop loses no permit and no lock, whenever it comes") {
    test::for_seeds([](virtual_loop& v, std::uint64_t seed) {
        for (const visitor what : {&visit, &lock}) {
            room r(2);
            const status outcome = v.loop.run(with_scope(&stop_after, &r, what, static_cast<int>(seed % 17)));
            REQUIRE(outcome.error() == errc::cancelled);
            REQUIRE(r.inside == 0);
            REQUIRE(r.door.available() == 2);
            REQUIRE(!r.door.has_waiters());
            REQUIRE(!r.one.locked());
        }
    });
}

TEST_CASE("trying takes what is free and never waits") {
    semaphore s(2);
    REQUIRE(s.try_acquire());
    permit p = s.try_acquire_permit();
    REQUIRE(p);
    CHECK(!s.try_acquire());
    CHECK(!s.try_acquire_permit());
    permit moved = std::move(p);
    CHECK(!p);
    moved.release();
    moved.release(); // once more is nothing
    CHECK(s.available() == 1);
    s.release();
    CHECK(s.available() == 2);
    { const permit again = s.try_acquire_permit(); }
    CHECK(s.available() == 2);
}
