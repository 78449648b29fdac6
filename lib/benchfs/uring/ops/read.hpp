// pread(2) as an awaitable, into any memory or into a registered buffer.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/uring/operation.hpp"

#include <cstdint>

namespace benchfs::uring {

class read_operation final : public count_operation {
public:
    read_operation(ring& r, int fd, byte_span to, std::uint64_t offset, int buffer_index) noexcept
        : count_operation(r), fd_(fd), buffer_index_(buffer_index), to_(to), offset_(offset) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
    int buffer_index_;
    byte_span to_;
    std::uint64_t offset_;
};

/// The number of bytes read: fewer than asked for at the end of the file (0: at or behind it) and whenever the
/// kernel likes. `to` must stay valid until this returns. The offset is ignored by pipes and the like.
/// Suspends.
[[nodiscard]] inline read_operation read(ring& r, int fd, byte_span to, std::uint64_t offset) noexcept {
    return {r, fd, to, offset, -1};
}

/// The same into a part of the registered buffer of that index; -1 makes it a plain read.
[[nodiscard]] inline read_operation read_fixed(ring& r, int fd, byte_span to, std::uint64_t offset,
                                               int buffer_index) noexcept {
    return {r, fd, to, offset, buffer_index};
}

} // namespace benchfs::uring
