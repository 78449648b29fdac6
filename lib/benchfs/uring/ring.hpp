// The ring: one io_uring that drives a loop. It submits what was queued once a turn, delivers completions
// through the scheduler, blocks for the loop when nothing is to do, and watches file descriptors.
//
// Made on the loop's thread and used from there only. Operations (ops.hpp) live in the coroutines that await
// them; the ring must outlive them all. Completions never outnumber the completion queue: beyond that, and when
// the submission queue is full, operations are parked in the order they came.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/reactor.hpp"
#include "benchfs/uring/buffer_pool.hpp"
#include "benchfs/uring/kernel.hpp"
#include "benchfs/uring/submission.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace benchfs::uring {

class watch_entry;

struct ring_options {
    unsigned queue_size = 256;            // submission entries, 1 .. 16384
    std::size_t buffer_size = 1 * MiB;    // rounded up to whole pages
    unsigned buffer_count = 32;           // 0: no buffer pool
    unsigned submit_depth = 64;           // hand over in mid-turn when that many are queued
    bool register_buffers = true;         // false: plain memory from the start
    bool one_thread = true;               // false: several threads use it, one at a time
    const kernel_calls* kernel = nullptr; // nullptr: the real ones; must outlive the ring
};

struct ring_stats {
    std::uint64_t submitted = 0;    // entries filled in: operations, watches and cancels
    std::uint64_t completed = 0;    // completions reaped
    std::uint64_t parked = 0;       // submissions that had to wait for room
    std::uint64_t cq_overflows = 0; // times the kernel said that its completion queue was too small
    std::uint64_t enters = 0;       // system calls
};

class ring final : public runtime::reactor, public runtime::sleeper, public runtime::fd_poller {
public:
    /// A ring that drives `owner` (added as reactor, sleeper and poller until it dies). not_supported: the
    /// kernel or the site refuses io_uring or lacks something required; the log says what, and what to do.
    /// invalid_argument: options out of range. busy: the loop has a ring.
    [[nodiscard]] static result<std::unique_ptr<ring>> create(runtime::loop& owner,
                                                              const ring_options& options);

    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    /// No operation may be in flight. Watches that are left are cancelled without a call.
    ~ring();

    /// Empty when the options said buffer_count 0.
    [[nodiscard]] buffer_pool& buffers() noexcept { return *buffers_; }
    [[nodiscard]] const ring_stats& stats() const noexcept { return stats_; }
    /// Operations given to the ring and not completed, parked ones among them.
    [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
    /// How many operations the kernel gets at a time.
    [[nodiscard]] std::uint32_t max_in_flight() const noexcept { return operation_limit_; }

    // fd_poller
    void watch(int fd, runtime::fd_callback& callback) noexcept override;
    void unwatch(runtime::fd_callback& callback) noexcept override;

    // For operations: start() queues or parks; completed() follows for each one, exactly once.
    void start(submission& s) noexcept;
    /// Asks for an early end. A parked submission is completed inside this call (-ECANCELED); one in flight
    /// ends when the kernel says so, with whatever result.
    void cancel(submission& s) noexcept;

    // reactor
    void flush() noexcept override;
    bool poll() noexcept override;
    bool prepare_sleep() noexcept override;
    // sleeper
    void wait(time_point deadline) noexcept override;

private:
    ring(runtime::loop& owner, ring_handle handle, std::unique_ptr<buffer_pool> buffers, unsigned submit_depth);

    [[nodiscard]] ::io_uring_sqe* next_entry() noexcept;
    [[nodiscard]] bool issue(submission& s, std::uint32_t limit) noexcept;
    [[nodiscard]] bool issue_cancel(submission& s) noexcept;
    void entry_filled() noexcept;
    void start_urgent(submission& s) noexcept;
    void drain_parked() noexcept;
    void submit() noexcept;
    void check(int entered) noexcept;
    [[nodiscard]] unsigned reap(unsigned limit) noexcept;
    void deliver(std::uint64_t user_data, int outcome) noexcept;
    void finish(submission& s, int outcome) noexcept;
    void drop_watches() noexcept;

    runtime::loop& loop_;
    ring_handle ring_;
    std::unique_ptr<buffer_pool> buffers_;
    std::uint32_t submit_depth_;
    std::uint32_t operation_limit_;  // operations in the kernel at a time; the rest of the completion queue ...
    std::uint32_t completion_limit_; // ... is for watches and cancels, which must never wait for operations
    std::uint32_t expected_ = 0;     // completions the kernel owes us
    std::size_t pending_ = 0;
    bool deferred_ = false;             // completions are posted only when we enter the kernel for them
    bool submit_failed_ = false;        // in this turn: the next flush tries again
    intrusive_list<submission> urgent_; // watches and cancels without an entry
    intrusive_list<submission> parked_; // operations without an entry
    std::vector<std::unique_ptr<watch_entry>> watches_;
    std::vector<watch_entry*> idle_watches_;
    ring_stats stats_;
};

} // namespace benchfs::uring
