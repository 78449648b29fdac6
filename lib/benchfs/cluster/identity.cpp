#include "benchfs/cluster/identity.hpp"

#include "benchfs/base/hash.hpp"

namespace benchfs::cluster {

rpc::cluster_identity identity_of(const cluster_info& info) noexcept {
    constexpr std::uint64_t id_seed = 1;
    rpc::cluster_identity identity;
    const std::uint64_t id = hash64(std::string_view(info.id), id_seed);
    const std::array<std::uint64_t, 3> agreed{info.epoch, info.servers, info.chunk_size};
    identity.id = {id, hash64(std::string_view(info.placement), hash64(std::as_bytes(std::span(agreed)), id))};
    identity.secret = info.secret;
    return identity;
}

} // namespace benchfs::cluster
