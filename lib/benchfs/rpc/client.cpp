#include "benchfs/rpc/client.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/with_timeout.hpp"

#include <algorithm>

namespace benchfs::rpc {
namespace {

// The slowest rate at which a payload may move before the call counts as hanging.
constexpr std::int64_t slowest_bytes_per_ms = 16 * 1024;
constexpr std::uint32_t max_peers = 65536; // an id names its home with 16 bits
constexpr auto first_pause = std::chrono::milliseconds(4);
constexpr auto longest_pause = std::chrono::milliseconds(128);

/// Of a connection: all sessions or connections of the server are taken.
[[nodiscard]] bool no_room(errc why) noexcept { return why == errc::try_again || why == errc::busy; }

} // namespace

client::client(runtime::loop& loop, transport::transport& network, address_resolver& resolver,
               const cluster_identity& identity, const client_settings& settings)
    : loop_(loop),
      transport_(network),
      resolver_(resolver),
      identity_(identity),
      settings_(settings),
      session_(mix64(settings.seed) | 1) {
    transport_.set_receiver(*this);
}

client::~client() = default;

peer& client::peer_of(server_id id) {
    const std::size_t at = index(id);
    if (at >= peers_.size()) { peers_.resize(at + 1); }
    if (!peers_[at]) {
        const auto generation = static_cast<std::uint32_t>(mix64(session_ + at));
        peers_[at] = std::make_unique<peer>(*this, id, session_, generation);
    }
    return *peers_[at];
}

time_point client::deadline_of(const call_extra& extra) noexcept {
    const std::size_t out = extra.payload == nullptr ? 0 : extra.payload->bytes();
    const auto bytes = static_cast<std::int64_t>(out + extra.reply_payload_max);
    return loop_.now() + settings_.deadline + std::chrono::milliseconds(bytes / slowest_bytes_per_ms);
}

call_end client::end_of(const call_operation& operation) noexcept {
    call_end end{operation.sent(), operation.answered(), false, {}};
    const std::uint32_t silent = operation.silent().server;
    if (silent < max_peers) { end.silent = static_cast<server_id>(silent); }
    return end;
}

void client::note_end(const peer& to, errc outcome, call_end& end) noexcept {
    const bool silence = outcome == errc::peer_down || outcome == errc::timed_out ||
                         outcome == errc::no_server || outcome == errc::outcome_unknown;
    if (!silence) { return; }
    if (!end.answered) { end.silent = to.id(); }
    silent_ = end.silent;
    if (end.answered && end.silent) {
        BFS_LOG_INFO("rpc", "server %u says that server %u does not answer", static_cast<unsigned>(to.id()),
                     static_cast<unsigned>(*end.silent));
    }
}

/// How long a call goes on without its server.
struct client::patience {
    bool lost = false;       // there was a connection
    time_point back_by;      // a server that is away is waited for until then
    time_point give_up;      // no attempt begins after that
    bool pauses = false;     // before the next attempt to connect
    errc outcome = errc::ok; // of the last attempt
};

/// ok: there is a connection. try_again: there may be one after a pause. Else what the caller hears.
runtime::task<errc> client::reach(peer& p, const call_spec& spec, patience& left, bool sent) {
    runtime::task<status> connecting = p.connect();
    const status connected = co_await runtime::with_timeout(
        std::max<duration>(left.give_up - loop_.now(), duration{1}), std::move(connecting));
    if (connected) { co_return errc::ok; }
    const errc why = connected.error();
    const bool may_come_back = why == errc::peer_down || why == errc::no_server;
    // Nor is a server that was never met gone for good: it may be started again just now.
    if (may_come_back && loop_.now() < (left.lost ? left.give_up : left.back_by)) {
        left.outcome = errc::peer_down;
        left.pauses = true;
        co_return errc::try_again;
    }
    if (no_room(why) && loop_.now() < spec.deadline) {
        // It is there, and says so: others leave in time, maybe.
        left.outcome = errc::try_again;
        left.give_up = spec.deadline;
        co_return errc::try_again;
    }
    left.outcome = why;
    if (sent && spec.method->repeat == idempotency::at_most_once) { co_return unanswered(spec, sent, why); }
    co_return left.lost && (why == errc::timed_out || why == errc::no_server) ? errc::peer_down : why;
}

/// The slow path: no connection, a lost one, or a server that has no room just now.
runtime::task<errc> client::try_again(peer& p, const call_spec& spec, errc outcome, call_end& end,
                                      std::uint64_t incarnation) {
    // A first connection may take as long as the call may; one that was lost has `retry_for` to come back.
    patience left;
    left.lost = incarnation != 0;
    left.back_by = std::min(spec.deadline, loop_.now() + settings_.retry_for);
    left.give_up = left.lost ? left.back_by : spec.deadline;
    left.outcome = outcome;
    const bool mutation = spec.method->repeat == idempotency::at_most_once;
    duration pause = first_pause;
    bool& sent = end.sent;
    sent = sent && outcome != errc::try_again; // a server that has no room has done nothing
    while (true) {
        end.lost = end.lost || (sent && !end.answered);
        end.answered = false;
        if (left.outcome == errc::try_again || sent || left.lost || left.pauses) {
            if (const status slept = co_await runtime::sleep_for(pause); !slept) {
                co_return unanswered(spec, sent, slept.error());
            }
            pause = std::min<duration>(pause * 2, longest_pause);
            // The server's answer, rather than the silence to a request that there is no time for.
            if (left.outcome == errc::try_again && loop_.now() >= spec.deadline) {
                co_return unanswered(spec, sent, left.outcome);
            }
        }
        if (!p.up()) {
            runtime::task<errc> reaching = reach(p, spec, left, sent);
            const errc reached = co_await std::move(reaching);
            if (reached == errc::try_again) { continue; }
            if (reached != errc::ok) { co_return reached; }
        }
        // A server that was restarted without its sessions cannot tell whether it saw this before.
        if (mutation && sent && incarnation != 0 && p.incarnation() != incarnation) {
            co_return errc::outcome_unknown;
        }
        incarnation = p.incarnation();
        call_spec again = spec;
        if (settings_.repeat_as_new != nullptr && mutation && settings_.repeat_as_new()) [[unlikely]] {
            again.sequence = p.mutations().take();
        }
        call_operation operation(p, again);
        left.outcome = co_await operation;
        if (again.sequence != spec.sequence) { p.mutations().answered(again.sequence); }
        sent = sent || (operation.sent() && left.outcome != errc::try_again);
        end.answered = operation.answered();
        end.silent = end_of(operation).silent;
        if (left.outcome != errc::try_again && (left.outcome != errc::peer_down || end.answered)) {
            co_return end.answered ? left.outcome : unanswered(spec, sent, left.outcome);
        }
        if (left.outcome == errc::peer_down && !left.lost) {
            // The first connection was made while we waited here, and is lost already.
            left.lost = true;
            left.give_up = std::min(spec.deadline, loop_.now() + settings_.retry_for);
        }
        if (loop_.now() >= (left.outcome == errc::try_again ? spec.deadline : left.give_up)) {
            co_return unanswered(spec, sent, left.outcome);
        }
    }
}

void client::on_message(transport::connection& c, transport::message_ptr m) noexcept {
    if (c.user != nullptr) { static_cast<peer*>(c.user)->on_message(std::move(m)); }
}

void client::on_closed(transport::connection& c, errc reason) noexcept {
    if (c.user != nullptr) { static_cast<peer*>(c.user)->on_closed(reason); }
}

runtime::task<void> client::close() {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        peer* const p = peers_[i].get(); // by number: the list may grow while we wait
        if (p == nullptr || !p->up()) { continue; }
        goodbye::request request{session_};
        goodbye::reply reply;
        call_spec spec;
        spec.method = &goodbye::info;
        spec.request = bytes_of(request);
        spec.reply = std::as_writable_bytes(std::span(&reply, 1));
        spec.deadline = loop_.now() + std::chrono::seconds(1);
        call_operation farewell(*p, spec);
        if (const errc said = co_await farewell; said != errc::ok) {
            BFS_LOG_DEBUG("rpc", "goodbye to server %u: %s", static_cast<unsigned>(p->id()), name(said).data());
        }
    }
    co_await transport_.stop();
}

} // namespace benchfs::rpc
