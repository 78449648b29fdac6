// Watches files and sleeps with poll(2), for loops without a ring: small tools, and tests of transports.
#pragma once

#include "benchfs/runtime/loop.hpp"

#include <chrono>
#include <cstddef>
#include <ctime>
#include <vector>

#include <poll.h>

namespace benchfs::runtime {

/// Sleeper and poller of its loop from construction to destruction; the loop outlives it. Signals interrupt a
/// sleep.
class poll_poller final : public fd_poller, public sleeper, public reactor {
public:
    explicit poll_poller(loop& l);
    ~poll_poller();
    poll_poller(const poll_poller&) = delete;
    poll_poller& operator=(const poll_poller&) = delete;

    void watch(int fd, fd_callback& callback) noexcept override;
    void unwatch(fd_callback& callback) noexcept override;
    bool poll() noexcept override { return look(timespec{}); }
    void wait(time_point deadline) noexcept override;
    [[nodiscard]] std::size_t watches() const noexcept { return files_.size(); }

    /// Callbacks called so far.
    [[nodiscard]] std::size_t fired() const noexcept { return fired_; }

    duration longest = std::chrono::seconds(10); // sleep; zero: never

private:
    bool look(timespec limit) noexcept;

    loop& loop_;
    std::size_t fired_ = 0;
    std::vector<pollfd> files_;
    std::vector<fd_callback*> callbacks_; // of the file at the same place
};

} // namespace benchfs::runtime
