// poll(2) of one descriptor as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

namespace benchfs::uring {

class poll_operation final : public operation {
public:
    poll_operation(ring& r, int fd, short events) noexcept : operation(r), fd_(fd), events_(events) {}
    [[nodiscard]] result<short> await_resume() const noexcept {
        if (const errc error = failure(); error != errc::ok) { return error; }
        return static_cast<short>(value());
    }

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
    short events_;
};

/// The events that are there (POLLIN ... and POLLERR, POLLHUP unasked), as soon as there is one. Suspends.
[[nodiscard]] inline poll_operation poll(ring& r, int fd, short events) noexcept { return {r, fd, events}; }

} // namespace benchfs::uring
