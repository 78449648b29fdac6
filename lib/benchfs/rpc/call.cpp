#include "benchfs/rpc/call.hpp"

#include "benchfs/rpc/peer.hpp"

#include <algorithm>
#include <limits>

namespace benchfs::rpc {
namespace {

[[nodiscard]] std::uint32_t milliseconds_left(time_point now, time_point deadline) noexcept {
    constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, most));
}

} // namespace

void call_operation::start() noexcept {
    runtime::loop& loop = *context_->owner;
    const time_point now = loop.now();
    const time_point limit = std::min(spec_.deadline, context_->deadline);
    if (context_->stop_requested()) { return fail(context_->stop->reason()); }
    if (limit <= now) { return fail(errc::timed_out); }
    if (peer_.connection_ == nullptr) { return fail(errc::peer_down); }
    call_id_ = peer_.pending_.insert(this);
    if (call_id_ == 0) { return fail(errc::try_again); }

    frame head;
    head.method = spec_.method->id;
    head.call_id = call_id_;
    head.detail = milliseconds_left(now, limit);
    const bool in_session = spec_.method->repeat == idempotency::at_most_once;
    session_block session;
    if (in_session) { session = peer_.session_of(spec_.sequence); }
    header_.begin(head, in_session ? &session : nullptr);
    if (!header_.append(spec_.request) || !header_.append(spec_.tail)) {
        peer_.pending_.erase(call_id_);
        return fail(errc::name_too_long);
    }
    header_.finish();

    if (context_->stop != nullptr) { context_->stop->subscribe(*this); }
    if (limit != time_point::max()) { loop.arm(*this, limit); }
    header = header_.bytes();
    payload = spec_.payload;
    completer = spec_.completer;
    reply_header_max =
        static_cast<std::uint32_t>(sizeof(frame) + spec_.reply.size() + spec_.method->reply_tail_max);
    reply_payload_max = spec_.reply_payload_max;
    outstanding_ += 2; // the send, and the reply
    reply_ = reply_state::awaited;
    sending_ = true;
    sent_ = true;
    peer_.connection_->send(*this);
}

void call_operation::on_sent(errc outcome) noexcept {
    sending_ = false;
    if (outcome != errc::ok && reply_ == reply_state::awaited) {
        peer_.pending_.erase(call_id_);
        reply_ = reply_state::done;
        fail(outcome);
        part_done();
    }
    part_done();
}

void call_operation::on_reply(transport::message_ptr m, const decoded& d) noexcept {
    // The peer has taken this call out of its table.
    fail(from_wire(static_cast<std::int32_t>(d.head.detail)));
    answered_ = true;
    if (outcome_ != errc::ok) { (void)load(d.body, silent_); } // the rest of them have no body
    if (outcome_ == errc::ok && d.body.size() != spec_.reply.size()) {
        fail(errc::bad_frame);
        answered_ = false;
    }
    if (outcome_ == errc::ok) { std::memcpy(spec_.reply.data(), d.body.data(), d.body.size()); }
    const std::size_t bytes = m->payload_size();
    if (outcome_ == errc::ok && !has_place(bytes)) { fail(errc::bad_frame); }
    if (outcome_ != errc::ok || bytes == 0) {
        reply_ = reply_state::done;
        // A refusal that came before all of the request was read (no space, say): the rest need not be sent.
        if (sending_ && outcome_ != errc::ok) { peer_.connection_->stop_sending(*this); }
        part_done();
        return;
    }
    reply_ = reply_state::receiving;
    receive_operation::target = &into_;
    receive_operation::taker = m->lies_here() ? spec_.target->taker() : nullptr;
    message_ = std::move(m);
    message_->receive(*this);
}

/// No payload needs a place, too: its target knows whether the reply promises bytes.
bool call_operation::has_place(std::size_t payload) noexcept {
    if (spec_.target == nullptr) { return payload == 0; }
    return payload <= spec_.reply_payload_max && spec_.target->place(spec_.reply, payload, into_);
}

void call_operation::on_received(errc outcome) noexcept {
    if (outcome != errc::ok) { fail(outcome); }
    message_.reset();
    reply_ = reply_state::done;
    part_done();
}

void call_operation::conclude(errc reason) noexcept {
    if (reply_ != reply_state::done) {
        fail(reason);
    } // else the answer is here, only our bytes are not back yet
    // Each step below may end the call; the guard keeps it alive until the last one was taken.
    ++outstanding_;
    if (reply_ == reply_state::awaited) {
        peer_.pending_.erase(call_id_);
        reply_ = reply_state::done;
        part_done();
    } else if (reply_ == reply_state::receiving) {
        message_->abandon(*this);
    }
    if (sending_ && peer_.connection_ != nullptr) { peer_.connection_->abandon(*this); }
    part_done();
}

} // namespace benchfs::rpc
