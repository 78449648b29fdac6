// with_timeout: a deadline for one call and everything below it.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/task.hpp"

#include <algorithm>
#include <utility>

namespace benchfs::runtime {

namespace detail {

/// Asks a call tree to stop when its time is up.
class deadline_timer final : public timer {
public:
    explicit deadline_timer(stop_state& stop) noexcept : stop_(stop) {}
    ~deadline_timer() = default;
    void on_timer() noexcept override { stop_.request_stop(errc::timed_out); }

private:
    stop_state& stop_;
};

} // namespace detail

/// Runs the task under a deadline `limit` from now, or the caller's where that is earlier. When it passes, the
/// task is asked to stop and still awaited: a task that then fails because of the stop gives timed_out, one
/// that succeeds anyway keeps its value. A stop of the caller's tree is passed on with its own reason.
template <class T>
[[nodiscard]] task<result<T>> with_timeout(duration limit, task<result<T>> child) {
    call_context& parent = co_await current_context();
    const time_point now = parent.owner->now();
    stop_state stop;
    stop_link link(parent.stop, stop);
    call_context context{parent.owner, parent.deadline, &stop};
    if (limit < time_point::max() - now) { context.deadline = std::min(context.deadline, now + limit); }
    detail::deadline_timer timer(stop);
    if (context.deadline <= now) {
        stop.request_stop(errc::timed_out);
    } else if (context.deadline != time_point::max()) {
        parent.owner->arm(timer, context.deadline);
    }
    child.set_context(context);
    result<T> outcome = co_await std::move(child);
    if (!outcome && outcome.error() == errc::cancelled && stop.reason() == errc::timed_out) {
        co_return errc::timed_out;
    }
    co_return std::move(outcome);
}

/// Runs the task without the caller's stop and deadline: for what must be done after a stop too (releasing,
/// saying goodbye). Give it a deadline of its own with with_timeout().
template <class T>
[[nodiscard]] task<T> without_stop(task<T> child) {
    call_context& parent = co_await current_context();
    call_context context{parent.owner, time_point::max(), nullptr};
    child.set_context(context);
    co_return co_await std::move(child);
}

} // namespace benchfs::runtime
