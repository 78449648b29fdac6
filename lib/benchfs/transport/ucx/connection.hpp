// One connection over UCX, on either side, and the better path that may have been put on top of it.
//
// Life: connecting (client: hello sent) -> open -> closing (path shut, queue failed, what was sent flushed) ->
// ending (endpoint closed by force) -> gone, which the transport hears last. close() only marks; the work is
// done from the worker's poll(), so a connection may be closed from inside any of its callbacks.
#pragma once

#include "benchfs/runtime/event.hpp"
#include "benchfs/transport/path.hpp"
#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/ucx/endpoint.hpp"
#include "benchfs/transport/ucx/message.hpp"
#include "benchfs/transport/ucx/send.hpp"

namespace benchfs::transport::ucx {

class ucx_transport;

class ucx_connection final : public connection,
                             private endpoint_observer,
                             private path_host,
                             private runtime::timer {
public:
    /// Sends at UCX at a time; more wait in the connection.
    static constexpr std::uint32_t in_flight_max = 256;

    ucx_connection(ucx_transport& owner, bool server_side) noexcept;
    ~ucx_connection() override;

    void send(send_operation& op) noexcept override;
    void abandon(send_operation& op) noexcept override;
    void stop_sending(send_operation& op) noexcept override { (void)try_take_back(op); }
    void go_on(send_operation& op) noexcept override {
        if (path_ != nullptr) { path_->go_on(op); }
    }
    [[nodiscard]] runtime::task<status> upgrade() override;
    void close(errc reason) noexcept override;
    [[nodiscard]] std::string_view path() const noexcept override;
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] std::size_t memory() const noexcept override;
    /// UCX's description of the endpoint: lanes, devices, thresholds.
    [[nodiscard]] std::string endpoint_info() const { return endpoint_.info(); }

    // For the transport.

    /// A coroutine that waits for an answer of the peer. It lives in the coroutine's frame: the connection may
    /// be gone when the coroutine runs again.
    struct answer {
        runtime::event settled;
        errc outcome = errc::ok;
        bool gone = false; // the connection ends; don't touch it
    };
    [[nodiscard]] status open(slab_handle self, const_byte_span worker_address) noexcept;
    void say_hello(answer& a, time_point deadline, std::vector<std::byte> hello);
    void accept_hello(slab_handle client) noexcept;
    /// Tells the client no and ends.
    void refuse_hello(slab_handle client, errc why) noexcept;
    /// The coroutine does not wait any more.
    void stop_waiting() noexcept;
    void on_wire(message_ptr m) noexcept;
    [[nodiscard]] bool is_open() const noexcept { return state_ == state::open; }
    [[nodiscard]] bool is_ending() const noexcept {
        return state_ == state::closing || state_ == state::ending;
    }
    [[nodiscard]] slab_handle handle() const noexcept { return handle_; }
    [[nodiscard]] std::uint64_t remote() const noexcept { return remote_; }
    [[nodiscard]] std::uint64_t peer_hash() const noexcept { return peer_hash_; }
    /// From here on the receiver hears of its end.
    void announce() noexcept { announced_ = true; }
    [[nodiscard]] bool announced() const noexcept { return announced_; }
    /// close() that waits for little: the peer is gone, or a buffer must come back soon.
    void abort(errc reason) noexcept;
    /// abort() that waits for nothing, for a transport that is being destroyed.
    void terminate() noexcept;

    // For records.
    void on_send_done(send_record& r, errc outcome) noexcept;
    void on_receive_started() noexcept;
    void on_receive_done(receive_operation& op, ucs_status_t outcome) noexcept;

private:
    enum class state : std::uint8_t { connecting, open, closing, ending };
    enum class upgrade_state : std::uint8_t { none, asked, offered, ready, done };

    class item final : public deferred {
    public:
        using action = void (ucx_connection::*)() noexcept;
        item(ucx_connection& self, action what) noexcept : self_(self), what_(what) {}
        void run() noexcept override { (self_.*what_)(); }

    private:
        ucx_connection& self_;
        action what_;
    };

    // endpoint_observer
    void on_endpoint_failed(errc reason) noexcept override { abort(reason); }
    void on_endpoint_flushed(errc outcome) noexcept override;
    void on_endpoint_closed() noexcept override;
    // path_host
    void deliver(message_ptr m) noexcept override;
    void path_failed(errc reason) noexcept override { close(reason); }
    void ring_doorbell() noexcept override;
    [[nodiscard]] std::string peer() const override { return describe(); }
    void on_timer() noexcept override;

    void start(send_operation& op) noexcept;
    void watch_transfers() noexcept;
    void look_at_transfers() noexcept;
    /// True if UCX does not have op (any more).
    [[nodiscard]] bool try_take_back(send_operation& op) noexcept;
    void pump() noexcept;
    /// A message of our own. The record, if UCX still has it.
    send_record* control(wire_kind kind, const_byte_span rest = {}, std::uint64_t extra = 0) noexcept;
    [[nodiscard]] errc outcome_of(errc sent) const noexcept;
    void settle(errc outcome) noexcept;
    void begin_closing() noexcept;
    void say_bye(duration limit) noexcept;
    void begin_ending() noexcept;
    void finish_if_idle() noexcept;
    void finish() noexcept;
    void on_control(const wire_prefix& prefix, const_byte_span rest) noexcept;
    void wait_for(answer& a, time_point deadline) noexcept;
    /// True if UCX still has the record.
    bool submit(send_record& r, const wire_prefix& prefix, const_byte_span header,
                const const_segments* payload, payload_mode mode) noexcept;
    // upgrade.cpp
    void on_upgrade(wire_kind kind, const_byte_span rest, std::uint64_t extra) noexcept;
    void make_offer() noexcept;
    void take_offer(const_byte_span blob) noexcept;
    void confirm_path() noexcept;
    void refuse_upgrade(errc why) noexcept;
    void switch_path() noexcept;
    void drop_candidate(errc why) noexcept;

    ucx_transport& owner_;
    worker& worker_;
    endpoint endpoint_;
    slab_handle handle_ = 0;
    std::uint64_t remote_ = 0; // the peer's handle of this connection
    std::uint64_t peer_hash_ = 0;
    state state_ = state::connecting;
    errc reason_ = errc::ok;
    bool announced_ = false;
    bool urgent_ = false; // no flush
    bool said_bye_ = false;
    bool endpoint_gone_ = false;
    std::uint32_t in_flight_ = 0;
    std::uint32_t receiving_ = 0;
    std::uint64_t transfers_ended_ = 0;
    std::uint64_t ended_when_seen_ = 0; // by the timer that watches them
    unsigned standstills_ = 0;          // in a row
    intrusive_list<send_operation> queue_;
    intrusive_list<ucx_message::place> messages_;
    answer* answer_ = nullptr;
    upgrade_state upgrade_ = upgrade_state::none;
    std::unique_ptr<benchfs::transport::path> candidate_; // offered or accepted, not in use
    std::unique_ptr<benchfs::transport::path> path_;
    item closer_{*this, &ucx_connection::begin_closing};
    item finisher_{*this, &ucx_connection::finish};
};

} // namespace benchfs::transport::ucx
