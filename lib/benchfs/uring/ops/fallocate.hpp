// fallocate(2) as an awaitable.
#pragma once

#include "benchfs/uring/operation.hpp"

#include <cstdint>

namespace benchfs::uring {

class fallocate_operation final : public status_operation {
public:
    fallocate_operation(ring& r, int fd, int mode, std::uint64_t offset, std::uint64_t length) noexcept
        : status_operation(r), fd_(fd), mode_(mode), offset_(offset), length_(length) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
    int mode_;
    std::uint64_t offset_;
    std::uint64_t length_;
};

/// `mode` as for fallocate(2). not_supported where the file system cannot. Suspends.
[[nodiscard]] inline fallocate_operation fallocate(ring& r, int fd, int mode, std::uint64_t offset,
                                                   std::uint64_t length) noexcept {
    return {r, fd, mode, offset, length};
}

} // namespace benchfs::uring
