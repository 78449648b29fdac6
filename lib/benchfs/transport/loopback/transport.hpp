// The transport inside one process: both ends may live on the same loop (embedded file system, tests).
//
// A transport belongs to one loop, is one of its reactors, and delivers there, a bounded number of messages a
// turn. Warm connections allocate nothing.
#pragma once

#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/loopback/connection.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/transport.hpp"

#include <coroutine>
#include <list>

namespace benchfs::transport {

class loopback_transport final : public transport, private runtime::reactor {
public:
    /// Both must outlive the transport.
    loopback_transport(runtime::loop& l, loopback_network& network);
    /// Asserts that stop() was awaited, or that there never was a connection.
    ~loopback_transport() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "loopback"; }
    [[nodiscard]] std::vector<std::byte> address() const override;
    void set_receiver(receiver& r) noexcept override { receiver_ = &r; }
    /// peer_down when nobody is there, shutting_down after stop(), or why the caller was stopped.
    [[nodiscard]] runtime::task<result<connection*>> connect(std::vector<std::byte> address) override;
    [[nodiscard]] runtime::task<void> stop() override;

    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

    /// For connections.
    void activate(loopback_connection& c) noexcept;
    [[nodiscard]] receiver& sink() const noexcept { return *receiver_; }
    [[nodiscard]] loopback_network& network() const noexcept { return network_; }
    [[nodiscard]] runtime::loop& owner() const noexcept { return loop_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    void check_stopping() noexcept;

private:
    enum class stop_phase : std::uint8_t { running, flushing, closing };

    class stop_limit final : public runtime::timer {
    public:
        explicit stop_limit(loopback_transport& self) noexcept : self_(self) {}
        void on_timer() noexcept override;

    private:
        loopback_transport& self_;
    };
    class wake_up final : public runtime::timer {
    public:
        void on_timer() noexcept override {} // waking the loop is all it is for
    };
    class phase_end;

    [[nodiscard]] bool poll() noexcept override;
    [[nodiscard]] bool prepare_sleep() noexcept override;
    [[nodiscard]] loopback_connection& add(bool server_side);
    [[nodiscard]] bool phase_done() const noexcept;

    runtime::loop& loop_;
    loopback_network& network_;
    std::uint64_t id_;
    receiver* receiver_ = nullptr;
    std::list<loopback_connection> connections_;
    intrusive_list<loopback_connection> active_;
    wake_up wake_up_;
    stop_limit limit_{*this};
    stop_phase phase_ = stop_phase::running;
    std::coroutine_handle<> stopper_;
};

} // namespace benchfs::transport
