// fsync(2) and fdatasync(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

namespace benchfs::uring {

class fsync_operation final : public status_operation {
public:
    fsync_operation(ring& r, int fd, bool data_only) noexcept
        : status_operation(r), fd_(fd), data_only_(data_only) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
    bool data_only_;
};

/// Covers the writes that had completed before it was awaited, and no others. After an error nobody knows what
/// is on the disk: never ignore it, never retry it. Suspends.
[[nodiscard]] inline fsync_operation fsync(ring& r, int fd, bool data_only) noexcept {
    return {r, fd, data_only};
}

} // namespace benchfs::uring
