#include "benchfs/uring/operation.hpp"

#include "benchfs/uring/ring.hpp"

#include <cerrno>

namespace benchfs::uring {

bool operation::begin(std::coroutine_handle<> caller, runtime::call_context& context) noexcept {
    context_ = &context;
    if (policy_ == on_stop::cancel && context.stop_requested()) {
        stop_reason_ = context.stop->reason();
        result_ = -ECANCELED;
        return false;
    }
    caller_ = caller;
    if (policy_ == on_stop::cancel && context.stop != nullptr) { context.stop->subscribe(stopper_); }
    ring_.start(*this);
    return true;
}

void operation::stop(errc reason) noexcept {
    stop_reason_ = reason;
    ring_.cancel(*this);
}

void operation::completed(int result) noexcept {
    stopper_.unlink();
    result_ = result;
    context_->owner->ready().push(caller_);
}

errc operation::failure() const noexcept {
    if (result_ >= 0) { return errc::ok; }
    // A cancelled operation that was running already ends with EINTR.
    const bool cut_short = result_ == -ECANCELED || result_ == -EINTR;
    if (cut_short && stop_reason_ != errc::ok) { return stop_reason_; }
    return from_errno(-result_);
}

} // namespace benchfs::uring
