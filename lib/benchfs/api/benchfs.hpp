// benchfs, in one header: mount a cluster or embed a file system, and co_await it.
//
//     benchfs::client_options options;
//     options.registry_dir = "/shared/registry";
//     std::string why;
//     auto mounted = benchfs::mount(options, why);
//     if (!mounted) { ... why ... }
//     benchfs::status s = (*mounted)->run(app((*mounted)->fs()));
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/client/options.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/runtime/when_all.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/server/node.hpp"
#include "benchfs/server/options.hpp"

#include <memory>
#include <string>

namespace benchfs {

using runtime::task;

/// A file system with everything below it: loop, ring, network, and for an embedded one the server too.
/// Unmounts when it is destroyed. One thread uses it.
class mounted {
public:
    virtual ~mounted() = default;
    [[nodiscard]] virtual file_system& fs() noexcept = 0;
    [[nodiscard]] virtual runtime::loop& loop() noexcept = 0;
    /// Runs the task to its end; the only blocking call.
    template <class T>
    T run(task<T> t) {
        return loop().run(std::move(t));
    }
};

/// Waits for the servers of a cluster (options.connect_wait), connects to the first of them and gives its file
/// system. An error says in `why` what was looked for, what was found and what to try.
[[nodiscard]] result<std::unique_ptr<mounted>> mount(const client_options& options, std::string& why);

/// A file system inside this process: no daemon, no registry, the same code. `dir` holds its data and is made
/// if it is not there; empty: in memory only.
[[nodiscard]] result<std::unique_ptr<mounted>> embedded(const std::string& dir, std::string& why);

} // namespace benchfs
