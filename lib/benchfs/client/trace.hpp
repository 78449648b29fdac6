// A trace of all servers for a while: every call that each of them answered, on one time line.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/task.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace benchfs {

class file_system;

struct trace_span {
    server_id server{};
    std::string_view method;   // lives for ever
    std::uint64_t client = 0;  // the session that asked: another number for each client; 0: it is gone
    std::int64_t start_ns = 0; // since the trace began
    std::uint64_t whole_ns = 0;
    std::uint64_t queue_ns = 0;   // until its handler ran
    std::uint64_t network_ns = 0; // while its payload travelled
    std::uint64_t bytes = 0;      // of the request's payload
    errc outcome = errc::ok;

    [[nodiscard]] std::uint64_t storage_ns() const noexcept { return whole_ns - queue_ns - network_ns; }
};

struct trace_options {
    duration window = std::chrono::seconds(1);
    std::uint32_t spans = 1U << 17; // of each server, the last ones
    std::uint64_t id = 1;           // of the trace: any number that nobody else uses now
};

struct trace_report {
    std::vector<trace_span> spans; // by start
    std::uint64_t lost = 0;        // older ones for which a server had no room
};

/// Begins a trace on every server, waits, ends it and fetches what was recorded. The servers' clocks are
/// brought together to within half of a round trip. busy: somebody else's trace is on. On an error `failed`
/// says at which server; what was begun is dropped, or ends by itself a little after the window.
[[nodiscard]] runtime::task<status> record_trace(file_system& fs, trace_options options, trace_report& report,
                                                 server_id& failed);

} // namespace benchfs
