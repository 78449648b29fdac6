// Makes windows for connections: the server's offer and the client's acceptance.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/path.hpp"

#include <cstdint>
#include <memory>

namespace benchfs::transport::window {

struct window_options {
    /// Memory that a server gives to windows in all; beyond it clients get rings without staging (bulk data
    /// then uses the network connection), and beyond twice of it no window.
    std::uint64_t budget = 128 * MiB;
    std::uint64_t seed = 1; // for nonces: telling memory from memory, not a secret
};

/// Adds one reactor to the loop, which drives all windows. not_supported (logged) where UCX has no shared
/// memory. The loop must outlive the factory, and the factory its paths.
[[nodiscard]] result<std::unique_ptr<path_factory>> make_factory(runtime::loop& owner,
                                                                 const window_options& options);

} // namespace benchfs::transport::window
