// Waiting for time, and giving others a turn.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/timer_wheel.hpp"
#include "benchfs/runtime/waiter.hpp"

namespace benchfs::runtime {

class sleep_awaiter final : private timer {
public:
    explicit sleep_awaiter(time_point when) noexcept : when_(when) {}
    explicit sleep_awaiter(duration rest) noexcept : rest_(rest), relative_(true) {}
    ~sleep_awaiter() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        if (!waiter_.enqueue(caller, queue_)) { return false; }
        loop& owner = *caller.promise().context->owner;
        const time_point now = owner.now();
        if (relative_) { when_ = rest_ < time_point::max() - now ? now + rest_ : time_point::max(); }
        if (when_ <= now) {
            waiter_.wake(); // a turn for the others, so that a loop of short sleeps starves nobody
        } else {
            owner.arm(*this, when_);
        }
        return true;
    }
    [[nodiscard]] status await_resume() noexcept {
        cancel();
        return waiter_.outcome();
    }

private:
    void on_timer() noexcept override {
        // A stop may have woken us already, with our turn still to come.
        if (waiter_.linked()) { waiter_.wake(); }
    }

    time_point when_{};
    duration rest_{};
    bool relative_ = false;
    intrusive_list<waiter> queue_; // of one
    waiter waiter_;
};

/// `co_await sleep_until(t)`: ok when the loop's clock has reached t (up to one tick of the timer wheel later,
/// never earlier), or the reason when the caller's tree is stopped first. A time in the past only yields.
[[nodiscard]] inline sleep_awaiter sleep_until(time_point when) noexcept { return sleep_awaiter{when}; }
/// The same, from the loop's time of this turn on.
[[nodiscard]] inline sleep_awaiter sleep_for(duration rest) noexcept { return sleep_awaiter{rest}; }

class yield_awaiter {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        context_ = caller.promise().context;
        context_->owner->ready().push(caller);
    }
    [[nodiscard]] status await_resume() const noexcept {
        if (context_->stop_requested()) { return context_->stop->reason(); }
        return ok();
    }

private:
    call_context* context_ = nullptr;
};

/// `co_await yield()`: always goes to the end of the ready queue; then ok, or the reason if the caller's tree
/// is being stopped.
[[nodiscard]] inline yield_awaiter yield() noexcept { return {}; }

} // namespace benchfs::runtime
