// event: coroutines wait until somebody sets it.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/waiter.hpp"

namespace benchfs::runtime {

/// Manual reset. Destroying it with waiters asserts.
class event {
public:
    [[nodiscard]] bool is_set() const noexcept { return set_; }
    void set() noexcept {
        set_ = true;
        while (!waiters_.empty()) { waiters_.front().wake(); }
    }
    void reset() noexcept { set_ = false; }

    class awaiter {
    public:
        explicit awaiter(event& e) noexcept : event_(e) {}
        [[nodiscard]] bool await_ready() const noexcept { return event_.set_; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return waiter_.enqueue(caller, event_.waiters_);
        }
        [[nodiscard]] status await_resume() const noexcept { return waiter_.outcome(); }

    private:
        event& event_;
        waiter waiter_;
    };

    /// ok once the event is set; the reason when the caller's tree is stopped first.
    [[nodiscard]] awaiter wait() noexcept { return awaiter{*this}; }

private:
    bool set_ = false;
    intrusive_list<waiter> waiters_;
};

} // namespace benchfs::runtime
