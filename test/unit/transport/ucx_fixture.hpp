// Two UCX transports on one loop, driven turn by turn, and a peer that speaks the wire by hand.
#pragma once

#include "benchfs/runtime/poll_poller.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/transport/ucx/transport.hpp"

#include "catch.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace benchfs::transport::ucx::testing {

using namespace std::chrono_literals;

/// Keeps what it hears.
class recorder final : public receiver {
public:
    void on_accept(connection& c) noexcept override { accepted.push_back(&c); }
    void on_message(connection&, message_ptr m) noexcept override { messages.push_back(std::move(m)); }
    void on_closed(connection& c, errc reason) noexcept override {
        std::erase(accepted, &c);
        closed.push_back(reason);
    }

    std::vector<connection*> accepted;
    std::vector<message_ptr> messages;
    std::vector<errc> closed;
};

class sending final : public send_operation {
public:
    void on_sent(errc how) noexcept override { outcome = how; }
    std::optional<errc> outcome;
};

class receiving final : public receive_operation {
public:
    void on_received(errc how) noexcept override { outcome = how; }
    std::optional<errc> outcome;
};

/// A loop with a poller; it sleeps as soon as it can.
class machine {
public:
    explicit machine(bool with_poller = true) : loop(options()) {
        if (with_poller) { poller = std::make_unique<runtime::poll_poller>(loop); }
    }

    /// Turns the loop until the condition holds; false after a time in which it should have.
    template <class Condition>
    [[nodiscard]] bool until(Condition condition, duration patience = 20s) {
        const time_point end = steady_clock().now() + patience;
        while (!condition()) {
            if (steady_clock().now() > end) { return false; }
            loop.turn();
        }
        return true;
    }
    /// Without sleeping.
    void turns(std::size_t n) {
        const duration longest =
            poller == nullptr ? duration::zero() : std::exchange(poller->longest, duration::zero());
        for (std::size_t i = 0; i < n; ++i) { loop.turn(); }
        if (poller != nullptr) { poller->longest = longest; }
    }

    runtime::loop loop;
    std::unique_ptr<runtime::poll_poller> poller;

private:
    static runtime::loop_options options() {
        runtime::loop_options o;
        o.spin_before_sleep = duration::zero();
        o.turns_before_yield = 1;
        return o;
    }
};

inline std::unique_ptr<ucx_transport> make_transport(machine& m, receiver& r, ucx_options options = {}) {
    result<std::unique_ptr<ucx_transport>> made = ucx_transport::create(m.loop, std::move(options));
    REQUIRE(made);
    (*made)->set_receiver(r);
    return *std::move(made);
}

/// A connected pair.
class pair {
public:
    explicit pair(ucx_options server_options = {}, ucx_options client_options = {}, bool with_poller = true)
        : m(with_poller),
          server(make_transport(m, at_server, std::move(server_options))),
          client(make_transport(m, at_client, std::move(client_options))) {
        result<connection*> c = m.loop.run(client->connect(server->address()));
        REQUIRE(c);
        up = *c;
        REQUIRE(m.until([this] { return at_server.accepted.size() == 1; }));
        down = at_server.accepted.front();
    }
    ~pair() {
        if (client != nullptr) { m.loop.run(client->stop()); }
        if (server != nullptr) { m.loop.run(server->stop()); }
    }

    machine m;
    recorder at_server;
    recorder at_client;
    std::unique_ptr<ucx_transport> server;
    std::unique_ptr<ucx_transport> client;
    connection* up = nullptr;
    connection* down = nullptr;
};

/// A worker and an endpoint that send whatever bytes a test likes.
class raw_peer final : private endpoint_observer {
public:
    raw_peer(machine& m, const std::vector<std::byte>& server) : machine_(m) {
        result<std::unique_ptr<context>> network = context::create();
        REQUIRE(network);
        result<std::unique_ptr<worker>> made = worker::create(m.loop, *std::move(network));
        REQUIRE(made);
        worker_ = *std::move(made);
        // Answers come too; UCX crashes where there is no handler for them.
        ucp_am_handler_param_t handler{};
        handler.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB;
        handler.id = am_id;
        handler.cb = [](void*, const void*, std::size_t, void*, std::size_t, const ucp_am_recv_param_t*) {
            return UCS_OK;
        };
        REQUIRE(ucp_worker_set_am_recv_handler(worker_->handle(), &handler) == UCS_OK);
        endpoint_observer& observer = *this;
        end_ = std::make_unique<endpoint>(*worker_, observer);
        REQUIRE(end_->open(unwrap_address(server)));
    }
    ~raw_peer() { leave(); }

    /// Suddenly, as if killed.
    void leave() {
        if (end_ == nullptr) { return; }
        end_->force_close();
        CHECK(machine_.until([this] { return gone_; }));
        machine_.turns(200); // the server's endpoints to this peer are made by now, or UCX would abort
        end_.reset();
        worker_.reset();
    }

    void send(const_byte_span header, const_byte_span payload = {}, std::uint32_t flags = 0) {
        ucp_request_param_t params{};
        params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
        params.flags = flags;
        void* sent = ucp_am_send_nbx(end_->handle(), am_id, header.data(), header.size(), payload.data(),
                                     payload.size(), &params);
        REQUIRE(!UCS_PTR_IS_ERR(sent));
        if (sent == nullptr) { return; }
        CHECK(machine_.until([&] {
            worker_->progress_once();
            machine_.turns(1); // no sleep: nothing is deferred that would end it
            return ucp_request_check_status(sent) != UCS_INPROGRESS;
        }));
        ucp_request_free(sent);
    }
    void send(const wire_prefix& prefix, const_byte_span payload = {}, std::uint32_t flags = 0) {
        send(bytes_of(prefix), payload, flags);
    }
    [[nodiscard]] const_byte_span address() const { return worker_->address(); }

private:
    void on_endpoint_failed(errc) noexcept override {}
    void on_endpoint_flushed(errc) noexcept override {}
    void on_endpoint_closed() noexcept override { gone_ = true; }

    machine& machine_;
    std::unique_ptr<worker> worker_;
    std::unique_ptr<endpoint> end_;
    bool gone_ = false;
};

} // namespace benchfs::transport::ucx::testing
