// The kernel's side of a ring: set-up with the best flags it offers, and a check of what it can do.
//
// The calls are a table so that a test can play an old kernel, a locked-down container or a small memlock
// limit.
#pragma once

#include "benchfs/base/result.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <sys/uio.h>

struct io_uring;
struct io_uring_params;
struct io_uring_probe;

namespace benchfs::uring {

/// The liburing calls that can be refused by a site. Each returns 0 or a negative errno, probe() a probe that
/// the caller frees, or nullptr.
struct kernel_calls {
    int (*setup)(unsigned entries, ::io_uring* ring, ::io_uring_params* params);
    ::io_uring_probe* (*probe)(::io_uring* ring);
    /// An empty table of buffers (Linux 5.19), filled slot by slot with set_buffer.
    int (*register_table)(::io_uring* ring, unsigned slots);
    int (*set_buffer)(::io_uring* ring, unsigned slot, const ::iovec* buffer);
    /// The whole table at once, for older kernels.
    int (*register_buffers)(::io_uring* ring, const ::iovec* buffers, unsigned count);
    /// Bytes of buffers that this process may lock; SIZE_MAX without a limit.
    std::size_t (*lockable_bytes)();
};

/// The real ones.
[[nodiscard]] const kernel_calls& liburing_calls() noexcept;

struct ring_closer {
    void operator()(::io_uring* ring) const noexcept;
};
using ring_handle = std::unique_ptr<::io_uring, ring_closer>;

/// A ring of `queue_size` entries (rounded up to a power of two) and four times as many completions, made on
/// the calling thread, which must stay the only one to use it unless `one_thread` is false. Required and missing: not_supported, and
/// `problem` names what is missing and what to do. Optional and missing: one line in the log. Does not suspend.
[[nodiscard]] result<ring_handle> open_ring(const kernel_calls& calls, unsigned queue_size,
                                            std::string& problem, bool one_thread = true);

} // namespace benchfs::uring
