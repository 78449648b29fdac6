#include "benchfs/rpc/server_call.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/rpc/server.hpp"

namespace benchfs::rpc {

server_call::receive_awaiter server_call::receive(const segments& target) noexcept {
    io_done_ = false;
    wait_for_payload();
    if (payload_size() == 0) {
        io_finished(errc::ok);
    } else if (target.bytes() != payload_size()) {
        io_finished(errc::bad_frame);
    } else {
        payload_.target = &target;
        payload_.taker = nullptr;
        message_->receive(payload_);
    }
    return receive_awaiter{*this};
}

server_call::receive_awaiter server_call::receive(transport::payload_taker& taker) noexcept {
    BFS_ASSERT(payload_lies_here());
    io_done_ = false;
    wait_for_payload();
    payload_.taker = &taker;
    message_->receive(payload_);
    return receive_awaiter{*this};
}

server_call::reply_awaiter server_call::go_on() noexcept {
    // A reply that has ended meanwhile has left its outcome.
    if (sending_) {
        io_done_ = false;
        wait_for_payload();
        connection_->go_on(reply_);
    }
    return reply_awaiter{*this};
}

void server_call::send_reply(errc outcome, const_byte_span body, const const_segments* bytes) noexcept {
    BFS_ASSERT(!answered_);
    answered_ = true;
    answer_ = outcome;
    // A handler that lost its payload with the connection, or had to send its client away for a while, has
    // changed nothing: a repeat runs it again.
    const bool again = outcome == errc::peer_down || outcome == errc::try_again;
    frame head;
    head.flags = flag_reply;
    head.method = method_ == nullptr ? std::uint16_t{0} : method_->id;
    head.call_id = call_id_;
    head.detail = static_cast<std::uint32_t>(outcome);
    header_.begin(head, nullptr);
    const bool fits = header_.append(body);
    BFS_ASSERT(fits);
    header_.finish();
    if (owner_.log_ != nullptr && owner_.log_->pending()) {
        // What the answer tells of is written first, and in the same step the answer itself.
        if (kept_ != nullptr && header_.bytes().size() <= session::reply_max && !again) {
            owner_.log_->replied(session_.session, session_.sequence, *method_, header_.bytes());
        }
        if (const status written = owner_.log_->write(); !written) {
            // Who only looks sees it later, when it is written.
            const bool looks = method_ == nullptr || method_->repeat == idempotency::pure;
            const bool later = looks && written.error() == errc::outcome_unknown;
            answer_ = later ? errc::try_again : written.error();
            head.detail = static_cast<std::uint32_t>(answer_);
            header_.begin(head, nullptr);
            header_.finish();
            bytes = nullptr;
            reply_.maker = nullptr;
        }
    }
    if (kept_ != nullptr) {
        kept_->running = nullptr;
        const const_byte_span reply = header_.bytes();
        if (again || reply.size() > kept_->reply.size()) {
            kept_->sequence = 0;
        } else {
            std::memcpy(kept_->reply.data(), reply.data(), reply.size());
            kept_->size = static_cast<std::uint32_t>(reply.size());
        }
        kept_ = nullptr;
    }
    if (connection_ == nullptr) {
        io_finished(errc::peer_down);
        return;
    }
    reply_.header = header_.bytes();
    reply_.payload = bytes;
    if (const std::size_t n = reply_.payload_bytes(); n != 0) { owner_.stats_[method_->id].bytes += n; }
    reply_.answers = token_;
    sending_ = true;
    connection_->send(reply_);
}

void server_call::decide(const_byte_span body) noexcept {
    owner_.keep_reply(session_.session, session_.sequence, *method_, body);
}

void server_call::reply_sent(errc outcome) noexcept {
    sending_ = false;
    if (outcome == errc::message_too_long && connection_ != nullptr) {
        // The client has less room than its request needs. It hears so, as far as even that fits.
        if (reply_.header.size() > sizeof(frame) || reply_.payload_bytes() != 0) { return refuse_room(); }
        connection_->close(errc::bad_frame);
    }
    io_finished(outcome == errc::try_again ? errc::peer_down : outcome); // that is what a maker says
    owner_.maybe_recycle(*this);
}

/// In place of a reply that did not fit. What a mutation has changed stays changed: "no" would be wrong.
void server_call::refuse_room() noexcept {
    const bool changed = answer_ == errc::ok && method_->repeat == idempotency::at_most_once;
    BFS_LOG_WARN("rpc", "the reply to %.*s from %s does not fit into the room that was announced for it",
                 static_cast<int>(method_->name.size()), method_->name.data(), connection_->describe().c_str());
    io_finished(errc::message_too_long);
    answer_ = changed ? errc::outcome_unknown : errc::message_too_long;
    frame head;
    head.flags = flag_reply;
    head.method = method_->id;
    head.call_id = call_id_;
    head.detail = static_cast<std::uint32_t>(answer_);
    header_.begin(head, nullptr);
    header_.finish();
    reply_.header = header_.bytes();
    reply_.payload = nullptr;
    reply_.maker = nullptr;
    sending_ = true;
    connection_->send(reply_);
}

} // namespace benchfs::rpc
