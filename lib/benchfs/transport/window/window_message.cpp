#include "benchfs/transport/window/window_message.hpp"

#include "benchfs/transport/window/window_end.hpp"

#include <cstring>

namespace benchfs::transport::window {

void window_message::receive(receive_operation& op) noexcept {
    BFS_ASSERT(kind_ != payload_kind::taken);
    BFS_ASSERT(op.taker != nullptr || op.target->bytes() == payload_size_);
    if (kind_ == payload_kind::staged && end_ == nullptr) {
        kind_ = payload_kind::taken;
        op.on_received(errc::peer_down);
    } else if (kind_ == payload_kind::none) {
        op.on_received(errc::ok);
    } else if (kind_ == payload_kind::spilled) {
        const errc outcome = hand_over(op);
        kind_ = payload_kind::taken;
        op.on_received(outcome);
    } else {
        end_->start_receive(*this, op);
    }
}

bool window_message::makes_reply() const noexcept {
    return end_ != nullptr && exchange_ != no_exchange && end_->makes_reply(exchange_);
}

errc window_message::hand_over(receive_operation& op) const noexcept {
    const std::byte* from = kind_ == payload_kind::spilled ? spill_.get() : in_ring_;
    if (op.taker != nullptr) { return op.taker->take({from, payload_size_}); }
    segment_cursor<byte_span> to(*op.target);
    to.copy_in(from, payload_size_);
    return errc::ok;
}

void window_message::abandon(receive_operation& op) noexcept {
    if (end_ != nullptr) { end_->abandon_receive(*this, op); }
}

void window_message::spill() {
    // Allocated once for the life of the pooled message, and only by handlers that wait before they receive.
    if (!spill_) { spill_ = std::make_unique<std::byte[]>(inline_max); }
    std::memcpy(spill_.get(), in_ring_, payload_size_);
    in_ring_ = nullptr;
    kind_ = payload_kind::spilled;
}

void window_message::release() noexcept {
    if (end_ != nullptr) { end_->forget(*this); }
    end_ = nullptr;
    kind_ = payload_kind::none;
    pool_->give_back(*this);
}

window_message& message_pool::acquire() {
    if (free_.empty()) {
        all_.push_back(std::make_unique<window_message>());
        all_.back()->pool_ = this;
        free_.reserve(all_.size()); // give_back() must not allocate
        return *all_.back();
    }
    window_message& m = *free_.back();
    free_.pop_back();
    return m;
}

void message_pool::give_back(window_message& m) noexcept {
    free_.push_back(&m);
    if (disowned_ && free_.size() == all_.size()) { delete this; }
}

void message_pool::disown() noexcept {
    disowned_ = true;
    if (free_.size() == all_.size()) { delete this; }
}

} // namespace benchfs::transport::window
