// A message inside one process: the header is copied at once, the payload stays with its sender until the
// receiver asks for it, and then goes straight from the sender's memory to the receiver's.
//
// Messages come from the network's pool and return to it. A message that outlives its connection or its
// transport stays safe: whoever takes the payload away tells the message (orphan).
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/transport/transport.hpp"

namespace benchfs::transport {

class loopback_connection;
class loopback_network;

class loopback_message final : public message {
public:
    explicit loopback_message(loopback_network& home) noexcept : home_(home) {}

    void receive(receive_operation& op) noexcept override;
    /// receive() always completes inside the call, so there is nothing left to abandon.
    void abandon(receive_operation&) noexcept override {}

    /// For the sending connection: copies the header of `op` and refers to its payload.
    void load(send_operation& op, loopback_connection& from, request_token token, time_point due) noexcept;
    /// The payload is not to be had any more; a receive() gets `reason`.
    void orphan(errc reason) noexcept {
        op_ = nullptr;
        from_ = nullptr;
        lost_ = reason;
    }
    [[nodiscard]] time_point due() const noexcept { return due_; }
    /// The sender still waits for this message's payload to be taken.
    [[nodiscard]] bool wanted() const noexcept { return op_ != nullptr; }
    /// In an inbox, not yet with a receiver (who may link it into lists of its own).
    bool in_flight = false;

private:
    void release() noexcept override;

    loopback_network& home_;
    send_operation* op_ = nullptr; // set while the payload can be had
    loopback_connection* from_ = nullptr;
    errc lost_ = errc::ok;
    bool received_ = false;
    time_point due_{};
};

} // namespace benchfs::transport
