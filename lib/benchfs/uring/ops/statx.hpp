// statx(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

#include <string>
#include <sys/stat.h>
#include <utility>

namespace benchfs::uring {

using file_status = struct ::statx;

class statx_operation final : public operation {
public:
    statx_operation(ring& r, int dirfd, std::string path, int flags, unsigned mask) noexcept
        : operation(r), dirfd_(dirfd), flags_(flags), mask_(mask), path_(std::move(path)) {}
    [[nodiscard]] result<file_status> await_resume() const noexcept {
        if (const errc error = failure(); error != errc::ok) { return error; }
        return status_;
    }

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int dirfd_;
    int flags_;
    unsigned mask_;
    std::string path_;
    file_status status_{};
};

/// `flags` and `mask` as for statx(2); an empty path with AT_EMPTY_PATH asks about dirfd itself. Suspends.
[[nodiscard]] inline statx_operation statx(ring& r, int dirfd, std::string path, int flags = 0,
                                           unsigned mask = STATX_BASIC_STATS) noexcept {
    return {r, dirfd, std::move(path), flags, mask};
}

} // namespace benchfs::uring
