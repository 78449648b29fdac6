// The calling side of the rpc layer: typed calls to servers, connections made when needed, retries that are
// allowed.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/rpc/methods.hpp"
#include "benchfs/rpc/peer.hpp"
#include "benchfs/runtime/task.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace benchfs::rpc {

/// Finds servers (the registry, in production).
class address_resolver {
public:
    virtual ~address_resolver() = default;
    [[nodiscard]] virtual runtime::task<result<std::vector<std::byte>>> address_of(server_id id) = 0;
};

struct client_settings {
    duration deadline = std::chrono::seconds(10);         // of one call, plus time for its bytes
    duration retry_for = std::chrono::milliseconds(1500); // after a lost connection
    std::uint64_t seed = 1;                               // for session ids and call numbers
    std::uint32_t server = join::no_server;               // of a server that calls others: its own number
    bool (*repeat_as_new)() = nullptr; // planted by simulations only: a repeat that the server cannot recognise
};

/// How a call that failed ended.
struct call_end {
    bool sent = false;               // a server may have acted on it
    bool answered = false;           // the error is what the server said
    bool lost = false;               // another copy was sent, and nobody knows what became of it
    std::optional<server_id> silent; // who did not answer: the server that was called, or one that it needs
};

/// Beside a call's request. Everything referred to must stay until the call has ended.
struct call_extra {
    const_byte_span tail;
    const const_segments* payload = nullptr;
    transport::payload_completer* completer = nullptr; // of that payload
    payload_target* target = nullptr;
    std::uint32_t reply_payload_max = 0;
    call_end* end = nullptr; // filled in when the call fails
};

class client final : private transport::receiver {
public:
    /// The transport, the resolver and the loop must outlive the client.
    client(runtime::loop& loop, transport::transport& network, address_resolver& resolver,
           const cluster_identity& identity, const client_settings& settings);
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Calls M at a server: connects if need be, and repeats the call after a lost connection for as long as
    /// `retry_for` and M's class allow. An answer of the server is an errno; nobody answered: peer_down,
    /// timed_out; a mutation that was sent and may have happened: outcome_unknown. peer_down is also what a
    /// server answers that needs another one which does not answer; nothing has happened then. A caller who
    /// stops a call himself hears `cancelled`, whatever has become of it.
    template <rpc_method M>
    [[nodiscard]] runtime::task<result<typename M::reply>> call(server_id to, typename M::request request,
                                                                call_extra extra = {}) {
        typename M::reply reply;
        call_spec spec;
        spec.method = &M::info;
        spec.request = bytes_of(request);
        spec.tail = extra.tail;
        spec.payload = extra.payload;
        spec.completer = extra.completer;
        spec.target = extra.target;
        spec.reply_payload_max = extra.reply_payload_max;
        spec.reply = std::as_writable_bytes(std::span(&reply, 1));
        spec.deadline = deadline_of(extra);
        peer& p = peer_of(to);
        if constexpr (M::info.repeat == idempotency::at_most_once) {
            while (p.mutations().full()) { BFS_CO_CHECK(co_await p.mutations().room()); }
            spec.sequence = p.mutations().take();
        }
        errc outcome = errc::peer_down;
        const std::uint64_t incarnation = p.incarnation();
        call_end end;
        if (p.up()) [[likely]] {
            call_operation operation(p, spec);
            outcome = co_await operation;
            if (outcome != errc::ok) [[unlikely]] { end = end_of(operation); }
        }
        if ((outcome == errc::peer_down && !end.answered) || outcome == errc::try_again) [[unlikely]] {
            outcome = co_await try_again(p, spec, outcome, end, incarnation);
        } else if (outcome != errc::ok && !end.answered) [[unlikely]] {
            outcome = unanswered(spec, end.sent, outcome);
        }
        if constexpr (M::info.repeat == idempotency::at_most_once) { p.mutations().answered(spec.sequence); }
        if (outcome != errc::ok) {
            note_end(p, outcome, end);
            if (extra.end != nullptr) { *extra.end = end; }
            co_return outcome;
        }
        if constexpr (needs_sync<M>) { p.unsynced().changed(); }
        co_return reply;
    }

    /// The server that did not answer, of the last call that ended with peer_down, timed_out, no_server or
    /// outcome_unknown.
    [[nodiscard]] std::optional<server_id> silent() const noexcept { return silent_; }

    [[nodiscard]] peer& peer_of(server_id id);
    /// Says goodbye to every server and closes all connections. Await it before the client is destroyed.
    [[nodiscard]] runtime::task<void> close();

    [[nodiscard]] transport::transport& transport() noexcept { return transport_; }
    [[nodiscard]] address_resolver& resolver() noexcept { return resolver_; }
    [[nodiscard]] const cluster_identity& identity() const noexcept { return identity_; }
    [[nodiscard]] const client_settings& options() const noexcept { return settings_; }
    [[nodiscard]] build_watch& builds() noexcept { return builds_; }
    [[nodiscard]] std::uint32_t retry_for_ms() const noexcept {
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(settings_.retry_for).count());
    }

private:
    [[nodiscard]] time_point deadline_of(const call_extra& extra) noexcept;
    /// What a caller hears when the server said nothing.
    [[nodiscard]] static errc unanswered(const call_spec& spec, bool sent, errc why) noexcept {
        const bool mutation = spec.method->repeat == idempotency::at_most_once;
        return mutation && sent && why != errc::cancelled ? errc::outcome_unknown : why;
    }
    [[nodiscard]] static call_end end_of(const call_operation& operation) noexcept;
    void note_end(const peer& to, errc outcome, call_end& end) noexcept;
    struct patience;
    [[nodiscard]] runtime::task<errc> reach(peer& p, const call_spec& spec, patience& left, bool sent);
    [[nodiscard]] runtime::task<errc> try_again(peer& p, const call_spec& spec, errc outcome, call_end& end,
                                                std::uint64_t incarnation);

    void on_accept(transport::connection& c) noexcept override { c.close(errc::not_permitted); }
    void on_message(transport::connection& c, transport::message_ptr m) noexcept override;
    void on_closed(transport::connection& c, errc reason) noexcept override;

    runtime::loop& loop_;
    transport::transport& transport_;
    address_resolver& resolver_;
    cluster_identity identity_;
    client_settings settings_;
    std::uint64_t session_;
    std::optional<server_id> silent_;
    build_watch builds_;
    std::vector<std::unique_ptr<peer>> peers_;
};

} // namespace benchfs::rpc
