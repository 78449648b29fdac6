// Signals as something a coroutine waits for, so that a process stops through its loop and not in a handler.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task.hpp"

#include <csignal>

namespace benchfs::uring {

class ring;

/// Takes signals away from their handlers: blocks them for the calling thread and receives them through a
/// descriptor. Make it before anything starts a thread (a network library does): threads inherit the mask, and
/// a signal goes to any thread that has it unblocked. The destructor puts the mask back.
class signal_watch {
public:
    /// too_many_files, no_memory: what signalfd(2) says.
    [[nodiscard]] static result<signal_watch> open(const sigset_t& signals) noexcept;

    signal_watch(signal_watch&& other) noexcept;
    signal_watch& operator=(signal_watch&&) = delete;
    ~signal_watch();

    /// The number of the next signal that arrived, also before this was called. The watch must outlive the
    /// task. The reason of the stop when the caller's tree is stopped. Suspends.
    [[nodiscard]] runtime::task<result<int>> wait(ring& r);

private:
    signal_watch(int fd, const sigset_t& before) noexcept : fd_(fd), before_(before) {}

    int fd_;
    sigset_t before_;
};

/// SIGINT and SIGTERM, the two that ask a process to stop.
[[nodiscard]] sigset_t stop_signals() noexcept;

/// One signal of the set, watched for the length of the call only. Suspends.
[[nodiscard]] runtime::task<result<int>> wait_signal(ring& r, sigset_t signals);

} // namespace benchfs::uring
