// What two processes of one cluster tell each other first, from what the registry holds.
#pragma once

#include "benchfs/cluster/registry.hpp"
#include "benchfs/rpc/peer.hpp"

namespace benchfs::cluster {

/// The id as numbers, and a proof of the secret: a digest that does not give it away.
[[nodiscard]] rpc::cluster_identity identity_of(const cluster_info& info) noexcept;

} // namespace benchfs::cluster
