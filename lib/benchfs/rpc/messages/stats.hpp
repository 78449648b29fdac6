// Methods that say how a server is doing.
#pragma once

#include "benchfs/rpc/method.hpp"

#include <array>
#include <cstdint>

namespace benchfs::rpc {

/// Nanoseconds of the calls that were measured.
struct wire_latency {
    std::uint64_t sum = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p90 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t max = 0;
};

/// Counters of one method since the server's start. One call in 32 is measured: network is the time in which
/// its payload travels, queue the time from the start of the turn of the loop in which it came until its
/// handler ran, storage all the rest of its handler; they add up to the whole.
struct method_counters {
    static constexpr method_info info{40, "method_stats", idempotency::pure, bulk::none};
    struct request {
        std::uint32_t method = 0; // not_found if there is none with this number
        std::uint32_t reserved = 0;
    };
    struct reply {
        std::uint64_t calls = 0;
        std::uint64_t errors = 0;
        std::uint64_t bytes = 0;    // of payload, either way
        std::uint64_t measured = 0; // calls
        wire_latency whole;
        wire_latency network;
        wire_latency queue;
        wire_latency storage;
    };
};

/// Who a server is, and what it holds. Texts end with a zero byte.
struct server_status {
    static constexpr method_info info{41, "server_status", idempotency::pure, bulk::none};
    struct request {
        std::uint64_t reserved = 0;
    };
    struct reply {
        std::uint32_t id = 0;
        std::uint32_t servers = 0;
        std::uint64_t pid = 0;
        std::uint64_t uptime_ns = 0;
        std::uint64_t cpu_ns = 0;      // user and system time of the process
        std::uint64_t memory_peak = 0; // bytes of the process, the most there ever were
        std::uint64_t memory_rpc = 0;  // bytes for connections, sessions and calls
        std::uint64_t connections = 0;
        std::uint64_t sessions = 0;
        std::uint64_t files = 0;
        std::uint64_t directories = 0;
        std::uint64_t bytes_total = 0;
        std::uint64_t bytes_used = 0;
        std::array<char, 64> host{};
        std::array<char, 16> engine{};
        std::array<char, 16> version{};
    };
};

} // namespace benchfs::rpc
