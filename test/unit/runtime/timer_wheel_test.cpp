#include "benchfs/runtime/timer_wheel.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using namespace std::chrono_literals;

namespace {

constexpr duration tick{1 << 22};

class probe final : public timer {
public:
    void on_timer() noexcept override {
        ++fired;
        if (then) { then(); }
    }
    int fired = 0;
    std::function<void()> then;
};

constexpr time_point start{10h};

/// Timers beside a plain multimap that says what must fire when.
class wheel_model {
public:
    explicit wheel_model(std::uint64_t seed) : random_(seed), timers_(64) {
        for (std::size_t i = 0; i < timers_.size(); ++i) {
            timers_[i].then = [this, i] { fired(i); };
        }
    }

    void arm(std::size_t i) {
        // from the past to beyond the horizon, and often on the edges of slots
        const std::uint64_t span = std::uint64_t{1} << random_.below(48);
        duration ahead{static_cast<std::int64_t>(random_.below(span + 1))};
        if (random_.below(4) == 0) { ahead = ahead / tick * tick; }
        if (random_.below(10) == 0) { ahead = -ahead; }
        forget(i);
        when_[i] = now_ + ahead;
        armed_at_[i] = now_;
        by_time_.emplace(when_[i], i);
        const time_point wanted = wheel_.arm(timers_[i], when_[i]);
        correct_ = correct_ && wanted <= std::max(when_[i], now_) + 2 * tick;
        correct_ = correct_ && wheel_.next_wakeup() <= wanted;
    }
    void cancel(std::size_t i) {
        timers_[i].cancel();
        forget(i);
    }
    void step() {
        for (std::uint64_t n = random_.below(4); n > 0; --n) {
            const std::size_t i = random_.below(timers_.size());
            if (random_.below(3) == 0) {
                cancel(i);
            } else {
                arm(i);
            }
        }
        switch (random_.below(3)) {
        case 0:
            now_ += duration{static_cast<std::int64_t>(random_.below(std::uint64_t{1} << random_.below(44)))};
            break;
        case 1:
            now_ += tick;
            break;
        default:
            now_ = std::max(now_, std::min(wheel_.next_wakeup(), now_ + duration{20h}));
            break;
        }
        last_fired_ = time_point{};
        advancing_ = true;
        wheel_.advance(now_);
        advancing_ = false;
    }
    void check() {
        REQUIRE(correct_);
        for (std::size_t i = 0; i < timers_.size(); ++i) {
            REQUIRE(timers_[i].armed() == (when_.count(i) != 0));
            // what is overdue by a tick has fired
            if (timers_[i].armed()) { REQUIRE(std::max(when_[i], armed_at_[i]) > now_ - tick); }
        }
        if (by_time_.empty()) {
            REQUIRE(wheel_.next_wakeup() == time_point::max());
            return;
        }
        const time_point earliest = by_time_.begin()->first;
        REQUIRE(wheel_.next_wakeup() > now_ - tick);
        REQUIRE(wheel_.next_wakeup() <= std::max(earliest, now_) + 2 * tick);
    }
    std::size_t total = 0;
    [[nodiscard]] time_point now() const { return now_; }

private:
    void forget(std::size_t i) {
        const auto found = when_.find(i);
        if (found == when_.end()) { return; }
        for (auto [at, end] = by_time_.equal_range(found->second); at != end; ++at) {
            if (at->second == i) {
                by_time_.erase(at);
                break;
            }
        }
        when_.erase(found);
    }
    void fired(std::size_t i) {
        ++total;
        correct_ = correct_ && advancing_ && when_.count(i) != 0 && when_[i] <= now_; // never early
        // in order, to the tick; what was armed for the past comes when it can
        if (when_[i] > armed_at_[i]) {
            correct_ = correct_ && when_[i] > last_fired_ - tick;
            last_fired_ = std::max(last_fired_, when_[i]);
        }
        forget(i);
        // from inside a callback: arm again, cancel or move another
        if (random_.below(3) == 0) { arm(i); }
        if (random_.below(3) == 0) { cancel(random_.below(timers_.size())); }
        if (random_.below(3) == 0) { arm(random_.below(timers_.size())); }
    }

    prng random_;
    time_point now_ = start;
    timer_wheel wheel_{start};
    std::vector<probe> timers_;
    std::map<std::size_t, time_point> when_;
    std::map<std::size_t, time_point> armed_at_;
    std::multimap<time_point, std::size_t> by_time_;
    time_point last_fired_ = time_point{};
    bool advancing_ = false;
    bool correct_ = true;
};

} // namespace

TEST_CASE("the wheel fires like a sorted list, over hours of random arms, cancels and advances") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        wheel_model m(seed);
        for (int i = 0; i < 3'000; ++i) {
            m.step();
            m.check();
        }
        CHECK(m.total > 1'000);
        CHECK(m.now() > start + 24h);
    }
}

TEST_CASE("going from wake-up to wake-up fires each timer within a tick") {
    for (const duration ahead : {duration{0}, duration{1}, tick - 1ns, tick, duration{1s}, 255 * tick,
                                 256 * tick, 257 * tick, duration{5min}, 65535 * tick, 65536 * tick,
                                 65537 * tick, duration{6h}, duration{20h}, duration{100h}}) {
        for (const duration offset : {duration{0}, 100 * tick, 65000 * tick, 65535 * tick}) {
            CAPTURE(ahead.count(), offset.count());
            timer_wheel w(start);
            time_point now = start + offset;
            w.advance(now);
            probe p;
            w.arm(p, now + ahead);
            const time_point due = now + ahead;
            int wakeups = 0;
            while (p.fired == 0) {
                const time_point next = w.next_wakeup();
                REQUIRE(next > now);
                REQUIRE(++wakeups < 20);
                now = next;
                w.advance(now);
            }
            CHECK(now >= due);
            CHECK(now <= due + tick);
            CHECK(w.next_wakeup() == time_point::max());
        }
    }
}

TEST_CASE("a timer that arms itself for the past fires once an advance") {
    timer_wheel w(start);
    probe p;
    p.then = [&] { w.arm(p, time_point::min()); };
    w.arm(p, start - 1h);
    CHECK(!w.advance(start)); // the same tick
    CHECK(w.advance(start + 1h));
    CHECK(p.fired == 1);
    CHECK(w.advance(start + 2h));
    CHECK(p.fired == 2);
    p.cancel();
}

TEST_CASE("a callback may cancel another timer of the same tick") {
    timer_wheel w(start);
    probe a;
    probe b;
    a.then = [&] { b.cancel(); };
    b.then = [&] { a.cancel(); };
    w.arm(a, start + 1s);
    w.arm(b, start + 1s);
    w.advance(start + 2s);
    CHECK(a.fired + b.fired == 1);
}

TEST_CASE("a timer armed for never does not fire, and one that dies leaves the wheel") {
    timer_wheel w(start);
    probe never;
    w.arm(never, time_point::max());
    {
        probe dies;
        w.arm(dies, start + 1s);
    }
    CHECK(!w.advance(start + 24h * 365 * 100));
    CHECK(never.armed());
    never.cancel();
    CHECK(w.next_wakeup() == time_point::max());
}
