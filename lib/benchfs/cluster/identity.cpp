#include "benchfs/cluster/identity.hpp"

#include "benchfs/base/hash.hpp"

namespace benchfs::cluster {

rpc::cluster_identity identity_of(const cluster_info& info) noexcept {
    constexpr std::uint64_t id_seed = 1;
    constexpr std::uint64_t proof_seed = 2;
    const std::uint64_t id = hash64(std::string_view(info.id), id_seed);
    rpc::cluster_identity identity;
    identity.id = {id, hash64(std::string_view(info.id), id)};
    // Bound to the cluster, so that the proof for one is useless for another.
    const std::uint64_t proof = hash64(const_byte_span(info.secret), id ^ proof_seed);
    identity.proof = {proof, hash64(const_byte_span(info.secret), proof)};
    return identity;
}

} // namespace benchfs::cluster
