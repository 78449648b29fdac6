// What the loop drives: sources of events, the one place that blocks, file descriptors to watch, and idle work.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/errc.hpp"

namespace benchfs::runtime {

/// A source of events (the ring, the network worker, the windows). None of these calls may block.
class reactor {
public:
    /// Hands what was queued to the kernel or the device. Called once a turn, before poll().
    virtual void flush() noexcept {}
    /// Looks for events and delivers them (bounded); true if there was any.
    virtual bool poll() noexcept = 0;
    /// The loop wants to block: arm whatever wakes it. False if there is something to do after all.
    virtual bool prepare_sleep() noexcept { return true; }
    /// The loop does not sleep any more (also called after a prepare_sleep() that said false).
    virtual void woke() noexcept {}

protected:
    ~reactor() = default;
};

/// The one place where the thread blocks.
class sleeper {
public:
    /// Blocks until an event arrives or `deadline` passes (time_point::max(): no deadline).
    virtual void wait(time_point deadline) noexcept = 0;

protected:
    ~sleeper() = default;
};

class fd_callback {
public:
    /// Called once, from the loop, when the file became readable (or the watch failed: error != ok).
    virtual void on_readable(errc error) noexcept = 0;

protected:
    ~fd_callback() = default;
};

/// Watches file descriptors; implemented by the ring, used by the network worker and for signals.
class fd_poller {
public:
    /// One shot. The callback must stay alive until it was called or unwatch() returned.
    virtual void watch(int fd, fd_callback& callback) noexcept = 0;
    /// After this the callback is not called any more.
    virtual void unwatch(fd_callback& callback) noexcept = 0;

protected:
    ~fd_poller() = default;
};

/// Work for idle turns (faulting memory in ahead of need). A step takes at most some 50 microseconds.
class idle_work {
public:
    /// Does one step; false when nothing is left to do for now.
    virtual bool step() noexcept = 0;

protected:
    ~idle_work() = default;
};

} // namespace benchfs::runtime
