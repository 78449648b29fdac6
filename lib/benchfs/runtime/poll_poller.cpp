#include "benchfs/runtime/poll_poller.hpp"

#include <algorithm>

namespace benchfs::runtime {

poll_poller::poll_poller(loop& l) : loop_(l) {
    loop_.set_poller(this);
    loop_.set_sleeper(this);
    loop_.add(*this);
}

poll_poller::~poll_poller() {
    loop_.remove(*this);
    loop_.set_sleeper(nullptr);
    loop_.set_poller(nullptr);
}

void poll_poller::watch(int fd, fd_callback& callback) noexcept {
    files_.push_back({fd, POLLIN, 0});
    callbacks_.push_back(&callback);
}

void poll_poller::unwatch(fd_callback& callback) noexcept {
    const auto at = std::find(callbacks_.begin(), callbacks_.end(), &callback);
    if (at == callbacks_.end()) { return; }
    files_.erase(files_.begin() + (at - callbacks_.begin()));
    callbacks_.erase(at);
}

void poll_poller::wait(time_point deadline) noexcept {
    duration limit = longest;
    if (deadline != time_point::max()) { limit = std::min(limit, deadline - loop_.read_clock()); }
    if (limit <= duration::zero()) { return; }
    const timespec t{.tv_sec = limit.count() / 1'000'000'000, .tv_nsec = limit.count() % 1'000'000'000};
    (void)look(t);
}

bool poll_poller::look(timespec limit) noexcept {
    const int n = ::ppoll(files_.data(), files_.size(), &limit, nullptr);
    if (n <= 0) { return false; }
    // A watch is one shot, and a callback may watch and unwatch: one at a time, each looked up anew.
    std::vector<fd_callback*> ready;
    for (std::size_t i = files_.size(); i-- > 0;) {
        if (files_[i].revents != 0) { ready.push_back(callbacks_[i]); }
    }
    for (fd_callback* callback : ready) {
        const auto at = std::find(callbacks_.begin(), callbacks_.end(), callback);
        if (at == callbacks_.end()) { continue; }
        files_.erase(files_.begin() + (at - callbacks_.begin()));
        callbacks_.erase(at);
        ++fired_;
        callback->on_readable(errc::ok);
    }
    return true;
}

} // namespace benchfs::runtime
