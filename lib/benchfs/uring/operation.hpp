// The awaitable every operation derives from.
//
// It lives in the frame of the coroutine that awaits it and owns its arguments. When the caller's tree is
// stopped it asks the kernel to cancel and still waits for its own completion: until then the kernel may use
// the buffer.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/context.hpp"
#include "benchfs/uring/submission.hpp"

#include <coroutine>
#include <cstddef>

namespace benchfs::uring {

class ring;

class operation : public submission {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        return begin(caller, *caller.promise().context);
    }

protected:
    /// `on_stop`: whether a stop of the caller's tree refuses and cancels the operation.
    enum class on_stop : std::uint8_t { cancel, ignore };
    explicit operation(ring& target, on_stop policy = on_stop::cancel) noexcept
        : ring_(target), policy_(policy) {}
    ~operation() = default;

    /// ok; the reason of the stop when that is what ended it; else the kernel's error.
    [[nodiscard]] errc failure() const noexcept;
    /// What the kernel returned. Requires failure() == ok.
    [[nodiscard]] int value() const noexcept { return result_; }

private:
    class stopper final : public runtime::stop_callback {
    public:
        explicit stopper(operation& self) noexcept : self_(self) {}
        void on_stop(errc reason) noexcept override { self_.stop(reason); }

    private:
        operation& self_;
    };

    /// False: do not suspend, the tree is stopped already.
    bool begin(std::coroutine_handle<> caller, runtime::call_context& context) noexcept;
    void stop(errc reason) noexcept;
    void completed(int result) noexcept final;

    ring& ring_;
    std::coroutine_handle<> caller_;
    runtime::call_context* context_ = nullptr;
    stopper stopper_{*this};
    int result_ = 0;
    errc stop_reason_ = errc::ok;
    on_stop policy_;
};

/// An operation that gives nothing but success.
class status_operation : public operation {
public:
    [[nodiscard]] status await_resume() const noexcept { return failure(); }

protected:
    using operation::operation;
    ~status_operation() = default;
};

/// An operation that gives a number of bytes.
class count_operation : public operation {
public:
    [[nodiscard]] result<std::size_t> await_resume() const noexcept {
        if (const errc error = failure(); error != errc::ok) { return error; }
        return static_cast<std::size_t>(value());
    }

protected:
    using operation::operation;
    ~count_operation() = default;
};

} // namespace benchfs::uring
