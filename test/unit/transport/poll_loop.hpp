// A loop that watches files and sleeps with poll(2), for tests of transports without a ring.
#pragma once

#include "benchfs/runtime/loop.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <poll.h>
#include <vector>

namespace benchfs::transport {

class poll_poller final : public runtime::fd_poller, public runtime::sleeper, public runtime::reactor {
public:
    explicit poll_poller(runtime::loop& l) : loop_(l) {
        loop_.set_poller(this);
        loop_.set_sleeper(this);
        loop_.add(*this);
    }
    ~poll_poller() {
        loop_.remove(*this);
        loop_.set_sleeper(nullptr);
        loop_.set_poller(nullptr);
    }

    void watch(int fd, runtime::fd_callback& callback) noexcept override {
        files_.push_back({fd, POLLIN, 0});
        callbacks_.push_back(&callback);
    }
    void unwatch(runtime::fd_callback& callback) noexcept override {
        const auto at = std::find(callbacks_.begin(), callbacks_.end(), &callback);
        if (at == callbacks_.end()) { return; }
        files_.erase(files_.begin() + (at - callbacks_.begin()));
        callbacks_.erase(at);
    }
    bool poll() noexcept override { return look(timespec{}); }
    void wait(time_point deadline) noexcept override {
        duration limit = longest;
        if (deadline != time_point::max()) { limit = std::min(limit, deadline - steady_clock().now()); }
        if (limit <= duration::zero()) { return; }
        const timespec t{.tv_sec = limit.count() / 1'000'000'000, .tv_nsec = limit.count() % 1'000'000'000};
        (void)look(t);
    }
    [[nodiscard]] std::size_t watches() const noexcept { return files_.size(); }

    std::size_t fired = 0;                       // callbacks called
    duration longest = std::chrono::seconds(10); // sleep

private:
    bool look(timespec limit) noexcept {
        const int n = ::ppoll(files_.data(), files_.size(), &limit, nullptr);
        if (n <= 0) { return false; }
        std::vector<runtime::fd_callback*> ready;
        for (std::size_t i = files_.size(); i-- > 0;) {
            if (files_[i].revents == 0) { continue; }
            ready.push_back(callbacks_[i]);
            files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
            callbacks_.erase(callbacks_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        fired += ready.size();
        for (runtime::fd_callback* callback : ready) { callback->on_readable(errc::ok); }
        return true;
    }

    runtime::loop& loop_;
    std::vector<pollfd> files_;
    std::vector<runtime::fd_callback*> callbacks_;
};

} // namespace benchfs::transport
