// The event loop: one thread, one blocking point.
//
// A turn runs ready coroutines (bounded), lets each reactor submit and look for events, fires timers, and when
// nothing happened for long enough blocks in the sleeper. An idle loop uses no CPU; a loaded one makes no
// needless system call.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/runtime/context.hpp"
#include "benchfs/runtime/reactor.hpp"
#include "benchfs/runtime/scheduler.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/runtime/timer_source.hpp"
#include "benchfs/runtime/timer_wheel.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace benchfs::runtime {

struct loop_options {
    pick_policy policy = pick_policy::fifo;
    std::uint64_t seed = 1;
    std::size_t ready_budget = 256;                          // coroutines run in a turn
    std::uint32_t turns_before_yield = 64;                   // empty turns before the first sched_yield
    duration contended_yield = std::chrono::microseconds(1); // a longer yield: somebody else wants the core
    duration spin_before_sleep = std::chrono::milliseconds(2);
    clock* time = nullptr;               // nullptr: the machine's; must outlive the loop
    std::unique_ptr<timer_source> timer; // empty: Boost.Asio
};

struct loop_stats {
    std::uint64_t turns = 0;
    std::uint64_t yields = 0;
    std::uint64_t sleeps = 0;
};

class loop {
public:
    explicit loop(loop_options options = {});
    ~loop();
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// Reactors are polled in the order in which they were added; they outlive their membership.
    void add(reactor& r);
    void remove(reactor& r) noexcept;
    /// Where to block; without one the loop sleeps on the clock only. nullptr takes it back.
    void set_sleeper(sleeper* s) noexcept { sleeper_ = s; }
    void set_poller(fd_poller* p) noexcept { poller_ = p; }
    /// nullptr when no ring drives this loop.
    [[nodiscard]] fd_poller* poller() const noexcept { return poller_; }
    void add_idle(idle_work& work);
    void remove_idle(idle_work& work) noexcept;

    [[nodiscard]] scheduler& ready() noexcept { return scheduler_; }
    [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
    /// Time as of this turn (read from the clock at most once a turn).
    [[nodiscard]] time_point now() noexcept {
        if (!now_valid_) {
            now_ = clock_->now();
            now_valid_ = true;
        }
        return now_;
    }
    /// Time as of now: reads the clock, for measuring inside a turn.
    [[nodiscard]] time_point read_clock() const noexcept { return clock_->now(); }
    /// Arms t and, when it is the earliest, the timer below the wheel.
    void arm(timer& t, time_point when) noexcept;

    /// The context of tasks that run() starts; its stop state is what request_stop() sets.
    [[nodiscard]] call_context& root() noexcept { return root_; }
    /// Asks everything below run() to stop. Safe from callbacks of this loop; not from signal handlers.
    void request_stop(errc reason = errc::shutting_down) noexcept { stop_.request_stop(reason); }

    /// One turn; true if anything happened. May block, for at most spin_before_sleep plus the sleep.
    bool turn();

    /// Runs the task to its end, with everything else the loop has to do. The only blocking entry; not
    /// re-entrant. Rethrows what the task threw.
    template <class T>
    T run(task<T> t);

    [[nodiscard]] const loop_stats& stats() const noexcept { return stats_; }

private:
    void idle();
    void try_sleep();
    bool fire_timers() noexcept;

    template <class T>
    class run_root;

    loop_options options_;
    std::unique_ptr<timer_source> timer_;
    clock* clock_;
    scheduler scheduler_;
    time_point now_{};
    bool now_valid_ = false;
    bool contended_ = false;
    bool running_ = false;
    bool idle_work_left_ = false;
    std::uint32_t idle_turns_ = 0;
    std::size_t since_timers_ = 0;
    time_point idle_since_{};
    time_point armed_for_ = time_point::max();
    timer_wheel timers_;
    stop_state stop_;
    call_context root_;
    sleeper* sleeper_ = nullptr;
    fd_poller* poller_ = nullptr;
    std::vector<reactor*> reactors_;
    std::vector<idle_work*> idle_;
    loop_stats stats_;
};

/// Takes the result out of a root task and destroys its frame.
template <class T>
class loop::run_root final : public detail::completion {
public:
    void on_done(std::coroutine_handle<> frame, detail::promise_base&) noexcept override { frame_ = frame; }
    [[nodiscard]] bool done() const noexcept { return static_cast<bool>(frame_); }
    T take() {
        struct destroyer {
            std::coroutine_handle<> frame;
            ~destroyer() { frame.destroy(); }
        } guard{frame_};
        return std::coroutine_handle<detail::promise<T>>::from_address(frame_.address()).promise().take();
    }

private:
    std::coroutine_handle<> frame_;
};

template <class T>
T loop::run(task<T> t) {
    BFS_ASSERT(!running_);
    running_ = true;
    now_valid_ = false; // the time of the last turn may be long ago
    run_root<T> root;
    task<T>::start(std::move(t), root_, root);
    while (!root.done()) { turn(); }
    running_ = false;
    return root.take();
}

} // namespace benchfs::runtime
