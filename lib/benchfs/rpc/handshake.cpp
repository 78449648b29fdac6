#include "benchfs/rpc/handshake.hpp"

#include <string_view>

namespace benchfs::rpc {
namespace {

// A proof of one role is none of the other.
constexpr std::string_view client_role = "benchfs: proof of a client";
constexpr std::string_view server_role = "benchfs: proof of a server";
static_assert(client_role.size() == server_role.size());

[[nodiscard]] hmac_sha256 begin_proof(const cluster_identity& identity, std::string_view role,
                                      const introduction& before) noexcept {
    hmac_sha256 proof(identity.secret);
    proof.update(std::as_bytes(std::span(role.data(), role.size())));
    proof.update(bytes_of(before.client));
    proof.update(bytes_of(before.server));
    return proof;
}

[[nodiscard]] sha256_digest proof_of(const cluster_identity& identity, const introduction& before,
                                     join::request said) noexcept {
    said.proof = {};
    hmac_sha256 proof = begin_proof(identity, client_role, before);
    proof.update(bytes_of(said));
    return proof.finish();
}

[[nodiscard]] sha256_digest proof_of(const cluster_identity& identity, const introduction& before,
                                     const join::request& asked, join::reply said) noexcept {
    said.proof = {};
    hmac_sha256 proof = begin_proof(identity, server_role, before);
    proof.update(bytes_of(asked));
    proof.update(bytes_of(said));
    return proof.finish();
}

} // namespace

result<nonce> fresh_nonce(const cluster_identity& identity) noexcept {
    nonce made;
    random_source& source = identity.random != nullptr ? *identity.random : system_random();
    BFS_CHECK(source.fill(made));
    return made;
}

void sign(const cluster_identity& identity, const introduction& before, join::request& said) noexcept {
    said.proof = proof_of(identity, before, said);
}

bool proved(const cluster_identity& identity, const introduction& before, const join::request& said) noexcept {
    return equal_in_constant_time(proof_of(identity, before, said), said.proof);
}

void sign(const cluster_identity& identity, const introduction& before, const join::request& asked,
          join::reply& said) noexcept {
    said.proof = proof_of(identity, before, asked, said);
}

bool proved(const cluster_identity& identity, const introduction& before, const join::request& asked,
            const join::reply& said) noexcept {
    return equal_in_constant_time(proof_of(identity, before, asked, said), said.proof);
}

} // namespace benchfs::rpc
