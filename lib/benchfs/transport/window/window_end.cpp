#include "benchfs/transport/window/window_end.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/window/window_set.hpp"

#include <cstring>

namespace benchfs::transport::window {
namespace {

constexpr int records_per_poll = 64;

} // namespace

window_end::window_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory,
                       bool server) noexcept
    : set_(set),
      host_(host),
      memory_(std::move(memory)),
      staging_(memory_->size() >= size_with_staging ? memory_->data() + staging_offset : nullptr),
      my_asleep_(server ? &shared().server_asleep : &shared().client_asleep),
      peer_asleep_(server ? &shared().client_asleep : &shared().server_asleep),
      writer_(server ? shared().to_client : shared().to_server),
      reader_(server ? shared().to_server : shared().to_client) {
    set_.add(*this);
}

window_end::~window_end() {
    set_.remove(*this);
    detach_messages();
}

bool window_end::poll() noexcept {
    if (!started_ || closed_) { return false; }
    int taken = 0;
    while (taken < records_per_poll && !closed_ && reader_.has_record()) {
        const record what = reader_.peek();
        writer_.acknowledge(what.consumed);
        consumed_ = false;
        on_record(what);
        consume();
        ++taken;
    }
    if (backlog_ && !closed_ && work_backlog()) { ++taken; }
    return taken != 0;
}

void window_end::publish(record what, const_byte_span header, const const_segments* payload) noexcept {
    what.consumed = static_cast<std::uint8_t>(reader_.consumed());
    writer_.write(what, header, payload);
    // Pairs with the fence in prepare_sleep(). The plain load first: the line stays shared while the peer is
    // awake.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (peer_asleep_->load(std::memory_order_relaxed) != 0 && peer_asleep_->exchange(0) != 0) {
        host_.ring_doorbell();
    }
}

void window_end::deliver(const record& what, request_token token) noexcept {
    window_message& m = set_.messages().acquire();
    // Nothing in pieces would never have arrived.
    const bool empty_pieces = what.kind == record_kind::staged && what.payload_size == 0;
    if (empty_pieces || !reader_.open(what, m.header_, payload_)) {
        message_ptr dropped(&m);
        fail(errc::bad_frame, "a record with impossible sizes");
        return;
    }
    m.header_size_ = what.header_size;
    m.payload_size_ = what.payload_size;
    m.token_ = token;
    m.exchange_ = what.exchange;
    m.end_ = this;
    if (what.kind == record_kind::staged) {
        m.kind_ = window_message::payload_kind::staged;
    } else if (what.payload_size != 0) {
        m.kind_ = window_message::payload_kind::in_ring;
        m.in_ring_ = payload_.data();
    } else {
        m.kind_ = window_message::payload_kind::none;
    }
    live_.push_back(m);
    if (m.kind_ != window_message::payload_kind::in_ring) { consume(); }
    host_.deliver(message_ptr(&m));
    // The slot goes back to the peer after this; a handler that kept the message must not see it change. (A
    // message released meanwhile is in the pool, and its state says that nothing is in the ring.)
    if (m.kind_ == window_message::payload_kind::in_ring) { m.spill(); }
}

void window_end::piece_arrived(incoming& in, const record& what) noexcept {
    in.queue[(in.head + in.count++) % piece_count] = {what.piece, what.payload_size};
    in.to_arrive -= what.payload_size;
}

void window_end::drain(std::uint16_t exchange) noexcept {
    incoming& in = incoming_of(exchange);
    receive_operation* ended = nullptr;
    errc outcome = errc::ok;
    while (in.count != 0 && (in.discard || in.receiver != nullptr)) {
        const incoming::run part = in.pop_run();
        if (!in.discard) { outcome = take(in, {piece_at(part.first), part.bytes}); }
        in.to_drain -= part.bytes;
        for (std::uint32_t i = 0; i < part.pieces; ++i) {
            give_back(exchange, static_cast<std::uint8_t>(part.first + i));
        }
        if (outcome != errc::ok && !std::exchange(in.discard, true)) {
            ended = std::exchange(in.receiver, nullptr); // what is still to come is dropped as it comes
        }
        if (in.to_drain == 0) {
            if (ended == nullptr) { ended = std::exchange(in.receiver, nullptr); }
            incoming_done(exchange);
            break; // the exchange may be another one's after on_received()
        }
    }
    if (ended != nullptr) { ended->on_received(outcome); }
}

errc window_end::take(incoming& in, const_byte_span piece) noexcept {
    if (in.receiver->taker != nullptr) { return in.receiver->taker->take(piece); }
    in.cursor.copy_in(piece.data(), piece.size());
    return errc::ok;
}

void window_end::stop_incoming(incoming& in, errc reason) noexcept {
    in.to_arrive = in.to_drain = 0;
    in.count = 0;
    in.failed = reason;
    if (receive_operation* op = std::exchange(in.receiver, nullptr); op != nullptr) { op->on_received(reason); }
}

void window_end::start_receive(window_message& m, receive_operation& op) noexcept {
    using kind = window_message::payload_kind;
    if (m.kind_ != kind::staged) {
        const errc outcome = m.hand_over(op);
        if (m.kind_ == kind::in_ring) { consume(); }
        m.kind_ = kind::taken;
        op.on_received(outcome);
        return;
    }
    m.kind_ = kind::taken;
    incoming& in = incoming_of(m.exchange_);
    if (in.failed != errc::ok) {
        op.on_received(in.failed);
        return;
    }
    in.receiver = &op;
    if (op.taker == nullptr) { in.cursor = segment_cursor<byte_span>(*op.target); }
    drain(m.exchange_);
}

void window_end::abandon_receive(window_message& m, receive_operation& op) noexcept {
    if (m.exchange_ == no_exchange) { return; } // such a payload came inside the ring
    incoming& in = incoming_of(m.exchange_);
    if (in.receiver != &op) { return; }
    in.receiver = nullptr;
    in.discard = true;
    drain(m.exchange_);
    op.on_received(errc::cancelled);
}

void window_end::forget(window_message& m) noexcept {
    m.unlink();
    if (m.kind_ != window_message::payload_kind::staged) { return; }
    incoming& in = incoming_of(m.exchange_);
    in.discard = true;
    drain(m.exchange_);
}

void window_end::detach_messages() noexcept {
    while (!live_.empty()) {
        auto& m = static_cast<window_message&>(live_.pop_front());
        if (m.kind_ == window_message::payload_kind::in_ring) { m.spill(); }
        m.end_ = nullptr;
    }
}

void window_end::fail(errc reason, const char* what) noexcept {
    if (closed_) { return; }
    closed_ = true;
    BFS_LOG_WARN("window", "closing the window of %s: %s", host_.peer().c_str(), what);
    host_.path_failed(reason);
}

} // namespace benchfs::transport::window
