// One end of a connection inside one process.
//
// Each end has an inbox of messages and is driven by its own transport's poll(): nothing is delivered inside
// send(), so that what the layers above see is ordered like a network's. The transport owns the end; the two
// ends point at each other until one of them closes.
#pragma once

#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/transport/loopback/message.hpp"
#include "benchfs/transport/transport.hpp"

#include <cstdint>
#include <list>

namespace benchfs::transport {

class loopback_transport;

class loopback_connection final : public connection, public list_hook<> {
public:
    loopback_connection(loopback_transport& owner, bool server_side) noexcept;
    ~loopback_connection() override;

    void send(send_operation& op) noexcept override;
    void abandon(send_operation& op) noexcept override;
    /// There is no better path than this one: ok once the server trusts the client, access_denied before.
    [[nodiscard]] runtime::task<status> upgrade() override;
    void close(errc reason) noexcept override;
    [[nodiscard]] std::string_view path() const noexcept override { return "loopback"; }
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] std::size_t memory() const noexcept override;

    /// For the transport.
    void pair_with(loopback_connection& peer) noexcept;
    /// Handles what waits here; false when the connection has ended and must be destroyed.
    [[nodiscard]] bool step(time_point now) noexcept;
    /// When there is something to do: time_point::min() now, max() nothing, else the first message is due then.
    [[nodiscard]] time_point next_work() const noexcept;
    /// Nothing that was sent from here waits to be taken.
    [[nodiscard]] bool flushed() const noexcept;
    void cut() noexcept;

    /// A client's connect() waits for this; the connection belongs to it until it sets handed_out.
    runtime::event settled;
    bool handed_out = false;
    std::list<loopback_connection>::iterator place; // in the transport's list
    [[nodiscard]] errc end_reason() const noexcept { return end_reason_; }

    /// For messages: the payload of op was taken, or nobody wants it.
    void consumed(send_operation& op) noexcept;

private:
    [[nodiscard]] errc refusal(const send_operation& op) const noexcept;
    [[nodiscard]] request_token make_token(const send_operation& op) noexcept;
    void post(send_operation& op) noexcept;
    void deliver(time_point now) noexcept;
    [[nodiscard]] message_ptr take_out(loopback_message& m) noexcept;
    void take_back(loopback_message& m) noexcept { (void)take_out(m); }
    void drop_inbox() noexcept;
    void disown(errc reason) noexcept;
    void fail_pending(errc reason) noexcept;
    void announce() noexcept;

    loopback_transport& owner_;
    loopback_connection* peer_ = nullptr; // null once either side has closed
    intrusive_list<loopback_message> inbox_;
    std::uint32_t inbox_size_ = 0;
    intrusive_list<send_operation> pending_;  // payload not yet taken
    intrusive_list<send_operation> consumed_; // on_sent is due
    bool announced_ = false;                  // the receiver knows this connection
    bool closed_ = false;                     // by this side
    errc end_reason_ = errc::ok;              // set when either side closed
    std::uint64_t requests_ = 0;
};

} // namespace benchfs::transport
