// What a call tree inherits: its loop, its deadline and its stop request.
//
// A task takes the context of whoever awaits it; `with_timeout` and `task_scope` put a narrower one below.
// A context outlives every task that points to it, because scopes join before they end.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/errc.hpp"
#include "benchfs/base/intrusive_list.hpp"

#include <coroutine>

namespace benchfs::runtime {

class loop;

/// Called at most once when a stop is requested, from inside request_stop(): only record and wake.
class stop_callback : public list_hook<> {
public:
    virtual void on_stop(errc reason) noexcept = 0;

protected:
    ~stop_callback() = default;
};

/// A request to stop, and who wants to hear of it. Single-threaded.
class stop_state {
public:
    [[nodiscard]] bool requested() const noexcept { return reason_ != errc::ok; }
    /// Why: cancelled, timed_out, shutting_down; ok if no stop was requested.
    [[nodiscard]] errc reason() const noexcept { return reason_; }

    /// The first request wins; later ones do nothing.
    void request_stop(errc reason) noexcept {
        if (requested()) { return; }
        reason_ = reason;
        while (!callbacks_.empty()) { callbacks_.pop_front().on_stop(reason); }
    }

    /// The callback must be unlinked (or have been called) before it dies. Requires !requested().
    void subscribe(stop_callback& callback) noexcept { callbacks_.push_back(callback); }

private:
    errc reason_ = errc::ok;
    intrusive_list<stop_callback> callbacks_;
};

/// Passes the stop of a parent on to a child state.
class stop_link final : public stop_callback {
public:
    stop_link(stop_state* parent, stop_state& child) : child_(child) {
        if (parent == nullptr) { return; }
        if (parent->requested()) {
            child.request_stop(parent->reason());
        } else {
            parent->subscribe(*this);
        }
    }
    ~stop_link() { unlink(); }
    void on_stop(errc reason) noexcept override { child_.request_stop(reason); }

private:
    stop_state& child_;
};

struct call_context {
    loop* owner = nullptr;
    time_point deadline = time_point::max();
    stop_state* stop = nullptr; // nullptr: nobody can stop this tree

    [[nodiscard]] bool stop_requested() const noexcept { return stop != nullptr && stop->requested(); }
};

/// `call_context& c = co_await current_context();` — never suspends. The reference is valid for as long as the
/// calling task runs.
class current_context {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        context_ = caller.promise().context;
        return false;
    }
    [[nodiscard]] call_context& await_resume() const noexcept { return *context_; }

private:
    call_context* context_ = nullptr;
};

} // namespace benchfs::runtime
