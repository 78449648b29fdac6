// The client's side of one server: its connection, its session, and the calls that wait for replies.
#pragma once

#include "benchfs/base/slab.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/rpc/call.hpp"
#include "benchfs/rpc/handshake.hpp"
#include "benchfs/rpc/mutation_window.hpp"
#include "benchfs/rpc/unsynced.hpp"
#include "benchfs/runtime/mutex.hpp"

#include <cstdint>

namespace benchfs::rpc {

class client;

/// Calls of any kind in flight to one server.
inline constexpr std::uint32_t max_pending = 65536;

class peer {
public:
    peer(client& owner, server_id id, std::uint64_t session, std::uint32_t first_generation) noexcept
        : owner_(owner), id_(id), session_(session), pending_(max_pending, first_generation) {}
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    [[nodiscard]] server_id id() const noexcept { return id_; }
    [[nodiscard]] bool up() const noexcept { return connection_ != nullptr && greeted_; }
    /// What the server said of itself; valid once it was up.
    [[nodiscard]] const join::reply& greeting() const noexcept { return greeting_; }
    /// Which build of benchfs the server is; valid once it was up.
    [[nodiscard]] std::string_view build() const noexcept { return build_of(build_); }
    /// What carries messages right now, for people; "none" while down.
    [[nodiscard]] std::string_view path() const noexcept {
        return connection_ == nullptr ? std::string_view{"none"} : connection_->path();
    }

    /// Makes the connection if there is none: address, connect, proofs, better path. Callers meanwhile wait for
    /// the same attempt. Errors: no_server, peer_down, timed_out, wrong_cluster, protocol_mismatch,
    /// not_permitted.
    [[nodiscard]] runtime::task<status> connect();

    [[nodiscard]] mutation_window& mutations() noexcept { return mutations_; }
    [[nodiscard]] unsynced_changes& unsynced() noexcept { return unsynced_; }
    /// Another number after each start of the server; 0 before the first connection.
    [[nodiscard]] std::uint64_t incarnation() const noexcept { return greeting_.incarnation; }

    // From the client, which hears of messages.
    void on_message(transport::message_ptr m) noexcept;
    void on_closed(errc reason) noexcept;
    void close(errc reason) noexcept {
        if (connection_ != nullptr) { connection_->close(reason); }
    }

private:
    friend class call_operation;

    [[nodiscard]] runtime::task<status> greet();
    [[nodiscard]] runtime::task<status> join_server(const introduction& before);
    template <rpc_method M>
    [[nodiscard]] call_spec spec_of(const typename M::request& request, typename M::reply& reply,
                                    time_point now) const noexcept;
    [[nodiscard]] session_block session_of(std::uint64_t sequence) const noexcept {
        return {session_, sequence, mutations_.lowest_unanswered(), generation_, 0};
    }

    client& owner_;
    server_id id_;
    std::uint64_t session_;
    std::uint32_t generation_ = 0;
    bool greeted_ = false;
    join::reply greeting_{};
    build_text build_{};
    transport::connection* connection_ = nullptr;
    slab<call_operation*> pending_;
    runtime::mutex connecting_;
    mutation_window mutations_;
    unsynced_changes unsynced_;
};

} // namespace benchfs::rpc
