#include "benchfs/runtime/task_scope.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "catch.hpp"
#include "unit/base/counted.hpp"
#include "unit/runtime/support.hpp"

#include <stdexcept>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::counted;
using test::tally;
using test::virtual_loop;

namespace {

enum class how { returns, fails, throws, nothing };

struct run {
    tally t;
    int stopped = 0;
    int finished = 0;
};

/// Ends by a stop, or after `rest`.
task<status> child(run& r, counted c, duration rest) {
    const status s = co_await sleep_for(rest);
    REQUIRE(c.value() == 1);
    if (!s) {
        ++r.stopped;
        co_return s.error();
    }
    ++r.finished;
    co_return ok();
}

task<status> ends(how h, duration after) {
    BFS_CO_CHECK(co_await sleep_for(after));
    if (h == how::fails) { co_return errc::no_space; }
    if (h == how::throws) { throw std::runtime_error("child"); }
    co_return ok();
}

task<status> body(task_scope& scope, run* r, how own, how childs) {
    for (int i = 0; i < 5; ++i) {
        counted c(r->t, 1);
        scope.spawn(child(*r, std::move(c), 10s));
    }
    scope.spawn(ends(childs, 1s));
    if (own == how::fails) { co_return errc::bad_handle; }
    if (own == how::throws) { throw std::logic_error("body"); }
    if (own == how::nothing) { (void)co_await sleep_for(20s); }
    co_return ok();
}

} // namespace

TEST_CASE("a scope waits for its children when its body returns early") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        REQUIRE(v.loop.run(with_scope(&body, &r, how::returns, how::returns)));
        REQUIRE(r.finished == 5);
        REQUIRE(r.t.alive() == 0);
    });
}

TEST_CASE("an error of the body stops the children and wins") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        const status s = v.loop.run(with_scope(&body, &r, how::fails, how::returns));
        REQUIRE(s.error() == errc::bad_handle);
        REQUIRE(r.stopped == 5);
        REQUIRE(r.t.alive() == 0);
    });
}

TEST_CASE("an exception of the body stops the children and is rethrown after they ended") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        REQUIRE_THROWS_AS(v.loop.run(with_scope(&body, &r, how::throws, how::returns)), std::logic_error);
        REQUIRE(r.stopped == 5);
        REQUIRE(r.t.alive() == 0);
    });
}

TEST_CASE("the error of a child stops the others and the body") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        const time_point before = v.clock.now();
        const status s = v.loop.run(with_scope(&body, &r, how::nothing, how::fails));
        REQUIRE(s.error() == errc::no_space);
        REQUIRE(r.stopped == 5);
        REQUIRE(v.clock.now() - before < 2s);
        REQUIRE(r.t.alive() == 0);
    });
}

TEST_CASE("the exception of a child stops the others and is rethrown") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        REQUIRE_THROWS_AS(v.loop.run(with_scope(&body, &r, how::returns, how::throws)), std::runtime_error);
        REQUIRE(r.stopped == 5);
        REQUIRE(r.t.alive() == 0);
    });
}

namespace {

task<status> long_lived(run& r) {
    call_context& context = co_await current_context();
    task_scope scope(context, false);
    scope.spawn(ends(how::fails, 1s));
    counted c(r.t, 1);
    scope.spawn(child(r, std::move(c), 3s));
    CHECK(scope.live() == 2);
    BFS_CO_CHECK(co_await sleep_for(2s));
    CHECK(scope.live() == 1);
    CHECK(!scope.stop_requested());
    const status joined = co_await scope.join();
    CHECK(joined.error() == errc::no_space);
    CHECK(scope.live() == 0);
    co_return ok();
}

task<status> nested(task_scope& scope, run* r, int depth) {
    if (depth == 0) {
        counted c(r->t, 1);
        scope.spawn(child(*r, std::move(c), 100s));
        co_return co_await ends(how::fails, 1s);
    }
    scope.spawn(with_scope(&nested, r, depth - 1));
    scope.spawn(with_scope(&nested, r, depth - 1));
    co_return ok();
}

} // namespace

TEST_CASE("a scope without stop_on_error lets the others go on and keeps the first error") {
    virtual_loop v;
    run r;
    REQUIRE(v.loop.run(long_lived(r)));
    CHECK(r.finished == 1);
}

TEST_CASE("a stop goes through nested scopes, and an error comes up through them") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        run r;
        const status s = v.loop.run(with_scope(&nested, &r, 4));
        REQUIRE(s.error() == errc::no_space);
        REQUIRE(r.stopped == 16);
        REQUIRE(r.t.alive() == 0);
    });
}
