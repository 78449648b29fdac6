// unlinkat(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

#include <string>
#include <utility>

namespace benchfs::uring {

class unlink_operation final : public status_operation {
public:
    unlink_operation(ring& r, int dirfd, std::string path, int flags) noexcept
        : status_operation(r), dirfd_(dirfd), flags_(flags), path_(std::move(path)) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int dirfd_;
    int flags_;
    std::string path_;
};

/// `flags`: 0 for a file, AT_REMOVEDIR for an empty directory. Suspends.
[[nodiscard]] inline unlink_operation unlink(ring& r, int dirfd, std::string path, int flags = 0) noexcept {
    return {r, dirfd, std::move(path), flags};
}

} // namespace benchfs::uring
