// Methods that record what a server does, call by call, for a while.
#pragma once

#include "benchfs/rpc/method.hpp"

#include <cstdint>

namespace benchfs::rpc {

/// Begins and ends a trace. A trace has a number of the client's choice; a server has one at a time. It ends by
/// itself after its limit, and what it recorded is kept for a minute more. `now_ns` is the server's clock while
/// it answers, the one that spans have.
struct trace_control {
    static constexpr method_info info{44, "trace_control", idempotency::repeatable, bulk::none};
    static constexpr std::uint32_t spans_max = 1U << 20;
    static constexpr std::uint64_t limit_max_ns = 3'600'000'000'000U;
    enum actions : std::uint32_t {
        begin = 1, // busy while another one is on; no_memory
        end = 2,   // not_found if there is none of this number, as for drop
        drop = 3,
        clock = 4, // nothing but now_ns
    };
    struct request {
        std::uint64_t id = 0; // not 0
        std::uint64_t limit_ns = 0;
        std::uint32_t action = 0;
        std::uint32_t spans = 0; // that are kept: the last ones
    };
    struct reply {
        std::uint64_t now_ns = 0;
        std::uint64_t recorded = 0;
        std::uint64_t lost = 0; // of these: the oldest, for which there was no room
    };
};

/// One call that was answered. Queue, network and the rest, storage, add up to the whole, as in
/// method_counters.
struct wire_span {
    std::uint64_t start_ns = 0;
    std::uint64_t whole_ns = 0;
    std::uint64_t queue_ns = 0;
    std::uint64_t network_ns = 0;
    std::uint64_t session = 0; // whose call it was; 0: of a client that is gone
    std::uint64_t bytes = 0;   // of the request's payload
    std::int32_t outcome = 0;  // errc
    std::uint32_t method = 0;
};

/// A page of a trace that has ended, oldest first: the payload of the reply is `spans` of them. busy while it
/// is on, not_found if it is not there (any more).
struct trace_page {
    static constexpr method_info info{45, "trace_page", idempotency::pure, bulk::to_client};
    static constexpr std::uint32_t page_max = 64 * 1024;
    struct request {
        std::uint64_t id = 0;
        std::uint64_t from = 0; // how many were fetched before
    };
    struct reply {
        std::uint32_t spans = 0;
        std::uint32_t more = 0; // 1: ask again
    };
};

} // namespace benchfs::rpc
