// Transports by name: one table, one line each.
//
// What goes by name (configuration, command lines, the conformance suite, benchmarks) runs over every entry.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/transport.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace benchfs::transport {

class loopback_network;

/// What any of the transports may be told; each takes what concerns it.
struct transport_options {
    /// loopback: the process's switchboard; must outlive the transport.
    loopback_network* network = nullptr;
    std::uint64_t seed = 1; // for handles and nonces: different in each process
    /// For tests: payloads over the network always come with their message, or always apart from it.
    bool force_eager = false;
    bool force_rendezvous = false;
};

struct transport_entry {
    std::string_view name;
    std::string_view help; // one line, for --help
    bool between_processes;
    result<std::unique_ptr<transport>> (*make)(runtime::loop&, const transport_options&);
};

[[nodiscard]] std::span<const transport_entry> transport_table() noexcept;

/// A transport on this loop, which must outlive it. bad_config (logged, with the names there are) for an
/// unknown name; otherwise what its factory says.
[[nodiscard]] result<std::unique_ptr<transport>> make_transport(std::string_view name, runtime::loop& l,
                                                                const transport_options& options);

} // namespace benchfs::transport
