#include "benchfs/runtime/loop.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <array>
#include <ctime>
#include <string>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;
using test::virtual_loop;

namespace {

task<status> rest(duration d) { co_return co_await sleep_for(d); }

task<status> spin(int turns) {
    for (int i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await yield()); }
    co_return ok();
}

task<time_point> read_time() {
    call_context& c = co_await current_context();
    co_return c.owner->now();
}

/// Keeps the loop busy, a millisecond a turn, until `done`.
task<status> busy(virtual_loop& v, const bool& done, int& turns) {
    while (!done) {
        v.clock.advance(1ms);
        ++turns;
        BFS_CO_CHECK(co_await yield());
    }
    co_return ok();
}

task<status> rest_then_set(duration d, bool& done) {
    BFS_CO_CHECK(co_await sleep_for(d));
    done = true;
    co_return ok();
}

task<status> rest_while_busy(task_scope& scope, virtual_loop* v, bool* done, int* turns) {
    scope.spawn(rest_then_set(100ms, *done));
    scope.spawn(busy(*v, *done, *turns));
    co_return ok();
}

duration process_time() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

} // namespace

TEST_CASE("an idle loop sleeps and uses next to no processor time") {
    loop l;
    const steady_clock machine;
    const time_point before = machine.now();
    const duration used = process_time();
    REQUIRE(l.run(rest(300ms)));
    CHECK(machine.now() - before >= 300ms);
    CHECK(l.stats().sleeps >= 1);
    CHECK(process_time() - used < 100ms); // ten clock ticks
}

TEST_CASE("the machine's clock and Asio's timer wake a loop, never early") {
    loop l;
    const steady_clock machine;
    for (const duration d : {duration{1}, duration{1ms}, duration{9ms}, duration{30ms}}) {
        const time_point before = machine.now();
        REQUIRE(l.run(rest(d)));
        CHECK(machine.now() - before >= d);
    }
}

TEST_CASE("virtual time passes only in sleep, and each sleep brings the loop forward") {
    virtual_loop v;
    prng random(4);
    for (int i = 0; i < 500; ++i) {
        const duration d{static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(46)))};
        const time_point before = v.clock.now();
        const int waits = v.sleeper.waits;
        REQUIRE(v.loop.run(rest(d)));
        REQUIRE(v.clock.now() - before >= d);
        REQUIRE(v.clock.now() - before <= d + 2 * duration{1 << 22});
        REQUIRE(v.sleeper.waits - waits <= 8); // the levels of the wheel, and the horizon
    }
    CHECK(v.sleeper.useless_waits == 0);
    REQUIRE(v.loop.run(spin(1000)));
}

TEST_CASE("a deadline counts from the run, not from the last turn of an earlier run") {
    virtual_loop v;
    REQUIRE(v.loop.run(read_time()) == v.clock.now());
    v.clock.advance(1h);
    const time_point before = v.clock.now();
    REQUIRE(v.loop.run(rest(1s)));
    CHECK(v.clock.now() - before >= 1s);
}

TEST_CASE("the timer source is armed for the earliest deadline only") {
    virtual_loop v;
    class later final : public timer {
        void on_timer() noexcept override {}
    };
    std::array<later, 1000> timers;
    duration ahead = 1s;
    for (later& t : timers) { v.loop.arm(t, v.loop.now() + (ahead += 1s)); }
    CHECK(v.source_arms == 1);
}

TEST_CASE("timers fire while the loop is busy") {
    test::for_seeds([](virtual_loop& v, std::uint64_t) {
        bool done = false;
        int turns = 0;
        REQUIRE(v.loop.run(with_scope(&rest_while_busy, &v, &done, &turns)));
        REQUIRE(turns >= 100);
        REQUIRE(turns < 100 + 2 * 256 + 64); // two full turns late at most
    });
}

