// The UCP worker as a reactor of the loop.
//
// UCX's callbacks run inside ucp_worker_progress() and do nothing but queue a `deferred`; the worker runs those
// afterwards, from poll(), where user code may send, close and start coroutines. Progress is a system call over
// tcp, so an idle worker makes none: it arms its event fd and lets the loop's poller watch it.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/clock.hpp"
#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/reactor.hpp"
#include "benchfs/transport/ucx/context.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace benchfs::transport::ucx {

/// Something that a UCX callback noticed and the loop handles. It may destroy itself in run().
class deferred : public list_hook<> {
public:
    virtual void run() noexcept = 0;
    /// The worker goes away before run(): let go of what UCX lent.
    virtual void discard() noexcept {}

protected:
    ~deferred() = default;
};

/// What is outstanding at UCX. All zero when the worker is destroyed.
struct held_counts {
    std::uint32_t endpoints = 0;
    std::uint32_t requests = 0; // sends, receives, flushes, closes that have not completed
    std::uint32_t payloads = 0; // eager data and rendezvous descriptors that were not given back
};

class worker final : public runtime::reactor, private runtime::fd_callback {
public:
    /// Adds itself to the loop, which must outlive it. The error is logged.
    [[nodiscard]] static result<std::unique_ptr<worker>> create(runtime::loop& l, std::unique_ptr<context> c);
    /// Asserts that nothing is held any more.
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    [[nodiscard]] ucp_worker_h handle() const noexcept { return handle_; }
    [[nodiscard]] runtime::loop& owner() const noexcept { return loop_; }
    [[nodiscard]] const context& network() const noexcept { return *context_; }
    /// UCX's own address of this worker.
    [[nodiscard]] const_byte_span address() const noexcept { return address_; }
    [[nodiscard]] std::size_t header_max() const noexcept { return header_max_; }

    /// From callbacks: have it run from poll(), in the order of these calls.
    void defer(deferred& d) noexcept {
        if (!d.linked()) { deferred_.push_back(d); }
    }
    /// Something was sent or arrived: look often for a while.
    void touch() noexcept { touched_ = true; }
    /// One round, for who cannot wait for poll() (a doorbell). Runs no deferred.
    void progress_once() noexcept {
        armed_ = false;
        (void)ucp_worker_progress(handle_);
    }
    /// One round and what it brought, whatever the time is: for destructors.
    void drain() noexcept {
        progress_once();
        (void)run_deferred();
    }

    held_counts held;

    bool poll() noexcept override;
    bool prepare_sleep() noexcept override;

    /// Nothing is expected soon, and the event fd tells when something comes: poll() costs next to nothing.
    [[nodiscard]] bool is_cold() const noexcept {
        return armed_ && !touched_ && held.requests == 0 && loop_.now() >= hot_until_;
    }
    /// Calls of ucp_worker_progress so far; tests check that an idle worker makes none.
    [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_; }

private:
    worker(runtime::loop& l, std::unique_ptr<context> c, ucp_worker_h handle, int event_fd);
    void on_readable(errc error) noexcept override;
    [[nodiscard]] status learn_attributes();
    bool run_deferred() noexcept;
    /// True if anything happened.
    bool progress(unsigned rounds_max) noexcept;
    /// True when the next event will be seen through the event fd.
    bool arm() noexcept;

    runtime::loop& loop_;
    std::unique_ptr<context> context_;
    ucp_worker_h handle_;
    int event_fd_;
    std::size_t header_max_ = 0;
    std::vector<std::byte> address_;
    intrusive_list<deferred> deferred_;
    bool touched_ = false;
    bool fired_ = false;      // the event fd became readable
    bool watching_ = false;   // the poller has the event fd
    bool armed_ = false;      // and UCX will signal it
    bool arm_failed_ = false; // logged once
    time_point hot_until_{};
    time_point last_progress_{};
    std::uint64_t rounds_ = 0;
};

} // namespace benchfs::transport::ucx
