// openat(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

#include <string>
#include <sys/types.h>
#include <utility>

namespace benchfs::uring {

class open_operation final : public operation {
public:
    open_operation(ring& r, int dirfd, std::string path, int flags, ::mode_t mode) noexcept
        : operation(r), dirfd_(dirfd), flags_(flags), mode_(mode), path_(std::move(path)) {}
    [[nodiscard]] result<int> await_resume() const noexcept {
        if (const errc error = failure(); error != errc::ok) { return error; }
        return value();
    }

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int dirfd_;
    int flags_;
    ::mode_t mode_;
    std::string path_;
};

/// A file descriptor that the caller closes (O_CLOEXEC is always set), also when the tree was stopped while the
/// file was being opened. Suspends.
[[nodiscard]] inline open_operation open(ring& r, int dirfd, std::string path, int flags,
                                         ::mode_t mode = 0) noexcept {
    return {r, dirfd, std::move(path), flags, mode};
}

} // namespace benchfs::uring
