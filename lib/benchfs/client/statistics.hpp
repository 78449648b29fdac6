// What servers say of themselves, as a user sees it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs {

/// Nanoseconds of the calls that were measured.
struct latency_figures {
    std::uint64_t sum = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p90 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t max = 0;
};

/// One method of one server since its start. Some calls are measured; network, queue and storage add up to the
/// whole.
struct method_figures {
    std::string_view method; // lives for ever
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::uint64_t bytes = 0;    // of payload, either way
    std::uint64_t measured = 0; // calls
    latency_figures whole;
    latency_figures network;
    latency_figures queue;
    latency_figures storage;
};

struct server_figures {
    std::uint32_t id = 0;
    std::uint32_t servers = 0;
    std::string host;
    std::string engine;
    std::string version;
    std::uint64_t pid = 0;
    std::uint64_t uptime_ns = 0;
    std::uint64_t cpu_ns = 0;
    std::uint64_t memory_peak = 0; // bytes
    std::uint64_t memory_rpc = 0;  // bytes, for connections, sessions and calls
    std::uint64_t connections = 0;
    std::uint64_t sessions = 0;
    std::uint64_t files = 0;
    std::uint64_t directories = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_used = 0;
};

} // namespace benchfs
