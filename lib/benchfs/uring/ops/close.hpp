// close(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

namespace benchfs::uring {

class close_operation final : public status_operation {
public:
    close_operation(ring& r, int fd) noexcept : status_operation(r, on_stop::ignore), fd_(fd) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
};

/// Closes fd, in a stopped tree too, or the descriptor would leak. Every other operation on fd must have ended:
/// its number may be given out again at once. Suspends.
[[nodiscard]] inline close_operation close(ring& r, int fd) noexcept { return {r, fd}; }

} // namespace benchfs::uring
