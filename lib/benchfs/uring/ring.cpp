#include "benchfs/uring/ring.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/uring/watch_entry.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <liburing.h>
#include <string>

namespace benchfs::uring {
namespace {

constexpr unsigned largest_queue = 16384; // the kernel's limit on completions is four times that
constexpr unsigned reap_limit = 512;      // completions a poll(): other reactors want their turn
constexpr std::uint64_t no_recipient = 0; // user_data of a cancel: its own completion says nothing of use

unsigned kernel_flags(const ::io_uring& ring) noexcept { return IO_URING_READ_ONCE(*ring.sq.kflags); }

bool needs_enter(const ::io_uring& ring) noexcept {
    return (kernel_flags(ring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool valid(const ring_options& options) noexcept {
    return options.queue_size >= 1 && options.queue_size <= largest_queue && options.submit_depth >= 1;
}

} // namespace

result<std::unique_ptr<ring>> ring::create(runtime::loop& owner, const ring_options& options) {
    if (!valid(options)) {
        BFS_LOG_ERROR("uring", "queue size %u (1 to %u) or submit depth %u (1 or more) is out of range",
                      options.queue_size, largest_queue, options.submit_depth);
        return errc::invalid_argument;
    }
    if (owner.poller() != nullptr) {
        BFS_LOG_ERROR("uring", "this loop is driven by a ring already");
        return errc::busy;
    }
    const kernel_calls& calls = options.kernel != nullptr ? *options.kernel : liburing_calls();
    std::string problem;
    result<ring_handle> handle = open_ring(calls, options.queue_size, problem, options.one_thread);
    if (!handle) {
        BFS_LOG_ERROR("uring", "%s", problem.c_str());
        return handle.error();
    }
    auto buffers = buffer_pool::create(**handle, calls, options.buffer_size, options.buffer_count,
                                       options.register_buffers);
    if (!buffers) {
        BFS_LOG_ERROR("uring", "no room for %u buffers of %zu bytes", options.buffer_count,
                      options.buffer_size);
        return buffers.error();
    }
    return std::unique_ptr<ring>(
        new ring(owner, *std::move(handle), *std::move(buffers), options.submit_depth));
}

ring::ring(runtime::loop& owner, ring_handle handle, std::unique_ptr<buffer_pool> buffers,
           unsigned submit_depth)
    : loop_(owner),
      ring_(std::move(handle)),
      buffers_(std::move(buffers)),
      submit_depth_(std::min(submit_depth, ring_->sq.ring_entries)),
      operation_limit_(ring_->cq.ring_entries - ring_->cq.ring_entries / 4),
      completion_limit_(ring_->cq.ring_entries),
      deferred_((ring_->flags & IORING_SETUP_DEFER_TASKRUN) != 0) {
    loop_.add(*this);
    loop_.set_sleeper(this);
    loop_.set_poller(this);
}

ring::~ring() {
    BFS_ASSERT(pending_ == 0);
    loop_.set_poller(nullptr);
    loop_.set_sleeper(nullptr);
    loop_.remove(*this);
    drop_watches();
}

void ring::drop_watches() noexcept {
    for (const auto& w : watches_) {
        w->callback = nullptr;
        cancel(*w);
    }
    // A cancelled poll ends at once; the bound turns a hang into a report.
    for (int round = 0; expected_ != 0 || !urgent_.empty(); ++round) {
        BFS_ASSERT(round < 100);
        wait(loop_.now() + std::chrono::milliseconds(100));
        while (reap(reap_limit) != 0) {}
    }
}

// ---- submitting

::io_uring_sqe* ring::next_entry() noexcept {
    ::io_uring_sqe* entry = ::io_uring_get_sqe(ring_.get());
    if (entry == nullptr && !submit_failed_) {
        submit();
        entry = ::io_uring_get_sqe(ring_.get());
    }
    return entry;
}

bool ring::issue(submission& s, std::uint32_t limit) noexcept {
    if (expected_ >= limit) { return false; }
    ::io_uring_sqe* entry = next_entry();
    if (entry == nullptr) { return false; }
    s.prepare(*entry);
    ::io_uring_sqe_set_data(entry, &s); // after prepare: an entry keeps the user_data of its last use
    s.track.where = submission::stage::in_flight;
    entry_filled();
    return true;
}

bool ring::issue_cancel(submission& s) noexcept {
    if (expected_ >= completion_limit_) { return false; }
    ::io_uring_sqe* entry = next_entry();
    if (entry == nullptr) { return false; }
    ::io_uring_prep_cancel(entry, &s, 0);
    ::io_uring_sqe_set_data64(entry, no_recipient);
    entry_filled();
    return true;
}

void ring::entry_filled() noexcept {
    ++expected_;
    ++stats_.submitted;
    if (::io_uring_sq_ready(ring_.get()) >= submit_depth_ && !submit_failed_) { submit(); }
}

void ring::start(submission& s) noexcept {
    BFS_ASSERT(s.track.where == submission::stage::idle);
    ++pending_;
    if (parked_.empty() && issue(s, operation_limit_)) { return; }
    s.track.where = submission::stage::parked;
    ++stats_.parked;
    parked_.push_back(s);
}

void ring::start_urgent(submission& s) noexcept {
    BFS_ASSERT(s.track.where == submission::stage::idle);
    s.track.uncounted = true;
    if (urgent_.empty() && issue(s, completion_limit_)) { return; }
    s.track.where = submission::stage::parked;
    ++stats_.parked;
    urgent_.push_back(s);
}

void ring::cancel(submission& s) noexcept {
    switch (s.track.where) {
    case submission::stage::idle:
        return;
    case submission::stage::parked:
        s.unlink();
        finish(s, -ECANCELED);
        return;
    case submission::stage::in_flight:
        // Only noted here, as this may be called from anywhere; the next flush() hands it over.
        if (!s.linked()) { urgent_.push_back(s); }
        return;
    }
}

void ring::drain_parked() noexcept {
    while (!urgent_.empty()) {
        submission& s = urgent_.front();
        const bool in_flight = s.track.where == submission::stage::in_flight;
        if (!(in_flight ? issue_cancel(s) : issue(s, completion_limit_))) { return; }
        s.unlink();
    }
    while (!parked_.empty()) {
        submission& s = parked_.front();
        if (!issue(s, operation_limit_)) { return; }
        s.unlink();
    }
}

void ring::submit() noexcept {
    ++stats_.enters;
    // Where completions wait for us to enter the kernel, this call collects them as well.
    check(deferred_ ? ::io_uring_submit_and_get_events(ring_.get()) : ::io_uring_submit(ring_.get()));
}

void ring::check(int entered) noexcept {
    switch (entered) {
    case -ETIME:
        return;
    case -EINTR:
    case -EAGAIN:
    case -EBUSY:
    case -ENOMEM:
        submit_failed_ = true;
        return; // what was not taken stays queued
    default:
        break;
    }
    if (entered >= 0) { return; }
    // EEXIST: another thread uses the ring. EBADR: completions were lost. Neither can be repaired.
    BFS_LOG_ERROR("uring", "io_uring_enter failed: %s", std::strerror(-entered));
    BFS_ASSERT(entered >= 0);
}

void ring::flush() noexcept {
    submit_failed_ = false;
    drain_parked();
    if (::io_uring_sq_ready(ring_.get()) != 0 && !submit_failed_) { submit(); }
}

// ---- completing

bool ring::poll() noexcept {
    if (needs_enter(*ring_)) [[unlikely]] {
        if ((kernel_flags(*ring_) & IORING_SQ_CQ_OVERFLOW) != 0) { ++stats_.cq_overflows; }
        ++stats_.enters;
        check(::io_uring_get_events(ring_.get()));
    }
    return reap(reap_limit) != 0;
}

unsigned ring::reap(unsigned limit) noexcept {
    unsigned reaped = 0;
    unsigned head = 0;
    ::io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, cqe) {
        if (reaped == limit) { break; }
        ++reaped;
        const std::uint64_t user_data = cqe->user_data;
        const int outcome = cqe->res;
        // Given back before delivery, which may submit and so make the kernel post more.
        ::io_uring_cq_advance(ring_.get(), 1);
        deliver(user_data, outcome);
    }
    return reaped;
}

void ring::deliver(std::uint64_t user_data, int outcome) noexcept {
    if (user_data == LIBURING_UDATA_TIMEOUT) { return; } // liburing's own, where there is no EXT_ARG
    BFS_ASSERT(expected_ != 0);
    --expected_;
    ++stats_.completed;
    if (user_data == no_recipient) { return; }
    submission& s = *reinterpret_cast<submission*>(static_cast<std::uintptr_t>(user_data));
    s.unlink(); // a wish to cancel that comes too late
    finish(s, outcome);
}

void ring::finish(submission& s, int outcome) noexcept {
    s.track.where = submission::stage::idle;
    if (!s.track.uncounted) { --pending_; }
    s.completed(outcome);
}

// ---- blocking

bool ring::prepare_sleep() noexcept {
    flush();
    return ::io_uring_cq_ready(ring_.get()) == 0 && !needs_enter(*ring_);
}

void ring::wait(time_point deadline) noexcept {
    // Reactors that were asked after us may have queued watches.
    submit_failed_ = false;
    drain_parked();
    if (::io_uring_cq_ready(ring_.get()) != 0) { return; }
    __kernel_timespec limit{};
    if (deadline != time_point::max()) {
        const auto left = std::max<std::int64_t>((deadline - loop_.now()).count(), 0);
        limit = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    }
    ++stats_.enters;
    ::io_uring_cqe* first = nullptr; // left in the queue for poll()
    check(::io_uring_submit_and_wait_timeout(ring_.get(), &first, 1,
                                             deadline == time_point::max() ? nullptr : &limit, nullptr));
}

// ---- watching

void ring::watch(int fd, runtime::fd_callback& callback) noexcept {
    if (idle_watches_.empty()) {
        watches_.push_back(std::make_unique<watch_entry>(idle_watches_));
        idle_watches_.reserve(watches_.size()); // an entry comes back without allocating
        idle_watches_.push_back(watches_.back().get());
    }
    watch_entry& w = *idle_watches_.back();
    idle_watches_.pop_back();
    w.fd = fd;
    w.callback = &callback;
    start_urgent(w);
}

void ring::unwatch(runtime::fd_callback& callback) noexcept {
    for (const auto& w : watches_) {
        if (w->callback != &callback) { continue; }
        w->callback = nullptr; // the entry itself stays until the kernel is done with it
        cancel(*w);
    }
}

} // namespace benchfs::uring
