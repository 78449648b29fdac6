// One rpc server and its clients on one loop, over the transport inside the process; and a client that speaks
// raw frames.
#pragma once

#include "benchfs/rpc/client.hpp"
#include "benchfs/rpc/server.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/loopback/transport.hpp"

#include "../co_require.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace benchfs::rpc::test {

using runtime::task;
using namespace std::chrono_literals;

inline constexpr server_id only{0};
inline const cluster_identity our_cluster{{11, 12}, {std::byte{21}, std::byte{22}}, nullptr};

/// Whatever server it is asked for, it is where `address` says.
class fixed_resolver final : public address_resolver {
public:
    [[nodiscard]] task<result<std::vector<std::byte>>> address_of(server_id) override {
        if (address.empty()) { co_return errc::no_server; }
        co_return address;
    }
    std::vector<std::byte> address;
};

/// Remembers the connection that was made last, so that a test can cut it.
class tapped_transport final : public transport::transport {
public:
    tapped_transport(runtime::loop& loop, benchfs::transport::loopback_network& network)
        : inner_(loop, network) {}
    [[nodiscard]] std::string_view name() const noexcept override { return inner_.name(); }
    [[nodiscard]] std::vector<std::byte> address() const override { return inner_.address(); }
    void set_receiver(benchfs::transport::receiver& r) noexcept override { inner_.set_receiver(r); }
    [[nodiscard]] task<result<benchfs::transport::connection*>>
    connect(std::vector<std::byte> address) override {
        auto made = co_await inner_.connect(std::move(address));
        if (made) {
            last = *made;
            ++made_so_far;
        }
        co_return made;
    }
    [[nodiscard]] task<void> stop() override { return inner_.stop(); }
    void cut() { benchfs::transport::loopback_network::cut(*last); }

    benchfs::transport::connection* last = nullptr;
    int made_so_far = 0;

private:
    benchfs::transport::loopback_transport inner_;
};

/// A client with a transport of its own.
struct caller {
    caller(runtime::loop& loop, transport::loopback_network& network, const std::vector<std::byte>& address,
           const client_settings& settings, const cluster_identity& identity)
        : wire(loop, network), rpc(loop, wire, where, identity, settings) {
        where.address = address;
    }
    tapped_transport wire;
    fixed_resolver where;
    client rpc;
};

struct rig {
    explicit rig(const server_settings& s = {}) { start(s); }
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;
    ~rig() {
        for (auto& c : clients) { loop.run(c->rpc.close()); }
        stop();
    }

    void start(server_settings s) {
        wire = std::make_unique<transport::loopback_transport>(loop, network);
        server = std::make_unique<rpc::server>(loop, *wire, our_cluster, s);
    }
    void stop() {
        if (!server) { return; }
        loop.run(server->stop());
        server.reset();
        wire.reset();
    }
    /// The next client, with a session of its own.
    caller& connect(client_settings s = {}, const cluster_identity& identity = our_cluster) {
        s.seed = clients.size() + 1;
        clients.push_back(std::make_unique<caller>(loop, network, wire->address(), s, identity));
        return *clients.back();
    }

    runtime::loop loop;
    transport::loopback_network network;
    std::unique_ptr<transport::loopback_transport> wire;
    std::unique_ptr<rpc::server> server;
    std::vector<std::unique_ptr<caller>> clients;
};

/// A peer without manners: sends any header and payload, keeps the headers of what comes back.
class raw_client final : private transport::receiver {
public:
    struct outgoing final : transport::send_operation {
        void on_sent(errc outcome) noexcept override { sent = outcome; }
        std::vector<std::byte> bytes;
        std::vector<std::byte> extra;
        const_segments list;
        std::optional<errc> sent;
    };

