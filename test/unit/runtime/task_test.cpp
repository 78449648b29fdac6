#include "benchfs/runtime/task.hpp"

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "catch.hpp"
#include "unit/base/counted.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

using namespace benchfs;
using namespace benchfs::runtime;
using test::counted;
using test::tally;

namespace {

struct stack_span {
    std::uintptr_t low = UINTPTR_MAX;
    std::uintptr_t high = 0;
    void note() noexcept {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        low = std::min(low, here);
        high = std::max(high, here);
    }
};

task<int> one(stack_span& stack) {
    stack.note();
    co_return 1;
}
task<int> one_through_another(stack_span& stack) { co_return co_await one(stack); }
task<int> one_later(stack_span& stack) {
    (void)co_await yield();
    stack.note();
    co_return 1;
}

using maker = task<int> (*)(stack_span&);

task<int> add_up(maker make, int n, stack_span& stack) {
    int sum = 0;
    for (int i = 0; i < n; ++i) { sum += co_await make(stack); }
    co_return sum;
}

task<counted> pass(counted c) { co_return std::move(c); }
task<int> pass_twice(tally& t) {
    counted first(t, 5);
    counted second = co_await pass(std::move(first));
    (void)co_await yield();
    const counted third = co_await pass(std::move(second));
    co_return third.value();
}

task<void> flag(bool& ran) {
    ran = true;
    co_return;
}

task<int> thrower(bool later) {
    if (later) { (void)co_await yield(); }
    throw std::runtime_error("thrown");
}
task<std::string> catcher(bool later) {
    std::string seen;
    try {
        (void)co_await thrower(later);
    } catch (const std::runtime_error& e) { seen = e.what(); }
    co_return seen;
}

task<status> fails() { co_return errc::no_space; }
task<result<int>> checks() {
    BFS_CO_CHECK(co_await fails());
    co_return 1;
}

} // namespace

TEST_CASE("a task does not start before it is awaited") {
    loop l;
    bool ran = false;
    {
        const task<void> never = flag(ran);
        CHECK(!ran);
    }
    CHECK(!ran);
    l.run(flag(ran));
    CHECK(ran);
}

TEST_CASE("a million awaits of ready children need no stack") {
    for (const maker make : {&one, &one_through_another}) {
        loop l;
        stack_span stack;
        CHECK(l.run(add_up(make, 1'000'000, stack)) == 1'000'000);
        CHECK(stack.high - stack.low < 4096);
    }
}

TEST_CASE("a hundred thousand awaits of children that suspend need no stack") {
    loop l;
    stack_span stack;
    CHECK(l.run(add_up(&one_later, 100'000, stack)) == 100'000);
    CHECK(stack.high - stack.low < 4096);
}

TEST_CASE("values travel through tasks without a copy left behind") {
    tally t;
    loop l;
    CHECK(l.run(pass_twice(t)) == 5);
    CHECK(t.made > 0);
    CHECK(t.alive() == 0);
}

TEST_CASE("the arguments of a task that never starts are destroyed") {
    tally t;
    { const task<counted> never = pass(counted(t, 1)); }
    CHECK(t.made > 0);
    CHECK(t.alive() == 0);
}

TEST_CASE("an exception reaches the awaiter, at once or later") {
    loop l;
    CHECK(l.run(catcher(false)) == "thrown");
    CHECK(l.run(catcher(true)) == "thrown");
    CHECK_THROWS_AS(l.run(thrower(false)), std::runtime_error);
    CHECK_THROWS_AS(l.run(thrower(true)), std::runtime_error);
    CHECK(l.run(catcher(true)) == "thrown"); // the loop is as good as new
}

TEST_CASE("BFS_CO_CHECK hands an error up") {
    loop l;
    const result<int> r = l.run(checks());
    CHECK(r.error() == errc::no_space);
}

TEST_CASE("assigning to a task drops the one that has not started") {
    tally t;
    loop l;
    task<counted> a = pass(counted(t, 1));
    a = pass(counted(t, 2));
    const counted got = l.run(std::move(a));
    CHECK(got.value() == 2);
    CHECK(t.alive() == 1);
}
