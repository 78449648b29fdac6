// What stands behind the handles of benchfs.h: a mounted cluster with a lock around it.
//
// The loop and everything below it belong to whoever holds the lock. Files share the state, so that a handle
// which outlives benchfs_finalize() finds an empty one and no freed memory.
#pragma once

#include "benchfs/api/benchfs.h"
#include "benchfs/api/benchfs.hpp"
#include "benchfs/api/c_error.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>

namespace benchfs::c {

/// How often this process came out of a fork(), counted in the child.
[[nodiscard]] unsigned forks_so_far() noexcept;

struct state {
    std::mutex lock;
    std::unique_ptr<mounted> mount; // empty after finalize
    benchfs_server_t* server = nullptr;
    std::string node_id;
    unsigned forks = forks_so_far(); // of the process that made it

    [[nodiscard]] bool inherited() const noexcept { return forks != forks_so_far(); }
    ~state() {
        // A copy in a forked child: its memory is shared with the parent's servers, so nothing is said to
        // anyone.
        if (!inherited()) { return; }
        // NOLINTNEXTLINE(bugprone-unused-return-value): it must not be destroyed
        static_cast<void>(mount.release());
    }
};

/// Runs `body(file_system, loop)`, which gives 0 or more, or -errno, as the only caller of this state.
/// Everything that could be thrown ends here.
template <class Body>
auto locked(state& s, std::string_view operation, std::string_view subject, Body&& body) noexcept
    -> decltype(body(*s.mount)) {
    if (s.inherited()) [[unlikely]] {
        return fail(from_errno(ECHILD), operation, subject,
                    "this process was forked after benchfs_init; call benchfs_init in the child");
    }
    note_thread();
    try {
        const std::lock_guard guard(s.lock);
        if (!s.mount) [[unlikely]] {
            return fail(errc::bad_handle, operation, subject, "benchfs_finalize was called");
        }
        auto answer = body(*s.mount);
        name_silent_server(s.mount->fs().silent_server());
        return answer;
    } catch (const std::bad_alloc&) { return fail(errc::no_memory, operation, subject); } catch (...) {
        return fail(errc::io_error, operation, subject, "an unexpected error inside benchfs");
    }
}

/// The same for a call about a path; the arguments are checked.
template <class Body>
auto on_path(benchfs_context_t* context, std::string_view operation, const char* path, Body&& body) noexcept;

} // namespace benchfs::c

struct benchfs_context {
    std::shared_ptr<benchfs::c::state> shared;
};

template <class Body>
auto benchfs::c::on_path(benchfs_context_t* context, std::string_view operation, const char* path,
                         Body&& body) noexcept {
    using value = decltype(body(*context->shared->mount));
    if (context == nullptr) {
        return value{fail(errc::invalid_argument, operation, {}, "the context is NULL")};
    }
    if (path == nullptr) { return value{fail(errc::invalid_argument, operation, {}, "the path is NULL")}; }
    return locked(*context->shared, operation, path, body);
}
