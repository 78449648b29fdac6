// The building block of every primitive that suspends: a queued coroutine that is woken through the scheduler.
#pragma once

#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/runtime/context.hpp"
#include "benchfs/runtime/loop.hpp"

#include <coroutine>

namespace benchfs::runtime {

/// One suspended coroutine in a wait queue. It leaves the queue when it is woken, with `ok`, or when its call
/// tree is stopped, with the reason of the stop.
class waiter : public list_hook<> {
public:
    /// Suspends `caller`: queues it, unless its tree is stopped already, in which case it returns false (do not
    /// suspend) and the outcome is the reason.
    template <class Promise>
    bool enqueue(std::coroutine_handle<Promise> caller, intrusive_list<waiter>& queue) noexcept {
        context_ = caller.promise().context;
        if (context_->stop_requested()) {
            outcome_ = context_->stop->reason();
            return false;
        }
        handle_ = caller;
        queue.push_back(*this);
        if (context_->stop != nullptr) { context_->stop->subscribe(stopped_); }
        return true;
    }

    /// Takes the waiter out of its queue and makes its coroutine ready.
    void wake(errc outcome = errc::ok) noexcept {
        unlink();
        stopped_.unlink();
        outcome_ = outcome;
        context_->owner->ready().push(handle_);
    }

    [[nodiscard]] errc outcome() const noexcept { return outcome_; }

private:
    class stopper final : public stop_callback {
    public:
        explicit stopper(waiter& self) : self_(self) {}
        void on_stop(errc reason) noexcept override { self_.wake(reason); }

    private:
        waiter& self_;
    };

    std::coroutine_handle<> handle_;
    call_context* context_ = nullptr;
    errc outcome_ = errc::ok;
    stopper stopped_{*this};
};

} // namespace benchfs::runtime
