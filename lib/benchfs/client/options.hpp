// What a client can be told. A plain struct: front ends fill it from a command line and a file through
// bind_options(), programs by hand.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/result.hpp"

#include <chrono>
#include <string>

namespace benchfs {

class option_set;

struct client_options {
    std::string registry_dir; // the directory that the servers share with their clients
    /// "auto": a window in shared memory where the server is on this node, the network elsewhere. "window":
    /// nothing else will do. "ucx": the network even on this node.
    std::string transport = "auto";
    duration connect_wait = std::chrono::seconds(30);     // for all servers to register and answer
    duration retry_for = std::chrono::milliseconds(1500); // after a server was lost, before peer_down
    duration deadline = std::chrono::seconds(10);         // of an operation, plus time for its bytes
};

/// Adds every option under its name; `options` outlives the set and holds the defaults.
void bind_options(option_set& set, client_options& options);

/// What no single option can tell: bad_config, with a text for a person in `why`.
[[nodiscard]] status validate(const client_options& options, std::string& why);

} // namespace benchfs
