// The answering side of the rpc layer: checks what arrives, runs the method's handler, keeps replies for
// repeats.
//
// Handlers are registered by the layer above, per method: a function for what is answered at once, or a
// coroutine.
#pragma once

#include "benchfs/base/histogram.hpp"
#include "benchfs/rpc/methods.hpp"
#include "benchfs/rpc/peer.hpp"
#include "benchfs/rpc/reply_log.hpp"
#include "benchfs/rpc/server_call.hpp"
#include "benchfs/rpc/server_peer.hpp"
#include "benchfs/rpc/tracer.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task.hpp"

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace benchfs::rpc {

/// Faults that a simulation plants, to show that it would find them. Never set otherwise.
struct planted_faults {
    bool (*lose_reply)() = nullptr; // true: the kept reply of a mutation that is repeated is gone
};

struct server_settings {
    std::uint32_t server_id = 0;
    std::uint32_t server_count = 1;
    std::uint32_t chunk_size = 0;
    bool checksums = false;
    std::uint32_t part_bytes = 0; // into which clients cut their reads and writes; 0: no wish
    std::uint64_t incarnation = 1;
    std::uint64_t loss_mark = 0; // see join
    // Running at once; more are answered try_again. One client that never takes its answers must not keep the
    // others out: each has a bound of its own, and a few when all together have too many.
    std::uint32_t max_calls = 16384;
    std::uint32_t max_calls_each = 2048;
    std::uint32_t calls_when_crowded = 8;
    std::uint32_t max_sessions = 65536;
    duration join_within = std::chrono::seconds(10); // a connection that proves nothing by then is closed
    // Connections that have proved nothing yet; one more ends the oldest. Members need a round trip for it.
    std::uint32_t max_strangers = 8192;
    // How long a lost session stays, beside the retry time that its client announced.
    duration session_grace = std::chrono::seconds(10);
    planted_faults planted;
};

/// Nanoseconds of the calls that were measured; rpc/messages/stats.hpp says what belongs where.
struct method_latency {
    histogram whole;
    histogram network;
    histogram queue;
    histogram storage;
};

struct method_stats {
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::uint64_t bytes = 0;                 // of payload, either way
    std::unique_ptr<method_latency> latency; // made with the first call; nullptr: no memory for it
};

class server final : private transport::receiver {
public:
    /// Answers at once: replies through the call, or gives the error to answer with.
    using function = status (*)(void* context, server_call& call);
    using coroutine = runtime::task<status> (*)(void* context, server_call& call);

    server(runtime::loop& loop, transport::transport& network, const cluster_identity& identity,
           const server_settings& settings);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    void handle(const method_info& method, void* context, function f) noexcept;
    void handle(const method_info& method, void* context, coroutine c) noexcept;
    /// For what can nearly always be answered at once: when `f` says try_again, having changed nothing, `c`
    /// runs.
    void handle(const method_info& method, void* context, function f, coroutine c) noexcept;

    /// Stops answering, waits for running handlers, closes all connections. Await it before destruction.
    [[nodiscard]] runtime::task<void> stop();

    /// For a server whose state survives it: what was changed is written there before it is acknowledged, with
    /// the replies of mutations. Set before the first request; outlives the server.
    void set_log(reply_log& log) noexcept { log_ = &log; }
    /// The sessions, for the log: to write them again, and to bring them back before the first request.
    [[nodiscard]] time_point now() noexcept { return loop_.now(); }
    [[nodiscard]] session_table& session_list() noexcept { return sessions_; }

    /// What a repeat of this mutation gets from now on, also after a restart: `body` is the method's reply.
    /// Staged in the log, so in one frame with what was changed in the same step. Nothing happens if the
    /// session is gone.
    void keep_reply(std::uint64_t session_id, std::uint64_t sequence, const method_info& method,
                    const_byte_span body, errc outcome = errc::ok) noexcept;

    [[nodiscard]] std::size_t connections() const noexcept { return peers_.size(); }
    [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }
    [[nodiscard]] std::uint32_t running() const noexcept { return running_; }
    [[nodiscard]] const method_stats& stats(std::uint16_t method) const noexcept { return stats_[method]; }
    [[nodiscard]] std::size_t memory() const noexcept;
    [[nodiscard]] tracer& trace() noexcept { return trace_; }

private:
    friend class server_call;

    struct handler {
        const method_info* method = nullptr;
        void* context = nullptr;
        function at_once = nullptr;
        coroutine later = nullptr;
        std::uint16_t body_min = 0;
    };

    /// What the server knows of one connection.
    struct peer_state final : runtime::timer { // armed until it has joined
        void on_timer() noexcept override;

        transport::connection* connection = nullptr;
        session* owner = nullptr;             // after a good join
        std::optional<server_id> number;      // of another server
        server_peer* process = nullptr;       // the same one's
        std::unique_ptr<introduction> before; // between a good hello and the join
        intrusive_list<server_call> calls;
        std::uint32_t running = 0; // of them
        struct stranger final : list_hook<> {
            peer_state* self = nullptr;
        } place; // among those that have proved nothing
    };

    /// Lost sessions go when their time is over, also when nothing else happens then.
    struct session_expiry final : runtime::timer {
        explicit session_expiry(server& s) noexcept : owner(s) {}
        void on_timer() noexcept override { owner.expire_sessions(); }
        server& owner;
    };

    void expire_sessions() noexcept;
    void on_accept(transport::connection& c) noexcept override;
    void on_message(transport::connection& c, transport::message_ptr m) noexcept override;
    void on_closed(transport::connection& c, errc reason) noexcept override;

    void refuse(transport::connection& c, errc reason, const char* what) noexcept;
    void dispatch(peer_state& p, const handler& h, transport::message_ptr m, const decoded& d) noexcept;
    [[nodiscard]] bool answer_repeat(peer_state& p, server_call& call) noexcept;
    void answer_bare(server_call& call, errc outcome) noexcept;
    // server_door.cpp
    void meet(peer_state& p, server_call& call) noexcept;
    [[nodiscard]] status greet(peer_state& p, server_call& call);
    [[nodiscard]] status admit(peer_state& p, server_call& call);
    void meet_server(peer_state& p, std::uint32_t server);
    void let_wait(peer_state& p) noexcept;
    void no_stranger(peer_state& p) noexcept;
    [[nodiscard]] status open_session(peer_state& p, const join::request& asked);
    void warn_of_stranger(const transport::connection& c, const char* what) noexcept;
    [[nodiscard]] status leave(peer_state& p, server_call& call);
    [[nodiscard]] runtime::task<status> until_idle();
    void ended(server_call& call, status outcome) noexcept;
    void begin_measuring(server_call& call, method_stats& counts) noexcept;
    void end_measuring(const server_call& call, method_stats& counts) noexcept;
    [[nodiscard]] static std::uint64_t asker(const server_call& call) noexcept;
    void maybe_recycle(server_call& call) noexcept;
    [[nodiscard]] server_call& new_call();

    runtime::loop& loop_;
    transport::transport& transport_;
    reply_log* log_ = nullptr;
    std::uint64_t sessions_begun_ = 0;
    cluster_identity identity_;
    server_settings settings_;
    std::array<handler, method_limit> handlers_{};
    std::array<method_stats, method_limit> stats_{};
    tracer trace_;
    std::vector<std::unique_ptr<peer_state>> peers_;
    intrusive_list<peer_state::stranger> strangers_; // the oldest first
    std::uint32_t stranger_count_ = 0;
    session_table sessions_;
    std::map<std::uint32_t, server_peer> server_peers_; // by server; calls refer to them
    session_expiry expiry_{*this};
    std::vector<std::unique_ptr<server_call>> calls_;
    std::vector<server_call*> free_calls_;
    std::uint32_t running_ = 0;
    time_point next_warning_{};
    std::uint64_t unsaid_warnings_ = 0;
    build_watch builds_;
    bool stopping_ = false;
    runtime::call_context context_; // of handlers: a started one always finishes
    runtime::event idle_;
};

} // namespace benchfs::rpc
