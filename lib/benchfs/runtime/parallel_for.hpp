// parallel_for: the same call for many indices, so many at a time.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>
#include <cstddef>

namespace benchfs::runtime {

namespace detail {

/// All references are to the frame of the parallel_for() that joins this.
template <class Body>
task<status> work_through(task_scope& scope, Body& body, std::size_t& next, std::size_t count) {
    while (next < count) {
        // Indices that nobody has done must not look like success.
        if (scope.stop_requested()) { co_return scope.context().stop->reason(); }
        task<status> one = body(next++);
        BFS_CO_CHECK(co_await std::move(one));
    }
    co_return ok();
}

} // namespace detail

/// Awaits body(0) ... body(count - 1), each a task<status>, at most `limit` (at least 1) at a time, started in
/// order. The first error asks the running ones to stop, starts no more, and is the result once all have ended.
/// The body is kept until then, so it may be a lambda with captures that returns the task of a function; it
/// must not itself be a coroutine with captures.
template <class Body>
[[nodiscard]] task<status> parallel_for(std::size_t count, std::size_t limit, Body body) {
    call_context& context = co_await current_context();
    task_scope scope(context);
    std::size_t next = 0;
    for (std::size_t worker = 0; worker < std::max<std::size_t>(limit, 1) && next < count; ++worker) {
        if (worker != 0 && scope.stop_requested()) { break; }
        scope.spawn(detail::work_through(scope, body, next, count));
    }
    co_return co_await scope.join();
}

} // namespace benchfs::runtime
