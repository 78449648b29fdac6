// renameat2(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

#include <string>
#include <utility>

namespace benchfs::uring {

class rename_operation final : public status_operation {
public:
    rename_operation(ring& r, int from_dirfd, std::string from, int to_dirfd, std::string to,
                     unsigned flags) noexcept
        : status_operation(r),
          from_dirfd_(from_dirfd),
          to_dirfd_(to_dirfd),
          flags_(flags),
          from_(std::move(from)),
          to_(std::move(to)) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int from_dirfd_;
    int to_dirfd_;
    unsigned flags_;
    std::string from_;
    std::string to_;
};

/// `flags` as for renameat2(2). Durable only after an fsync of the directory. Suspends.
[[nodiscard]] inline rename_operation rename(ring& r, int from_dirfd, std::string from, int to_dirfd,
                                             std::string to, unsigned flags = 0) noexcept {
    return {r, from_dirfd, std::move(from), to_dirfd, std::move(to), flags};
}

} // namespace benchfs::uring
