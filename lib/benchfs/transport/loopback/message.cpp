#include "benchfs/transport/loopback/message.hpp"

#include "benchfs/transport/loopback/connection.hpp"
#include "benchfs/transport/loopback/network.hpp"

#include <cstring>
#include <utility>

namespace benchfs::transport {

void loopback_message::load(send_operation& op, loopback_connection& from, request_token token,
                            time_point due) noexcept {
    if (!op.header.empty()) { std::memcpy(header_, op.header.data(), op.header.size()); }
    header_size_ = static_cast<std::uint32_t>(op.header.size());
    payload_size_ = op.payload_bytes();
    token_ = token;
    due_ = due;
    received_ = false;
    lost_ = errc::ok;
    op_ = payload_size_ == 0 ? nullptr : &op;
    from_ = payload_size_ == 0 ? nullptr : &from;
}

void loopback_message::receive(receive_operation& op) noexcept {
    BFS_ASSERT(!std::exchange(received_, true));
    BFS_ASSERT((op.target == nullptr ? 0 : op.target->bytes()) == payload_size_);
    errc outcome = lost_;
    if (op_ != nullptr) {
        segment_cursor<const_byte_span> from(*op_->payload);
        for (std::size_t i = 0; i < op.target->count(); ++i) {
            const byte_span to = (*op.target)[i];
            from.copy_out(to.data(), to.size());
        }
        outcome = errc::ok;
        std::exchange(from_, nullptr)->consumed(*std::exchange(op_, nullptr));
    }
    op.on_received(outcome);
}

void loopback_message::release() noexcept {
    BFS_ASSERT(!linked());
    if (op_ != nullptr) { std::exchange(from_, nullptr)->consumed(*std::exchange(op_, nullptr)); }
    home_.release(*this);
}

} // namespace benchfs::transport