    raw_client(runtime::loop& loop, transport::loopback_network& network) : wire(loop, network) {
        wire.set_receiver(*this);
    }
    [[nodiscard]] task<bool> connect(std::vector<std::byte> address) {
        auto made = co_await wire.connect(std::move(address));
        up = made ? *made : nullptr;
        co_return up != nullptr;
    }
    void send(const_byte_span header, std::size_t payload = 0,
              std::uint32_t reply_header_max = transport::max_header) {
        auto op = std::make_unique<outgoing>();
        op->bytes.assign(header.begin(), header.end());
        op->extra.resize(payload);
        op->header = op->bytes;
        op->list.push(std::span<const std::byte>(op->extra));
        op->payload = payload == 0 ? nullptr : &op->list;
        op->reply_header_max = reply_header_max;
        op->reply_payload_max = 1 << 20;
        operations.push_back(std::move(op));
        if (up != nullptr) { up->send(*operations.back()); }
    }
    [[nodiscard]] frame last() const {
        frame f;
        REQUIRE(!replies.empty());
        REQUIRE(load(const_byte_span(replies.back()), f));
        return f;
    }

    transport::loopback_transport wire;
    transport::connection* up = nullptr;
    std::vector<std::vector<std::byte>> replies;
    std::vector<std::unique_ptr<outgoing>> operations;

private:
    void on_accept(transport::connection& c) noexcept override { c.close(errc::not_permitted); }
    void on_message(transport::connection&, transport::message_ptr m) noexcept override {
        const const_byte_span h = m->header();
        replies.emplace_back(h.begin(), h.end());
    }
    void on_closed(transport::connection&, errc) noexcept override { up = nullptr; }
};

/// A correct frame around `body`.
[[nodiscard]] inline std::vector<std::byte> make_frame_of(frame head, const_byte_span body,
                                                          const session_block* session = nullptr,
                                                          std::string_view tail = {}) {
    header_buffer out;
    out.begin(head, session);
    REQUIRE(out.append(body));
    REQUIRE(out.append(std::as_bytes(std::span(tail.data(), tail.size()))));
    out.finish();
    const const_byte_span bytes = out.bytes();
    return {bytes.begin(), bytes.end()};
}

template <class Body>
[[nodiscard]] std::vector<std::byte>
make_frame(frame head, const Body& body, const session_block* session = nullptr, std::string_view tail = {}) {
    return make_frame_of(head, bytes_of(body), session, tail);
}

[[nodiscard]] inline frame head_of(const method_info& method, std::uint64_t call_id = 1) {
    frame f;
    f.method = method.id;
    f.call_id = call_id;
    f.detail = 1000;
    return f;
}

/// Some turns of the loop, enough for a message to be answered.
[[nodiscard]] inline task<void> turns(int n = 60) {
    // Many yields fit into one turn of the loop.
    for (int i = 0; i < n * 200; ++i) { (void)co_await runtime::yield(); }
}

/// Waits until `holds()` is true, so that nothing is asserted of how fast the machine is. The patience is only
/// there for a test that fails.
template <class Condition>
[[nodiscard]] task<bool> eventually(Condition holds) {
    for (int i = 0; i < 10'000 && !holds(); ++i) { (void)co_await runtime::sleep_for(1ms); }
    co_return holds();
}

/// Says a good hello, and gives what both said; nothing in it if there was no good answer.
[[nodiscard]] inline task<introduction> say_hello(raw_client& raw) {
    introduction both;
    both.client.cluster_id = our_cluster.id;
    both.client.once.fill(std::byte{77});
    raw.send(make_frame(head_of(hello::info), both.client));
    co_await turns();
    if (raw.last().detail != 0) { co_return introduction{}; }
    CO_REQUIRE(load(const_byte_span(raw.replies.back()).subspan(sizeof(frame)), both.server));
    co_return both;
}

[[nodiscard]] inline join::request good_join(const introduction& both, std::uint64_t session,
                                             std::uint32_t generation = 1) {
    join::request j;
    j.session = session;
    j.generation = generation;
    sign(our_cluster, both, j);
    return j;
}

/// All it takes to be let in; the outcome of the join.
[[nodiscard]] inline task<errc> enter(raw_client& raw, std::uint64_t session, std::uint32_t generation = 1) {
    const introduction both = co_await say_hello(raw);
    const join::request j = good_join(both, session, generation);
    raw.send(make_frame(head_of(join::info), j));
    co_await turns();
    co_return from_wire(static_cast<std::int32_t>(raw.last().detail));
}

} // namespace benchfs::rpc::test
