// What a server can be told. A plain struct: front ends fill it from a command line and a file through
// bind_options(), embedded servers by hand.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs {

class option_set;

struct server_options {
    std::string registry_dir; // shared with the clients and the other servers; made if it is not there
    std::string data_dir;     // private to this server; not needed by the memory engine
    bool memory = false;      // short for engine = "memory"
    std::string engine;       // storage engine by name; empty: "memory" or "uring", as `memory` says
    unsigned id = 0;          // 0 .. servers - 1
    unsigned servers = 1;     // how many the cluster has

    std::uint64_t chunk_size = 4 * MiB; // of files that ask for no other
    unsigned uring_queue_size = 256;
    std::uint64_t uring_buffer_size = 1 * MiB;
    unsigned uring_submit_depth = 64;
    std::string direct = "auto"; // O_DIRECT in the uring engine: auto, on, off

    std::uint64_t log_size =
        256 * MiB; // uring engine: bytes of the log before a checkpoint must have made room

    std::uint64_t memory_limit = 0;         // memory engine, bytes; 0: three quarters of what is available
    std::uint64_t memory_ahead = 256 * MiB; // memory engine: bytes kept touched and free
    bool warm = false;                      // serve only once memory_ahead is there

    std::string transport = "auto"; // see client_options
    int cpu = -1;                   // pin the process to this core; -1: anywhere
    int numa = -1;                  // bind its memory to this node; -1: the core's own, or anywhere
    int parent = 0;                 // stop when this process, which started the server, ends; 0: never
    std::string metrics_file;       // statistics for Prometheus, rewritten every metrics_interval; empty: none
    duration metrics_interval = std::chrono::seconds(10);
    std::string log_level; // empty: what the front end finds elsewhere

    /// The storage engine that these options name.
    [[nodiscard]] std::string_view engine_name() const noexcept;
};

/// Adds every option under its name; `options` outlives the set and holds the defaults.
void bind_options(option_set& set, server_options& options);

/// What no single option can tell: bad_config, with a text for a person in `why` that names the option.
[[nodiscard]] status validate(const server_options& options, std::string& why);

} // namespace benchfs
