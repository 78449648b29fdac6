#include "benchfs/runtime/loop.hpp"

#include <algorithm>
#include <ctime>
#include <sched.h>

namespace benchfs::runtime {
namespace {

constinit steady_clock machine_clock;

// How often a busy loop looks at its timers: a turn counts 4, a coroutine that ran 1. Sixteen empty turns are
// microseconds (a tick is 4 ms); a turn full of coroutines that each copy a megabyte is many ticks.
constexpr std::size_t timer_interval = 64;
constexpr std::size_t timer_cost_of_turn = 4;

void sleep_on_clock(time_point now, time_point deadline) noexcept {
    // Without a sleeper nothing can wake us but time; a second bounds the harm of a forgotten deadline.
    const auto nap = std::min<duration>(deadline - now, std::chrono::seconds(1)).count();
    if (nap <= 0) { return; }
    const timespec t{.tv_sec = nap / 1'000'000'000, .tv_nsec = nap % 1'000'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr);
}

constexpr std::uint32_t idle_work_interval = 4;

} // namespace

loop::loop(loop_options options)
    : options_(std::move(options)),
      timer_(options_.timer ? std::move(options_.timer) : make_asio_timer_source()),
      clock_(options_.time != nullptr ? options_.time : &machine_clock),
      scheduler_(options_.policy, options_.seed),
      timers_(clock_->now()),
      root_{this, time_point::max(), &stop_} {
    options_.turns_before_yield = std::max<std::uint32_t>(options_.turns_before_yield, 1);
    options_.ready_budget = std::max<std::size_t>(options_.ready_budget, 1);
}

loop::~loop() { BFS_ASSERT(reactors_.empty() && idle_.empty()); }

void loop::add(reactor& r) { reactors_.push_back(&r); }
void loop::remove(reactor& r) noexcept { std::erase(reactors_, &r); }
void loop::add_idle(idle_work& work) { idle_.push_back(&work); }
void loop::remove_idle(idle_work& work) noexcept { std::erase(idle_, &work); }

void loop::arm(timer& t, time_point when) noexcept {
    // The slot's time, not `when`: a coarse slot is due before its timers are. Were armed_for_ ever later than
    // next_wakeup(), try_sleep() would wake for a slot that fire_timers() does not look at yet, and spin.
    const time_point wanted = timers_.arm(t, when);
    if (wanted < armed_for_) {
        armed_for_ = wanted;
        timer_->arm(armed_for_);
    }
}

bool loop::fire_timers() noexcept {
    if (armed_for_ == time_point::max() || now() < armed_for_) { return false; }
    // The wheel is the authority on what is due; the source only says that its one expiry has passed.
    (void)timer_->expired();
    const bool fired = timers_.advance(now());
    armed_for_ = timers_.next_wakeup();
    if (armed_for_ != time_point::max()) { timer_->arm(armed_for_); }
    return fired;
}

bool loop::turn() {
    now_valid_ = false;
    ++stats_.turns;
    const std::size_t ran = scheduler_.run(options_.ready_budget);
    bool worked = ran != 0;
    // By index: a reactor may add or remove reactors while it is polled.
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        reactors_[i]->flush();
        worked = reactors_[i]->poll() || worked;
    }
    since_timers_ += timer_cost_of_turn + ran;
    if (since_timers_ >= timer_interval) {
        since_timers_ = 0;
        if (ran >= timer_interval) { now_valid_ = false; } // that took a while
        worked = fire_timers() || worked;
    }
    if (worked || !scheduler_.empty()) {
        idle_turns_ = 0;
        return true;
    }
    idle();
    return false;
}

void loop::idle() {
    ++idle_turns_;
    // Not in each turn: what arrives next must not wait behind a look at work that is usually done.
    if (idle_turns_ % idle_work_interval == 1 || contended_) {
        idle_work_left_ = false;
        for (std::size_t i = 0; i < idle_.size(); ++i) { // one may leave meanwhile
            idle_work_left_ = idle_[i]->step() || idle_work_left_;
        }
    }
    if (idle_turns_ == 1) { idle_since_ = time_point{}; }
    const bool checkpoint = idle_turns_ % options_.turns_before_yield == 0;
    if (!checkpoint && !contended_) { return; }

    const time_point before = clock_->now();
    if (idle_since_ == time_point{}) { idle_since_ = before; }
    if (!idle_work_left_ && before - idle_since_ >= options_.spin_before_sleep) {
        try_sleep();
        return;
    }
    ::sched_yield();
    ++stats_.yields;
    contended_ = clock_->now() - before > options_.contended_yield;
}

void loop::try_sleep() {
    std::size_t prepared = 0;
    bool may_sleep = true;
    while (prepared < reactors_.size() && may_sleep) { may_sleep = reactors_[prepared++]->prepare_sleep(); }
    now_valid_ = false;
    // What fired may have queued work with a reactor, not with the scheduler.
    const bool fired = fire_timers();
    if (may_sleep && !fired && scheduler_.empty()) {
        ++stats_.sleeps;
        const time_point deadline = timers_.next_wakeup();
        if (sleeper_ != nullptr) {
            sleeper_->wait(deadline);
        } else {
            sleep_on_clock(now(), deadline);
        }
    }
    for (std::size_t i = 0; i < std::min(prepared, reactors_.size()); ++i) { reactors_[i]->woke(); }
    now_valid_ = false;
    fire_timers();
    idle_turns_ = 0;
}

} // namespace benchfs::runtime
