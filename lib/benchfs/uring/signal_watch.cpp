#include "benchfs/uring/signal_watch.hpp"

#include "benchfs/uring/ops/poll.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace benchfs::uring {

result<signal_watch> signal_watch::open(const sigset_t& signals) noexcept {
    sigset_t before;
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &signals, &before); error != 0) {
        return from_errno(error);
    }
    const int fd = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        const errc error = from_errno(errno);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return error;
    }
    return signal_watch(fd, before);
}

signal_watch::signal_watch(signal_watch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

signal_watch::~signal_watch() {
    if (fd_ < 0) { return; }
    ::close(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

runtime::task<result<int>> signal_watch::wait(ring& r) {
    for (;;) {
        // Polled and read apart: the read then runs on this thread, whose signals they are.
        signalfd_siginfo info;
        const ssize_t n = ::read(fd_, &info, sizeof info);
        if (n == static_cast<ssize_t>(sizeof info)) { co_return static_cast<int>(info.ssi_signo); }
        if (n < 0 && errno != EAGAIN && errno != EINTR) { co_return from_errno(errno); }
        BFS_CO_TRY([[maybe_unused]] const short events, co_await poll(r, fd_, POLLIN));
    }
}

sigset_t stop_signals() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

runtime::task<result<int>> wait_signal(ring& r, sigset_t signals) {
    BFS_CO_TRY(signal_watch watch, signal_watch::open(signals));
    co_return co_await watch.wait(r);
}

} // namespace benchfs::uring
