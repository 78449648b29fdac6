// Virtual time for the tests of the runtime: a loop whose sleep jumps to the next timer.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/runtime/loop.hpp"

#include <memory>
#include <utility>

namespace benchfs::test {

class virtual_clock final : public clock {
public:
    [[nodiscard]] time_point now() const noexcept override { return now_; }
    void set(time_point t) noexcept { now_ = t; }
    void advance(duration d) noexcept { now_ += d; }

private:
    time_point now_{std::chrono::hours(1)};
};

/// Counts what the loop asks of the one timer below the wheel.
class counting_timer_source final : public runtime::timer_source {
public:
    explicit counting_timer_source(int& arms) : arms_(arms) {}
    void arm(time_point) override { ++arms_; }
    bool expired() override { return true; }

private:
    int& arms_;
};

/// Sleeping is jumping. A sleep without a deadline is a deadlock of the test, which aborts.
class jumping_sleeper final : public runtime::sleeper {
public:
    explicit jumping_sleeper(virtual_clock& c) : clock_(c) {}
    void wait(time_point deadline) noexcept override {
        BFS_ASSERT(deadline != time_point::max());
        ++waits;
        if (deadline > clock_.now()) {
            clock_.set(deadline);
        } else {
            ++useless_waits; // on the machine's clock the loop would spin here
            clock_.advance(std::chrono::milliseconds(1));
        }
    }
    int waits = 0;
    int useless_waits = 0;

private:
    virtual_clock& clock_;
};

class virtual_loop {
public:
    explicit virtual_loop(runtime::pick_policy policy = runtime::pick_policy::fifo, std::uint64_t seed = 1)
        : loop(options(policy, seed)) {
        loop.set_sleeper(&sleeper);
    }

    virtual_clock clock;
    jumping_sleeper sleeper{clock};
    int source_arms = 0;
    runtime::loop loop;

private:
    runtime::loop_options options(runtime::pick_policy policy, std::uint64_t seed) {
        runtime::loop_options o;
        o.policy = policy;
        o.seed = seed;
        o.turns_before_yield = 1;
        o.spin_before_sleep = {};
        o.time = &clock;
        o.timer = std::make_unique<counting_timer_source>(source_arms);
        return o;
    }
};

/// Calls test(virtual_loop&, seed) for 50 orders of the ready queue, and for the order of production as seed 0.
template <class F>
void for_seeds(F&& test) {
    for (std::uint64_t seed = 0; seed <= 50; ++seed) {
        virtual_loop v(seed == 0 ? runtime::pick_policy::fifo : runtime::pick_policy::seeded, seed);
        test(v, seed);
    }
}

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool under_asan = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif
#else
inline constexpr bool under_asan = false;
#endif

} // namespace benchfs::test
