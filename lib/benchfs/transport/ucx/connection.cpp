#include "benchfs/transport/ucx/connection.hpp"

#include "benchfs/base/hash.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/status.hpp"
#include "benchfs/transport/ucx/transport.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace benchfs::transport::ucx {
namespace {

using namespace std::chrono_literals;

// What a closing connection may still spend on what was sent, and then on its goodbye.
constexpr duration flush_limit = 800ms;
constexpr duration bye_limit = 200ms;
// The same when nobody waits for what was sent; see endpoint.hpp for why it is waited for at all.
constexpr duration urgent_limit = 100ms;
constexpr int doorbell_rounds = 1000;
// Looks in a row that must see no transfer end: one may come right after this process itself stood still.
constexpr unsigned standstills_max = 2;

// A send_operation's transport_word[0]: where it is. Anything else is its record.
constexpr std::uint64_t word_idle = 0;
constexpr std::uint64_t word_queued = 1;

} // namespace

ucx_connection::ucx_connection(ucx_transport& owner, bool server_side) noexcept
    : owner_(owner), worker_(owner.network_worker()), endpoint_(worker_, *this) {
    server_side_ = server_side;
}

ucx_connection::~ucx_connection() {
    BFS_ASSERT(in_flight_ == 0 && receiving_ == 0 && answer_ == nullptr);
    cancel();
}

// --- Making the connection

status ucx_connection::open(slab_handle self, const_byte_span worker_address) noexcept {
    handle_ = self;
    peer_hash_ = hash64(worker_address);
    return endpoint_.open(worker_address);
}

void ucx_connection::wait_for(answer& a, time_point deadline) noexcept {
    BFS_ASSERT(answer_ == nullptr);
    answer_ = &a;
    worker_.owner().arm(*this, deadline);
}

void ucx_connection::stop_waiting() noexcept {
    answer_ = nullptr;
    cancel();
}

void ucx_connection::settle(errc outcome) noexcept {
    if (answer_ == nullptr) { return; }
    answer& a = *answer_;
    stop_waiting();
    a.outcome = outcome;
    a.settled.set();
}

void ucx_connection::on_timer() noexcept {
    if (!server_side_) { return settle(errc::timed_out); }
    look_at_transfers();
}

void ucx_connection::say_hello(answer& a, time_point deadline, std::vector<std::byte> hello) {
    wait_for(a, deadline);
    wire_prefix prefix;
    prefix.kind = static_cast<std::uint8_t>(wire_kind::hello);
    prefix.extra = handle_;
    send_record& r = owner_.records().take();
    r.attachment = std::move(hello);
    const const_segments payload{const_byte_span(r.attachment)};
    submit(r, prefix, {}, &payload, payload_mode::eager);
}

void ucx_connection::accept_hello(slab_handle client) noexcept {
    remote_ = client;
    state_ = state::open;
    control(wire_kind::hello_ack, {}, handle_);
}

void ucx_connection::refuse_hello(slab_handle client, errc why) noexcept {
    remote_ = client;
    close(why);
}

// --- Sending

void ucx_connection::send(send_operation& op) noexcept {
    op.transport_word[0] = word_idle;
    if (state_ != state::open) { return op.on_sent(reason_ == errc::ok ? errc::peer_down : reason_); }
    if (op.header.size() > max_header || op.payload_bytes() > max_payload) {
        return op.on_sent(errc::message_too_long);
    }
    if (path_ != nullptr && (op.answers != 0 ? path_->owns(op.answers) : path_->carries(op))) {
        return path_->send(op);
    }
    op.complete_payload(op.payload_bytes());
    if (in_flight_ >= in_flight_max || !queue_.empty()) {
        op.transport_word[0] = word_queued;
        queue_.push_back(op);
        return;
    }
    start(op);
}

void ucx_connection::start(send_operation& op) noexcept {
    wire_prefix prefix;
    prefix.kind = static_cast<std::uint8_t>(wire_kind::message);
    prefix.flags = op.reply_header_max != 0 ? flag_wants_reply : std::uint16_t{0};
    prefix.to = remote_;
    send_record& r = owner_.records().take();
    r.op = &op;
    op.transport_word[0] = reinterpret_cast<std::uintptr_t>(&r);
    submit(r, prefix, op.header, op.payload, owner_.mode());
}

bool ucx_connection::submit(send_record& r, const wire_prefix& prefix, const_byte_span header,
                            const const_segments* payload, payload_mode mode) noexcept {
    r.connection = this;
    const errc started = r.start(worker_, endpoint_.handle(), prefix, header, payload, mode);
    if (started == errc::try_again) {
        ++in_flight_;
        watch_transfers();
        return true;
    }
    send_operation* op = r.op;
    owner_.records().give_back(r);
    if (started != errc::ok) {
        BFS_LOG_DEBUG("ucx", "%s: a send failed: %.*s", describe().c_str(),
                      static_cast<int>(benchfs::message(started).size()), benchfs::message(started).data());
        abort(errc::peer_down);
    }
    if (op != nullptr) {
        op->transport_word[0] = word_idle;
        op->on_sent(outcome_of(started));
    }
    return false;
}

