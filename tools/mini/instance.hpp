// What one instance of BenchFS Mini is made of.
#pragma once

#include "benchfs_mini.h"
#include "store.hpp"

#include "benchfs/base/clock.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/poll_poller.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/transport/ucx/listener.hpp"
#include "benchfs/transport/ucx/stream.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace benchfs::mini {

using transport::ucx::stream;
using stream_ptr = std::unique_ptr<stream>;

struct settings {
    std::string registry;
    std::string advertise;
    int rank = 0;
    bool quiet = false;
    duration timeout{};
    duration connect_wait{};
    std::uint64_t memory_limit = 0;
};

struct instance {
    explicit instance(settings s)
        : config(std::move(s)), files(config.memory_limit), scope(loop.root(), false) {}

    [[nodiscard]] duration allowance(std::size_t bytes) const {
        return config.timeout + std::chrono::microseconds(bytes);
    }

    settings config;
    runtime::loop loop;
    runtime::poll_poller poller{loop};
    std::unique_ptr<transport::ucx::worker> worker;
    std::unique_ptr<transport::ucx::listener> listener;
    store files;
    runtime::task_scope scope; // the server's coroutines
    benchfs_mini_stats_t stats{};
    std::string entry; // what this server wrote into the registry
    std::map<int, stream_ptr> servers;
};

} // namespace benchfs::mini
