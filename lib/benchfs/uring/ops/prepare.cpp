// How each operation fills its entry in: the only place that knows liburing's prep functions.
#include "benchfs/uring/ops.hpp"

#include <algorithm>
#include <fcntl.h>
#include <liburing.h>

namespace benchfs::uring {
namespace {

// What read(2) and write(2) move at most; the caller sees a short count beyond it.
constexpr std::size_t largest_transfer = 0x7ffff000;

unsigned length_of(std::size_t bytes) noexcept {
    return static_cast<unsigned>(std::min(bytes, largest_transfer));
}

} // namespace

void open_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_openat(&entry, dirfd_, path_.c_str(), flags_ | O_CLOEXEC, mode_);
}

void close_operation::prepare(::io_uring_sqe& entry) noexcept { ::io_uring_prep_close(&entry, fd_); }

void read_operation::prepare(::io_uring_sqe& entry) noexcept {
    if (buffer_index_ < 0) {
        ::io_uring_prep_read(&entry, fd_, to_.data(), length_of(to_.size()), offset_);
    } else {
        ::io_uring_prep_read_fixed(&entry, fd_, to_.data(), length_of(to_.size()), offset_, buffer_index_);
    }
}

void write_operation::prepare(::io_uring_sqe& entry) noexcept {
    if (buffer_index_ < 0) {
        ::io_uring_prep_write(&entry, fd_, from_.data(), length_of(from_.size()), offset_);
    } else {
        ::io_uring_prep_write_fixed(&entry, fd_, from_.data(), length_of(from_.size()), offset_, buffer_index_);
    }
}

void fsync_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_fsync(&entry, fd_, data_only_ ? IORING_FSYNC_DATASYNC : 0U);
}

void fallocate_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_fallocate(&entry, fd_, mode_, static_cast<off_t>(offset_), static_cast<off_t>(length_));
}

void statx_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_statx(&entry, dirfd_, path_.c_str(), flags_, mask_, &status_);
}

void rename_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_renameat(&entry, from_dirfd_, from_.c_str(), to_dirfd_, to_.c_str(), flags_);
}

void unlink_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_unlinkat(&entry, dirfd_, path_.c_str(), flags_);
}

void poll_operation::prepare(::io_uring_sqe& entry) noexcept {
    ::io_uring_prep_poll_add(&entry, fd_, static_cast<unsigned>(static_cast<unsigned short>(events_)));
}

} // namespace benchfs::uring
