// task<T>: a lazy coroutine that somebody awaits.
//
// A task runs when it is awaited, given to `loop::run`, or spawned into a `task_scope`; never detached. A child
// is resumed inside `await_suspend`, which says "no suspension" when the child finished at once: with symmetric
// transfer instead, g++ below -O2 and every AddressSanitizer build grow the stack with each ready child.
// Destroying a task that has started and not finished is a programming error and asserts.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/runtime/context.hpp"
#include "benchfs/runtime/frame_pool.hpp"

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace benchfs::runtime {

template <class T>
class task;

namespace detail {

struct promise_base;

/// Told when a task without an awaiting parent ends; may destroy the frame.
class completion {
public:
    virtual void on_done(std::coroutine_handle<> frame, promise_base& promise) noexcept = 0;

protected:
    ~completion() = default;
};

struct promise_base {
    call_context* context = nullptr;
    std::coroutine_handle<> continuation;
    completion* root = nullptr;
    std::exception_ptr exception;
    bool started = false;
    // Set by whoever comes first: the parent that suspends, or the child that ends.
    bool handed_over = false;
    bool finished = false;

    static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            promise_base& p = self.promise();
            p.finished = true;
            if (p.root != nullptr) {
                p.root->on_done(self, p); // the frame may be gone after this
            } else if (std::exchange(p.handed_over, true)) {
                p.continuation.resume();
            }
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct promise final : promise_base {
    std::optional<T> value;
    task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (exception) { std::rethrow_exception(exception); }
        return std::move(*value);
    }
};

template <>
struct promise<void> final : promise_base {
    inline task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (exception) { std::rethrow_exception(exception); }
    }
};

} // namespace detail

template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::promise<T>;
    using value_type = T;
    using handle = std::coroutine_handle<promise_type>;

    explicit task(handle h) noexcept : handle_(h) {}
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~task() { destroy(); }

    class awaiter {
    public:
        explicit awaiter(handle h) noexcept : handle_(h) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Parent>
        bool await_suspend(std::coroutine_handle<Parent> parent) noexcept {
            promise_type& p = handle_.promise();
            BFS_ASSERT(!p.started);
            p.started = true;
            p.continuation = parent;
            if (p.context == nullptr) { p.context = parent.promise().context; }
            handle_.resume();
            return !std::exchange(p.handed_over, true);
        }
        T await_resume() { return handle_.promise().take(); }

    private:
        handle handle_;
    };

    /// Runs the task to its end and gives its value, or rethrows what it threw. Once only.
    awaiter operator co_await() && noexcept {
        BFS_ASSERT(handle_);
        return awaiter{handle_};
    }

    /// Narrows the context before the task is awaited (used by with_timeout).
    void set_context(call_context& context) noexcept { handle_.promise().context = &context; }

    /// For scopes and loop::run: starts the task under `root`, which owns the frame from here on.
    static void start(task t, call_context& context, detail::completion& root) noexcept {
        handle h = std::exchange(t.handle_, {});
        promise_type& p = h.promise();
        BFS_ASSERT(!p.started);
        p.started = true;
        p.context = &context;
        p.root = &root;
        h.resume();
    }

private:
    void destroy() noexcept {
        if (!handle_) { return; }
        BFS_ASSERT(!handle_.promise().started || handle_.promise().finished);
        handle_.destroy();
        handle_ = {};
    }

    handle handle_;
};

template <class T>
task<T> detail::promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> detail::promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}

} // namespace benchfs::runtime
