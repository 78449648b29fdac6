// How two processes prove to each other that they know the secret of their cluster, without saying it.
//
//     client                                    server
//     hello   protocol, cluster, nonce   ->
//                                        <-     server's number, nonce
//     join    session, client's proof    ->     compares; refuses and closes the connection
//                                        <-     what it is, server's proof
//     compares; closes the connection
//
// A proof is an HMAC over all that was said on this connection so far, by both, and over what it goes with. So
// it is bound to both nonces, the role of who made it, the protocol version, the cluster, the server and the
// session, and is of no use on any other connection.
#pragma once

#include "benchfs/base/random.hpp"
#include "benchfs/base/sha256.hpp"
#include "benchfs/rpc/messages/control.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace benchfs::rpc {

/// What a process knows of its cluster before it talks to anybody.
struct cluster_identity {
    // Of the cluster's id, and of what else all its processes must agree on.
    std::array<std::uint64_t, 2> id{};
    std::array<std::byte, 32> secret{};
    random_source* random = nullptr; // for nonces; nullptr: the kernel's
};

/// A nonce that was never used before. Fails only where the kernel has no random bytes.
[[nodiscard]] result<nonce> fresh_nonce(const cluster_identity& identity) noexcept;

/// What was said before the first proof.
struct introduction {
    hello::request client;
    hello::reply server;
};

/// Fills in what proves that `said` is sent by a client of this cluster.
void sign(const cluster_identity& identity, const introduction& before, join::request& said) noexcept;
[[nodiscard]] bool proved(const cluster_identity& identity, const introduction& before,
                          const join::request& said) noexcept;

/// The same for the server's answer to `asked`.
void sign(const cluster_identity& identity, const introduction& before, const join::request& asked,
          join::reply& said) noexcept;
[[nodiscard]] bool proved(const cluster_identity& identity, const introduction& before,
                          const join::request& asked, const join::reply& said) noexcept;

} // namespace benchfs::rpc