/// A transfer has begun. The timer runs on until it finds none.
void ucx_connection::watch_transfers() noexcept {
    if (!server_side_ || armed()) { return; }
    ended_when_seen_ = transfers_ended_;
    worker_.owner().arm(*this, worker_.owner().now() + owner_.transfer_limit() / standstills_max);
}

/// A peer that neither takes nor gives would keep our buffers for ever: UCX has no limit of its own.
void ucx_connection::look_at_transfers() noexcept {
    if (state_ != state::open || in_flight_ + receiving_ == 0) {
        standstills_ = 0;
        return;
    }
    standstills_ = transfers_ended_ == ended_when_seen_ ? standstills_ + 1 : 0;
    if (standstills_ < standstills_max) { return watch_transfers(); }
    BFS_LOG_WARN("ucx", "%s neither takes nor sends its bytes; closing its connection", describe().c_str());
    abort(errc::timed_out);
}

errc ucx_connection::outcome_of(errc sent) const noexcept {
    if (sent == errc::ok) { return sent; }
    // UCX's own words for it depend on the transport; what counts is why this connection ended.
    return reason_ == errc::ok ? errc::peer_down : reason_;
}

send_record* ucx_connection::control(wire_kind kind, const_byte_span rest, std::uint64_t extra) noexcept {
    if (!endpoint_.is_open() || endpoint_.failed() || remote_ == 0) { return nullptr; }
    wire_prefix prefix;
    prefix.kind = static_cast<std::uint8_t>(kind);
    prefix.to = remote_;
    prefix.extra = extra;
    send_record& r = owner_.records().take();
    return submit(r, prefix, rest, nullptr, payload_mode::automatic) ? &r : nullptr;
}

void ucx_connection::on_send_done(send_record& r, errc outcome) noexcept {
    --in_flight_;
    ++transfers_ended_;
    send_operation* op = r.op;
    owner_.records().give_back(r);
    if (op != nullptr) {
        op->transport_word[0] = word_idle;
        op->on_sent(outcome_of(outcome));
    }
    pump();
    finish_if_idle();
}

void ucx_connection::pump() noexcept {
    while (state_ == state::open && in_flight_ < in_flight_max && !queue_.empty()) {
        start(queue_.pop_front());
    }
}

bool ucx_connection::try_take_back(send_operation& op) noexcept {
    if (path_ != nullptr && path_->abandon(op)) { return true; }
    if (op.transport_word[0] == word_idle) { return true; }
    if (op.transport_word[0] != word_queued) { return false; }
    op.unlink();
    op.transport_word[0] = word_idle;
    op.on_sent(errc::cancelled);
    return true;
}

void ucx_connection::abandon(send_operation& op) noexcept {
    if (try_take_back(op)) { return; }
    abort(errc::peer_down); // UCX gives a buffer back only with the end of the endpoint; others may repeat
}

// --- Receiving

void ucx_connection::on_wire(message_ptr m) noexcept {
    auto& arrived = static_cast<ucx_message&>(*m);
    const wire_prefix prefix = arrived.prefix();
    if (static_cast<wire_kind>(prefix.kind) != wire_kind::message) {
        return on_control(prefix, arrived.header());
    }
    if (state_ != state::open) { return; } // dropped: nobody would answer
    arrived.attach(*this, messages_);
    owner_.sink().on_message(*this, std::move(m));
}

void ucx_connection::on_control(const wire_prefix& prefix, const_byte_span rest) noexcept {
    const auto kind = static_cast<wire_kind>(prefix.kind);
    switch (kind) {
    case wire_kind::hello_ack:
        if (state_ != state::connecting || prefix.extra == 0) { return; }
        remote_ = prefix.extra;
        state_ = state::open;
        return settle(errc::ok);
    case wire_kind::bye:
        // The peer answers nothing any more, so there is nothing to flush for it.
        if (state_ == state::connecting) {
            const errc why = from_wire(static_cast<std::int32_t>(prefix.extra));
            return abort(why == errc::ok ? errc::peer_down : why);
        }
        return abort(errc::peer_down);
    case wire_kind::doorbell:
    case wire_kind::hello:
    case wire_kind::message:
        return; // a doorbell's effect is that the loop is awake
    default:
        if (state_ == state::open) { on_upgrade(kind, rest, prefix.extra); }
        return;
    }
}

void ucx_connection::on_receive_started() noexcept {
    ++receiving_;
    watch_transfers();
    ++worker_.held.requests;
}

