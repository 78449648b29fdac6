// The simulated world: one seed, one clock, one queue of events, and the loop that everything runs on.
//
// Nothing here sleeps: when no coroutine is ready, time jumps to the next event or deadline. Every choice comes
// from random(), and what happens goes into a trace hash, so that two runs of one seed can be compared.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/prng.hpp"
#include "benchfs/runtime/loop.hpp"

#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace benchfs::sim {

using namespace std::chrono_literals;

class world final : public clock, private runtime::reactor, private runtime::sleeper {
public:
    explicit world(std::uint64_t seed, runtime::pick_policy order = runtime::pick_policy::seeded);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world() override;

    [[nodiscard]] time_point now() const noexcept override { return now_; }
    [[nodiscard]] runtime::loop& loop() noexcept { return *loop_; }
    [[nodiscard]] prng& random() noexcept { return random_; }
    /// Uniform in [from, to].
    [[nodiscard]] duration between(duration from, duration to) noexcept;
    [[nodiscard]] bool chance(unsigned percent) noexcept { return random_.below(100) < percent; }

    /// Runs `f` from the loop at this time; events of one time run in the order in which they were made.
    void at(time_point when, std::function<void()> f);
    void after(duration d, std::function<void()> f) { at(now_ + d, std::move(f)); }

    /// Suspends for exactly `d`, whatever is asked to stop meanwhile: what a disk or a network does.
    class pause {
    public:
        pause(world& w, duration d) noexcept : world_(w), rest_(d) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> caller) const {
            world& w = world_;
            w.after(rest_, [&w, caller] { w.loop().ready().push(caller); });
        }
        void await_resume() const noexcept {}

    private:
        world& world_;
        duration rest_;
    };
    [[nodiscard]] pause rest(duration d) noexcept { return {*this, d}; }

    /// Adds to the trace: what happened (a few letters), and up to three numbers about it.
    void note(const char* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
    [[nodiscard]] std::uint64_t trace_hash() const noexcept { return trace_; }
    /// Every note on standard error.
    bool verbose = false;

    /// Nanoseconds since 1970 in the newest world, as servers read it.
    [[nodiscard]] static std::int64_t wall_clock() noexcept;

private:
    bool poll() noexcept override;
    void wait(time_point deadline) noexcept override;

    std::uint64_t seed_;
    time_point now_;
    prng random_;
    std::uint64_t trace_ = 0;
    std::uint64_t made_ = 0;
    std::map<std::pair<time_point, std::uint64_t>, std::function<void()>> events_;
    std::unique_ptr<runtime::loop> loop_;
    world* outer_;
};

} // namespace benchfs::sim
