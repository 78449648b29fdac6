#include "benchfs/uring/kernel.hpp"

#include "benchfs/base/log.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <liburing.h>
#include <span>
#include <sys/resource.h>
#include <unistd.h>

namespace benchfs::uring {
namespace {

// Locked memory is counted per user, not per process, and rings count too: what one process takes, the next one
// may lack to start at all. A quarter leaves room for a few.
std::size_t share_of_memlock() noexcept {
    ::rlimit limit{};
    const bool unlimited =
        ::geteuid() == 0 || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY;
    return unlimited ? SIZE_MAX : limit.rlim_cur / 4;
}

constexpr kernel_calls real_calls{
    .setup = ::io_uring_queue_init_params,
    .probe = ::io_uring_get_probe_ring,
    .register_table = ::io_uring_register_buffers_sparse,
    .set_buffer =
        [](::io_uring* ring, unsigned slot, const ::iovec* buffer) {
            const int done = ::io_uring_register_buffers_update_tag(ring, slot, buffer, nullptr, 1);
            return done > 0 ? 0 : (done == 0 ? -EIO : done);
        },
    .register_buffers = ::io_uring_register_buffers,
    .lockable_bytes = share_of_memlock,
};

struct flag_set {
    unsigned flags;
    const char* name;
};
// Best first. DEFER_TASKRUN without TASKRUN_FLAG would hide completions from a peek for ever.
constexpr std::array flag_sets{
    flag_set{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                 IORING_SETUP_SUBMIT_ALL,
             "SINGLE_ISSUER|DEFER_TASKRUN"},
    flag_set{IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, "COOP_TASKRUN"},
    flag_set{0, "plain"},
};

struct opcode_name {
    int opcode;
    const char* name;
};
constexpr std::array required_opcodes{
    opcode_name{IORING_OP_OPENAT, "OPENAT"},
    opcode_name{IORING_OP_CLOSE, "CLOSE"},
    opcode_name{IORING_OP_READ, "READ"},
    opcode_name{IORING_OP_WRITE, "WRITE"},
    opcode_name{IORING_OP_READ_FIXED, "READ_FIXED"},
    opcode_name{IORING_OP_WRITE_FIXED, "WRITE_FIXED"},
    opcode_name{IORING_OP_FSYNC, "FSYNC"},
    opcode_name{IORING_OP_FALLOCATE, "FALLOCATE"},
    opcode_name{IORING_OP_STATX, "STATX"},
    opcode_name{IORING_OP_RENAMEAT, "RENAMEAT"},
    opcode_name{IORING_OP_UNLINKAT, "UNLINKAT"},
    opcode_name{IORING_OP_POLL_ADD, "POLL_ADD"},
    opcode_name{IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
};

std::string explain_setup(int error) {
    switch (error) {
    case ENOSYS:
        return "io_uring is not in this kernel, or a container's seccomp profile hides it: use Linux 5.11 or "
               "later, "
               "allow io_uring_setup, io_uring_enter and io_uring_register, or use the memory engine";
    case EPERM:
    case EACCES:
        return "io_uring is disabled: look at `sysctl kernel.io_uring_disabled` (0 allows everybody, 1 the "
               "group "
               "in kernel.io_uring_group) and at the container's seccomp profile, or use the memory engine";
    case ENOMEM:
        return "no memory for the ring: raise `ulimit -l` (the ring counts as locked memory), or choose a "
               "smaller uring queue size";
    case EMFILE:
    case ENFILE:
        return "no file descriptor left for the ring: raise `ulimit -n`";
    default:
        return std::string("io_uring_setup failed: ") + std::strerror(error);
    }
}

errc setup_error(int error) noexcept {
    const bool refused = error == ENOSYS || error == EPERM || error == EACCES;
    return refused ? errc::not_supported : from_errno(error);
}

/// Names what is required and absent; empty when all is there.
std::string missing_opcodes(const ::io_uring_probe* probe) {
    std::string missing;
    for (const auto& [opcode, name] : required_opcodes) {
        if (probe != nullptr && ::io_uring_opcode_supported(probe, opcode) != 0) { continue; }
        if (!missing.empty()) { missing += ", "; }
        missing += name;
    }
    return missing;
}

} // namespace

const kernel_calls& liburing_calls() noexcept { return real_calls; }

void ring_closer::operator()(::io_uring* ring) const noexcept {
    ::io_uring_queue_exit(ring);
    delete ring;
}

result<ring_handle> open_ring(const kernel_calls& calls, unsigned queue_size, std::string& problem,
                              bool one_thread) {
    auto memory = std::make_unique<::io_uring>();
    int error = 0;
    const flag_set* used = nullptr;
    // Shared by threads: no flag that ties completions to the one that submitted.
    for (const flag_set& set : std::span(flag_sets).subspan(one_thread ? 0 : flag_sets.size() - 1)) {
        ::io_uring_params params{};
        params.flags = set.flags | IORING_SETUP_CQSIZE;
        params.cq_entries = queue_size * 4;
        error = -calls.setup(queue_size, memory.get(), &params);
        used = &set;
        if (error != EINVAL) { break; } // EINVAL is how an older kernel refuses a flag
    }
    if (error != 0) {
        problem = explain_setup(error);
        return setup_error(error);
    }
    ring_handle ring(memory.release());

    if ((ring->features & IORING_FEAT_NODROP) == 0) {
        problem = "this kernel's io_uring lacks the feature NODROP (it may lose completions): use Linux 5.11 "
                  "or later";
        return errc::not_supported;
    }
    const std::unique_ptr<::io_uring_probe, decltype(&std::free)> probe(calls.probe(ring.get()), &std::free);
    if (const std::string missing = missing_opcodes(probe.get()); !missing.empty()) {
        problem = "this kernel's io_uring lacks the operations " + missing + ": use Linux 5.11 or later";
        return errc::not_supported;
    }
    if (one_thread && used != flag_sets.data()) {
        BFS_LOG_INFO("uring", "running with %s: SINGLE_ISSUER|DEFER_TASKRUN needs Linux 6.1", used->name);
    }
    if ((ring->features & IORING_FEAT_EXT_ARG) == 0) {
        BFS_LOG_INFO("uring", "no EXT_ARG: a sleep with a deadline costs an extra entry (Linux 5.11 has it)");
    }
    if (::io_uring_ring_dontfork(ring.get()) != 0) {
        BFS_LOG_INFO("uring", "the ring's memory is shared with forked children: madvise(DONTFORK) failed");
    }
    return ring;
}

} // namespace benchfs::uring