void ucx_connection::on_receive_done(receive_operation& op, ucs_status_t outcome) noexcept {
    --receiving_;
    ++transfers_ended_;
    --worker_.held.requests;
    op.on_received(outcome_of(to_errc(outcome)));
    finish_if_idle();
}

// --- The path's host

void ucx_connection::deliver(message_ptr m) noexcept { owner_.sink().on_message(*this, std::move(m)); }

void ucx_connection::ring_doorbell() noexcept {
    const send_record* r = control(wire_kind::doorbell);
    // The caller may be about to block, and a doorbell that UCX still holds would wake nobody. The record stays
    // until poll() has seen its end.
    for (int round = 0; r != nullptr && !r->done && round < doorbell_rounds; ++round) {
        worker_.progress_once();
    }
}

// --- The end

void ucx_connection::close(errc reason) noexcept {
    if (state_ == state::closing || state_ == state::ending) { return; }
    state_ = state::closing;
    reason_ = reason == errc::ok ? errc::cancelled : reason;
    worker_.defer(closer_);
}

void ucx_connection::abort(errc reason) noexcept {
    const bool again = std::exchange(urgent_, true);
    if (state_ == state::connecting || state_ == state::open) { return close(reason); }
    if (closer_.linked() || state_ == state::ending) { return; }
    if (!endpoint_.is_open() || endpoint_.failed()) { return begin_ending(); }
    if (!again) { endpoint_.hurry(urgent_limit); } // closing: a flush is under way
}

void ucx_connection::terminate() noexcept {
    abort(errc::shutting_down);
    if (state_ == state::closing && !closer_.linked()) { begin_ending(); }
}

void ucx_connection::begin_closing() noexcept {
    if (path_ != nullptr) {
        path_->shut(reason_);
        path_.reset();
    }
    drop_candidate(reason_);
    if (answer_ != nullptr) {
        answer_->gone = true;
        settle(reason_);
    }
    while (!queue_.empty()) {
        send_operation& op = queue_.pop_front();
        op.transport_word[0] = word_idle;
        op.on_sent(reason_);
    }
    while (!messages_.empty()) { messages_.front().self.detach(); }
    if (state_ != state::closing) { return; } // aborted by one of those
    if (!endpoint_.is_open() || endpoint_.failed()) { return begin_ending(); }
    if (urgent_ || receiving_ != 0) { return say_bye(urgent_limit); }
    if (in_flight_ == 0) { return say_bye(bye_limit); }
    endpoint_.flush(flush_limit);
}

void ucx_connection::say_bye(duration limit) noexcept {
    said_bye_ = true;
    control(wire_kind::bye, {}, static_cast<std::uint64_t>(static_cast<std::int32_t>(reason_)));
    if (state_ == state::closing) { endpoint_.flush(limit); }
}

void ucx_connection::on_endpoint_flushed(errc outcome) noexcept {
    if (state_ != state::closing) { return; }
    if (said_bye_ || outcome != errc::ok) { return begin_ending(); }
    say_bye(urgent_ ? urgent_limit : bye_limit);
}

void ucx_connection::begin_ending() noexcept {
    if (state_ == state::ending) { return; }
    state_ = state::ending;
    if (endpoint_.is_open() && !endpoint_.failed() && !said_bye_) {
        said_bye_ = true; // it may not leave any more; then the peer sees its endpoint fail
        control(wire_kind::bye, {}, static_cast<std::uint64_t>(static_cast<std::int32_t>(reason_)));
    }
    endpoint_.force_close();
}

void ucx_connection::on_endpoint_closed() noexcept {
    endpoint_gone_ = true;
    finish_if_idle();
}

void ucx_connection::finish_if_idle() noexcept {
    if (endpoint_gone_ && in_flight_ == 0 && receiving_ == 0) { worker_.defer(finisher_); }
}

void ucx_connection::finish() noexcept {
    if (announced_) { owner_.sink().on_closed(*this, reason_); }
    owner_.forget(*this); // destroys this
}

// --- About it

std::string_view ucx_connection::path() const noexcept { return path_ != nullptr ? path_->name() : "ucx"; }

std::string ucx_connection::describe() const {
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%s %016llx (connection %u)", server_side_ ? "client" : "server",
                  static_cast<unsigned long long>(peer_hash_), static_cast<unsigned>(handle_));
    return text.data();
}

std::size_t ucx_connection::memory() const noexcept {
    std::size_t bytes = sizeof(*this) + in_flight_ * sizeof(send_record) + receiving_ * sizeof(receive_record);
    if (path_ != nullptr) { bytes += path_->memory(); }
    if (candidate_ != nullptr) { bytes += candidate_->memory(); }
    return bytes;
}

} // namespace benchfs::transport::ucx
