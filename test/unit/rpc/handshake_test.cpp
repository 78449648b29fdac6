// The proofs of the cluster's secret: what they are bound to, and a server that cannot make one.
#include "support.hpp"

#include <set>

namespace benchfs::rpc {
namespace {

using namespace test;

struct conversation {
    introduction before;
    join::request asked;
    join::reply said;
};

conversation example() {
    conversation c;
    c.before.client.expected_server = 3;
    c.before.client.cluster_id = our_cluster.id;
    c.before.client.once.fill(std::byte{1});
    c.before.server.server = 3;
    c.before.server.once.fill(std::byte{2});
    c.asked.session = 99;
    c.asked.generation = 7;
    c.asked.retry_for_ms = 1500;
    sign(our_cluster, c.before, c.asked);
    c.said.incarnation = 1234;
    c.said.server_count = 4;
    c.said.chunk_size = 65536;
    c.said.checksums = 1;
    sign(our_cluster, c.before, c.asked, c.said);
    return c;
}

/// Calls `check` with each bit of `part` flipped in turn.
template <class T, class F>
void with_each_bit(T& part, F&& check) {
    auto* bytes = reinterpret_cast<std::byte*>(&part);
    for (std::size_t i = 0; i < 8 * sizeof(T); ++i) {
        const std::byte bit = std::byte{1} << (i % 8);
        bytes[i / 8] ^= bit;
        check();
        bytes[i / 8] ^= bit;
    }
}

/// A server that lets everybody in and answers as if it knew.
class impostor final : private transport::receiver {
public:
    impostor(runtime::loop& loop, transport::loopback_network& network) : wire(loop, network) {
        wire.set_receiver(*this);
    }

    transport::loopback_transport wire;
    cluster_identity believes = our_cluster;
    hello::reply greeting;
    join::reply welcome;
    bool echo = false; // the client's own proof back
    int asked = 0;     // requests after the join

private:
    struct answer final : transport::send_operation {
        void on_sent(errc) noexcept override {}
        std::vector<std::byte> bytes;
    };
    template <rpc_method M>
    void reply(transport::connection& c, const transport::message& m, const typename M::reply& body) {
        frame head = head_of(M::info);
        frame from;
        (void)load(m.header(), from);
        head.call_id = from.call_id;
        head.flags = flag_reply;
        head.detail = 0;
        auto op = std::make_unique<answer>();
        op->bytes = make_frame(head, body);
        op->header = op->bytes;
        op->answers = m.token();
        sent_.push_back(std::move(op));
        c.send(*sent_.back());
    }

    void on_accept(transport::connection& c) noexcept override { c.trust(); }
    void on_message(transport::connection& c, transport::message_ptr m) noexcept override {
        const result<decoded> d = decode(m->header());
        REQUIRE(d);
        if (d->head.method == hello::info.id) {
            REQUIRE(load(d->body, before_.client));
            before_.server = greeting;
            return reply<hello>(c, *m, greeting);
        }
        if (d->head.method != join::info.id) {
            ++asked;
            return;
        }
        join::request request;
        REQUIRE(load(d->body, request));
        join::reply said = welcome;
        sign(believes, before_, request, said);
        if (echo) { said.proof = request.proof; }
        reply<join>(c, *m, said);
    }
    void on_closed(transport::connection&, errc) noexcept override {}

    introduction before_;
    std::vector<std::unique_ptr<answer>> sent_;
};

task<errc> ping_once(client& c) {
    const ping::request request{7};
    const auto answer = co_await c.call<ping>(only, request);
    co_return answer.error();
}

/// What a client says of this server.
errc verdict(runtime::loop& loop, transport::loopback_network& network, impostor& server) {
    caller c(loop, network, server.wire.address(), {.deadline = 500ms}, our_cluster);
    const errc said = loop.run(ping_once(c.rpc));
    loop.run(c.rpc.close());
    return said;
}

TEST_CASE("a proof holds for exactly what was said") {
    conversation c = example();
    REQUIRE(proved(our_cluster, c.before, c.asked));
    REQUIRE(proved(our_cluster, c.before, c.asked, c.said));
    const auto client_fails = [&] { REQUIRE_FALSE(proved(our_cluster, c.before, c.asked)); };
    const auto server_fails = [&] { REQUIRE_FALSE(proved(our_cluster, c.before, c.asked, c.said)); };
    with_each_bit(c.before, client_fails);
    with_each_bit(c.asked, client_fails);
    with_each_bit(c.before, server_fails);
    with_each_bit(c.asked, server_fails);
    with_each_bit(c.said, server_fails);
    cluster_identity other = our_cluster;
    with_each_bit(other.secret, [&] {
        REQUIRE_FALSE(proved(other, c.before, c.asked));
        REQUIRE_FALSE(proved(other, c.before, c.asked, c.said));
    });
}

TEST_CASE("nonces come from the source, and are fresh") {
    std::set<nonce> seen;
    for (int i = 0; i < 100; ++i) {
        const result<nonce> made = fresh_nonce(our_cluster);
        REQUIRE(made);
        REQUIRE(seen.insert(*made).second);
    }
    struct broken final : random_source {
        [[nodiscard]] status fill(byte_span) noexcept override { return errc::io_error; }
    };
    broken none;
    cluster_identity identity = our_cluster;
    identity.random = &none;
    REQUIRE(fresh_nonce(identity).error() == errc::io_error);
    // Nobody is let in with a nonce that is not fresh: neither side goes on.
    rig r;
    REQUIRE(r.loop.run(ping_once(r.connect({.deadline = 500ms}, identity).rpc)) == errc::io_error);
}

TEST_CASE("a client does not talk to a server that cannot prove the secret") {
    runtime::loop loop;
    transport::loopback_network network;
    {
        impostor server(loop, network);
        server.greeting.server = 0;
        // It is believed when it knows, so what follows is about the proof alone.
        REQUIRE(verdict(loop, network, server) == errc::timed_out);
        REQUIRE(server.asked >= 1);
        server.asked = 0;
        server.believes.secret[5] ^= std::byte{4};
        REQUIRE(verdict(loop, network, server) == errc::not_permitted);
        server.believes = our_cluster;
        server.echo = true;
        REQUIRE(verdict(loop, network, server) == errc::not_permitted);
        server.echo = false;
        server.greeting.server = 1;
        REQUIRE(verdict(loop, network, server) == errc::wrong_cluster);
        server.greeting.server = 0;
        server.greeting.protocol = protocol_version + 1;
        REQUIRE(verdict(loop, network, server) == errc::protocol_mismatch);
        REQUIRE(server.asked == 0);
        loop.run(server.wire.stop());
    }
}

} // namespace
} // namespace benchfs::rpc
