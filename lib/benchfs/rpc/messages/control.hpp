// Methods about the connection itself.
#pragma once

#include "benchfs/base/sha256.hpp"
#include "benchfs/rpc/build_id.hpp"
#include "benchfs/rpc/method.hpp"

#include <array>
#include <cstdint>

namespace benchfs::rpc {

/// Raised with every change of any message that an older peer would misread.
inline constexpr std::uint32_t protocol_version = 10;

using nonce = std::array<std::byte, 32>;

/// The first request on every connection. Its first field stays where it is for ever: it is read before
/// anything else, and says whether the rest can be.
struct hello {
    static constexpr method_info info{1, "hello", idempotency::pure, bulk::none};
    struct request {
        std::uint32_t protocol = protocol_version;
        std::uint32_t expected_server = 0;
        std::array<std::uint64_t, 2> cluster_id{};
        nonce once{};
        build_text build{};
    };
    struct reply {
        std::uint32_t protocol = protocol_version;
        std::uint32_t server = 0;
        nonce once{};
        build_text build{};
    };
};

/// The second one: both prove that they know the cluster's secret (rpc/handshake.hpp), and the session begins.
/// Nothing else is answered before it.
struct join {
    static constexpr method_info info{4, "join", idempotency::pure, bulk::none};
    static constexpr std::uint32_t no_server = ~std::uint32_t{0};
    struct request {
        std::uint64_t session = 0;
        std::uint32_t generation = 0;     // of the session: raised by each reconnect
        std::uint32_t retry_for_ms = 0;   // how long the client may come back after a lost connection
        std::uint32_t server = no_server; // whose process this is; see rpc/server_peer.hpp
        std::uint32_t reserved = 0;
        sha256_digest proof{};
    };
    struct reply {
        std::uint64_t incarnation = 0; // another number when the server does not know the session's past
        std::uint64_t loss_mark = 0;   // another number when it may have lost changes that were not synced
        std::uint32_t server_count = 0;
        std::uint32_t chunk_size = 0;
        std::uint32_t checksums = 0;  // 1: the chunk store wants and gives block checksums
        std::uint32_t part_bytes = 0; // larger reads and writes are better cut; 0: as they are
        sha256_digest proof{};
    };
};

struct ping {
    static constexpr method_info info{2, "ping", idempotency::pure, bulk::none};
    struct request {
        std::uint64_t value = 0;
    };
    struct reply {
        std::uint64_t value = 0;
    };
};

/// The client is leaving: what the server keeps for its session is dropped.
struct goodbye {
    static constexpr method_info info{3, "goodbye", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t session = 0;
    };
    struct reply {
        std::uint64_t reserved = 0;
    };
};

} // namespace benchfs::rpc
