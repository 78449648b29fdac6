// pwrite(2) as an awaitable, from any memory or from a registered buffer.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/uring/operation.hpp"

#include <cstdint>

namespace benchfs::uring {

class write_operation final : public count_operation {
public:
    write_operation(ring& r, int fd, const_byte_span from, std::uint64_t offset, int buffer_index) noexcept
        : count_operation(r), fd_(fd), buffer_index_(buffer_index), from_(from), offset_(offset) {}

private:
    void prepare(::io_uring_sqe& entry) noexcept override;

    int fd_;
    int buffer_index_;
    const_byte_span from_;
    std::uint64_t offset_;
};

/// The number of bytes written, which may be fewer than asked for. `from` must stay valid and unchanged until
/// this returns. Suspends.
[[nodiscard]] inline write_operation write(ring& r, int fd, const_byte_span from,
                                           std::uint64_t offset) noexcept {
    return {r, fd, from, offset, -1};
}

/// The same from a part of the registered buffer of that index; -1 makes it a plain write.
[[nodiscard]] inline write_operation write_fixed(ring& r, int fd, const_byte_span from, std::uint64_t offset,
                                                 int buffer_index) noexcept {
    return {r, fd, from, offset, buffer_index};
}

} // namespace benchfs::uring
