// task_scope: concurrent tasks that are joined before the scope ends. There is no detach.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task.hpp"

#include <cstdint>
#include <exception>
#include <utility>

namespace benchfs::runtime {

/// Tasks started together, below the context they were made from. The first error is kept and asks the others
/// to stop (unless stop_on_error is off). The destructor asserts that join() was awaited.
///
/// Most callers want with_scope(), which joins on every path; a long-lived owner (a server) holds one and joins
/// it when it shuts down.
class task_scope final : private detail::completion {
public:
    explicit task_scope(call_context& parent, bool stop_on_error = true) noexcept
        : link_(parent.stop, stop_),
          context_{parent.owner, parent.deadline, &stop_},
          stop_on_error_(stop_on_error) {}
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;
    ~task_scope() { BFS_ASSERT(live_ == 0); }

    /// Starts the task at once; it runs until its first suspension inside this call.
    void spawn(task<status> t) noexcept {
        ++live_;
        task<status>::start(std::move(t), context_, *this);
    }

    [[nodiscard]] std::uint32_t live() const noexcept { return live_; }
    [[nodiscard]] call_context& context() noexcept { return context_; }
    void request_stop(errc reason = errc::cancelled) noexcept { stop_.request_stop(reason); }
    [[nodiscard]] bool stop_requested() const noexcept { return stop_.requested(); }

    /// Waits until every task has ended, whatever is requested meanwhile; gives the first error, or rethrows
    /// the first exception. One caller at a time.
    [[nodiscard]] task<status> join() {
        while (live_ != 0) {
            joiner j{*this};
            co_await j;
        }
        if (exception_) { std::rethrow_exception(std::exchange(exception_, {})); }
        co_return first_error_;
    }

private:
    /// Waits without listening to a stop: a started task always finishes, so this always ends.
    class joiner {
    public:
        explicit joiner(task_scope& s) noexcept : scope_(s) {}
        [[nodiscard]] bool await_ready() const noexcept { return scope_.live_ == 0; }
        void await_suspend(std::coroutine_handle<> caller) const noexcept {
            BFS_ASSERT(!scope_.joiner_);
            scope_.joiner_ = caller;
        }
        void await_resume() const noexcept {}

    private:
        task_scope& scope_;
    };

    void on_done(std::coroutine_handle<> frame, detail::promise_base& base) noexcept override {
        auto& p = static_cast<detail::promise<status>&>(base);
        if (p.exception) {
            if (!exception_) { exception_ = p.exception; }
            stop_.request_stop(errc::cancelled);
        } else if (!*p.value) {
            if (first_error_ == errc::ok) { first_error_ = p.value->error(); }
            if (stop_on_error_) { stop_.request_stop(errc::cancelled); }
        }
        frame.destroy();
        if (--live_ == 0 && joiner_) { context_.owner->ready().push(std::exchange(joiner_, {})); }
    }

    stop_state stop_;
    stop_link link_;
    call_context context_;
    std::uint32_t live_ = 0;
    bool stop_on_error_;
    errc first_error_ = errc::ok;
    std::exception_ptr exception_;
    std::coroutine_handle<> joiner_;
};

/// Runs body(scope, args...) and joins the scope on every path: return, error, exception. An error or exception
/// of the body asks the children to stop; the body's own error wins over a child's.
template <class Body, class... Args>
[[nodiscard]] task<status> with_scope(Body body, Args... args) {
    call_context& context = co_await current_context();
    task_scope scope(context);
    std::exception_ptr thrown;
    status outcome;
    try {
        task<status> running = body(scope, std::move(args)...);
        running.set_context(scope.context());
        outcome = co_await std::move(running);
    } catch (...) { thrown = std::current_exception(); }
    if (thrown || !outcome) { scope.request_stop(); }
    const status joined = co_await scope.join();
    if (thrown) { std::rethrow_exception(thrown); }
    if (!outcome) { co_return outcome.error(); }
    co_return joined.error();
}

} // namespace benchfs::runtime