namespace {

/// Writes down what the loop asks of it.
class diary_reactor final : public reactor {
public:
    bool poll() noexcept override {
        if (pending == nullptr) { return false; }
        std::exchange(pending, nullptr)->set();
        return true;
    }
    bool prepare_sleep() noexcept override {
        ++prepared;
        if (slow != nullptr) { slow->advance(1h); }
        if (refusals > 0) {
            --refusals;
            return false;
        }
        return true;
    }
    void woke() noexcept override { ++woken; }
    int refusals = 0;
    int prepared = 0;
    int woken = 0;
    test::virtual_clock* slow = nullptr; // takes an hour to prepare
    event* pending = nullptr;
};

class reactors final {
public:
    explicit reactors(loop& l) : loop_(l) {
        loop_.add(first);
        loop_.add(second);
    }
    ~reactors() {
        loop_.remove(first);
        loop_.remove(second);
    }
    reactors(const reactors&) = delete;
    reactors& operator=(const reactors&) = delete;
    diary_reactor first;
    diary_reactor second;

private:
    loop& loop_;
};

task<status> wait_for(event& e) { co_return co_await e.wait(); }

} // namespace

TEST_CASE("a reactor that has work keeps the loop awake, and whoever prepared is told") {
    virtual_loop v;
    reactors r(v.loop);
    r.first.refusals = 3;
    REQUIRE(v.loop.run(rest(1s)));
    CHECK(r.first.prepared - r.second.prepared == 3); // the second was not asked then
    CHECK(r.first.woken == r.first.prepared);
    CHECK(r.second.woken == r.second.prepared);
    CHECK(v.sleeper.waits == r.second.prepared);
}

TEST_CASE("an event of a reactor runs its coroutine without a sleep") {
    virtual_loop v;
    reactors r(v.loop);
    event e;
    r.second.pending = &e;
    REQUIRE(v.loop.run(wait_for(e)));
    CHECK(v.sleeper.waits == 0);
}

TEST_CASE("work that a timer queues with a reactor keeps the loop awake") {
    class submitter final : public timer {
    public:
        submitter(diary_reactor& r, event& e) : reactor_(r), event_(e) {}
        void on_timer() noexcept override { reactor_.pending = &event_; }

    private:
        diary_reactor& reactor_;
        event& event_;
    };
    virtual_loop v;
    reactors r(v.loop);
    event e;
    submitter s(r.first, e);
    SECTION("after a sleep") {
        v.loop.arm(s, v.clock.now() + 1s);
        REQUIRE(v.loop.run(wait_for(e)));
        CHECK(v.sleeper.waits == 1);
    }
    SECTION("between preparing to sleep and sleeping") {
        r.second.slow = &v.clock;
        v.loop.arm(s, v.clock.now() + 1s);
        REQUIRE(v.loop.run(wait_for(e))); // a sleep without a deadline would abort
        CHECK(v.sleeper.waits == 0);
    }
}

namespace {

class warmer final : public idle_work {
public:
    warmer(loop& l, int steps) : loop_(l), left(steps) { loop_.add_idle(*this); }
    ~warmer() {
        if (!gone) { loop_.remove_idle(*this); }
    }
    warmer(const warmer&) = delete;
    warmer& operator=(const warmer&) = delete;
    bool step() noexcept override {
        if (--left == 0) {
            loop_.remove_idle(*this);
            gone = true;
        }
        return !gone;
    }

private:
    loop& loop_;

public:
    int left;
    bool gone = false;
};

} // namespace

TEST_CASE("idle work is done before the loop sleeps, not while it is busy, and may leave") {
    virtual_loop v;
    warmer one(v.loop, 100);
    warmer two(v.loop, 50);
    REQUIRE(v.loop.run(spin(1000)));
    CHECK(one.left == 100);
    CHECK(v.loop.stats().sleeps == 0);
    REQUIRE(v.loop.run(rest(1s)));
    CHECK(one.gone);
    CHECK(two.gone);
    CHECK(v.loop.stats().sleeps >= 1);
}

TEST_CASE("a stop of the loop reaches what runs on it") {
    virtual_loop v;
    class stopper final : public timer {
    public:
        explicit stopper(loop& l) : loop_(l) {}
        void on_timer() noexcept override { loop_.request_stop(); }

    private:
        loop& loop_;
    };
    stopper s(v.loop);
    v.loop.arm(s, v.clock.now() + 1s);
    CHECK(v.loop.run(rest(10h)).error() == errc::shutting_down);
}
