#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/when_all.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::virtual_loop;

namespace {

template <class T>
task<result<T>> later(duration rest, T value) {
    BFS_CO_CHECK(co_await sleep_for(rest));
    co_return std::move(value);
}

task<status> fail_later(duration rest, errc error) {
    BFS_CO_CHECK(co_await sleep_for(rest));
    co_return error;
}

task<status> throw_later(duration rest) {
    BFS_CO_CHECK(co_await sleep_for(rest));
    throw std::runtime_error("one of all");
}

task<status> three(virtual_loop& v) {
    const time_point before = v.clock.now();
    auto [number, text, done] =
        co_await when_all(later(3s, 7), later(1s, std::string("seven")), fail_later(2s, errc::not_found));
    CHECK(*number == 7);
    CHECK(*text == "seven");
    CHECK(done.error() == errc::not_found);
    CHECK(v.clock.now() - before < 4s); // at once, not one after the other
    co_return ok();
}

task<status> a_vector(std::size_t n) {
    std::vector<task<result<std::unique_ptr<int>>>> calls;
    for (std::size_t i = 0; i < n; ++i) {
        const int value = static_cast<int>(i);
        calls.push_back(later(std::chrono::seconds(n - i), std::make_unique<int>(value)));
    }
    const auto results = co_await when_all(std::move(calls));
    REQUIRE(results.size() == n);
    for (std::size_t i = 0; i < n; ++i) { REQUIRE(**results[i] == static_cast<int>(i)); }
    co_return ok();
}

task<status> one_throws(bool& rethrown) {
    try {
        (void)co_await when_all(later(100s, 1), throw_later(1s));
    } catch (const std::runtime_error&) { rethrown = true; }
    co_return ok();
}

struct work {
    virtual_loop& v;
    int running = 0;
    int most = 0;
    std::vector<std::size_t> done;
    std::size_t fail_at = SIZE_MAX;
};

task<status> one_step(work& w, std::size_t i) {
    w.most = std::max(w.most, ++w.running);
    const status s = co_await sleep_for(std::chrono::milliseconds(10 + 7 * (i % 5)));
    --w.running;
    if (!s) { co_return s.error(); }
    if (i == w.fail_at) { co_return errc::io_error; }
    w.done.push_back(i);
    co_return ok();
}

struct step_body {
    work* w;
    task<status> operator()(std::size_t i) const { return one_step(*w, i); }
};

task<status> all_steps(work& w, std::size_t count, std::size_t limit) {
    step_body b{&w};
    co_return co_await parallel_for(count, limit, b);
}

task<status> stop_later(task_scope& scope, work* w) {
    scope.spawn(all_steps(*w, 100, 3));
    BFS_CO_CHECK(co_await sleep_for(100ms));
    scope.request_stop(errc::shutting_down);
    co_return ok();
}

/// Stops the scope above at index 5 and takes no notice itself.
struct deaf_body {
    task_scope* above;
    std::size_t* done;
    task<status> operator()(std::size_t i) const { return run(above, done, i); }
    static task<status> run(task_scope* above, std::size_t* done, std::size_t i) {
        ++*done;
        if (i == 5) { above->request_stop(errc::shutting_down); }
        co_return ok();
    }
};

task<status> deaf_steps(task_scope& scope, std::size_t* done) {
    deaf_body b{&scope, done};
    const status s = co_await parallel_for(100, 3, b);
    CHECK(s.error() == errc::shutting_down);
    co_return ok();
}

} // namespace

TEST_CASE("when_all gives the results in the order of its arguments") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        REQUIRE(v.loop.run(three(v)));
        REQUIRE(v.loop.run(a_vector(9)));
        REQUIRE(v.loop.run(a_vector(0)));
    });
}

TEST_CASE("when_all rethrows after the others were stopped and ended") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        bool rethrown = false;
        const time_point before = v.clock.now();
        REQUIRE(v.loop.run(one_throws(rethrown)));
        REQUIRE(rethrown);
        REQUIRE(v.clock.now() - before < 2s);
    });
}

TEST_CASE("parallel_for does each index once, so many at a time") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        for (const std::size_t limit : {0UL, 1UL, 4UL, 100UL}) {
            work w{v};
            REQUIRE(v.loop.run(all_steps(w, 30, limit)));
            REQUIRE(w.most == static_cast<int>(std::clamp<std::size_t>(limit, 1, 30)));
            std::sort(w.done.begin(), w.done.end());
            REQUIRE(w.done.size() == 30);
            for (std::size_t i = 0; i < 30; ++i) { REQUIRE(w.done[i] == i); }
        }
    });
    virtual_loop v;
    work none{v};
    CHECK(v.loop.run(all_steps(none, 0, 4)));
    CHECK(none.most == 0);
}

TEST_CASE("parallel_for stops at the first error and gives it") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        work w{v};
        w.fail_at = 10;
        REQUIRE(v.loop.run(all_steps(w, 1000, 4)).error() == errc::io_error);
        REQUIRE(w.running == 0);
        REQUIRE(w.done.size() < 20);
    });
}

TEST_CASE("a stopped parallel_for does not look like success") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        work w{v};
        REQUIRE(v.loop.run(with_scope(&stop_later, &w)).error() == errc::shutting_down);
        REQUIRE(w.running == 0);
        REQUIRE(w.done.size() < 30);
    });
}

TEST_CASE("parallel_for starts nothing more after a stop, also when its calls take no notice") {
    virtual_loop v;
    std::size_t done = 0;
    REQUIRE(v.loop.run(with_scope(&deaf_steps, &done)));
    CHECK(done == 6);
}
