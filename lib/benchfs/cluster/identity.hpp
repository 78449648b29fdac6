// What two processes of one cluster tell each other first, from what the registry holds.
#pragma once

#include "benchfs/cluster/registry.hpp"
#include "benchfs/rpc/handshake.hpp"

namespace benchfs::cluster {

/// The cluster and what its processes must agree on as numbers, and the secret that proves membership.
[[nodiscard]] rpc::cluster_identity identity_of(const cluster_info& info) noexcept;

} // namespace benchfs::cluster
