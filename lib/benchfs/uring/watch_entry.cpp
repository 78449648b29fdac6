#include "benchfs/uring/watch_entry.hpp"

#include <liburing.h>
#include <poll.h>

namespace benchfs::uring {

void watch_entry::prepare(::io_uring_sqe& entry) noexcept { ::io_uring_prep_poll_add(&entry, fd, POLLIN); }

void watch_entry::completed(int result) noexcept {
    runtime::fd_callback* const to = std::exchange(callback, nullptr);
    idle_.push_back(this); // first: the callback likes to watch again
    if (to == nullptr) { return; }
    if (result >= 0 && (result & POLLNVAL) != 0) { result = -EBADF; }
    to->on_readable(result < 0 ? from_errno(-result) : errc::ok);
}

} // namespace benchfs::uring
