// Hello: who may talk to a server, and what becomes of those who may not.
#include "support.hpp"

namespace benchfs::rpc {
namespace {

using namespace test;

task<errc> ping_of(client& c) {
    const ping::request request{7};
    const auto answer = co_await c.call<ping>(server_id{0}, request);
    if (answer) { REQUIRE(answer->value == 7); }
    co_return answer.error();
}

TEST_CASE("a client that knows the cluster is answered") {
    rig r;
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("each way to be a stranger has its own answer") {
    rig r;
    cluster_identity other = our_cluster;
    other.id[1] ^= 1;
    REQUIRE(r.loop.run(ping_of(r.connect({}, other).rpc)) == errc::wrong_cluster);
    for (std::size_t i = 0; i < 2; ++i) {
        other = our_cluster;
        other.proof[i] ^= 1;
        REQUIRE(r.loop.run(ping_of(r.connect({}, other).rpc)) == errc::not_permitted);
    }
    // The registry sent us to the wrong server.
    caller& lost = r.connect();
    const auto ask = [](client& c) -> task<errc> {
        const ping::request request{7};
        const auto answer = co_await c.call<ping>(server_id{3}, request);
        co_return answer.error();
    };
    REQUIRE(r.loop.run(ask(lost.rpc)) == errc::wrong_cluster);
    r.loop.run(turns());
    REQUIRE(r.server->connections() == 0);
    REQUIRE(r.server->sessions() == 0);
    // The refusals hurt nobody else.
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
}

TEST_CASE("another protocol version is told so") {
    rig r;
    raw_client raw(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& raw) -> task<void> {
        CO_REQUIRE(co_await raw.connect(r.wire->address()));
        hello::request h = good_hello(5);
        h.protocol = protocol_version + 1;
        raw.send(make_frame(head_of(hello::info), h));
        co_await turns();
        REQUIRE(raw.last().detail == static_cast<std::uint32_t>(errc::protocol_mismatch));
        co_await raw.wire.stop();
    };
    r.loop.run(talk(r, raw));
}

TEST_CASE("nothing but hello is answered before a valid hello") {
    rig r;
    for (const method_info& m : all_methods::infos) {
        if (m.id == hello::info.id) { continue; }
        raw_client raw(r.loop, r.network);
        const auto talk = [](rig& r, raw_client& raw, const method_info& m, bool tried) -> task<void> {
            CO_REQUIRE(co_await raw.connect(r.wire->address()));
            if (tried) {
                hello::request h = good_hello(5);
                h.proof[0] = 0;
                raw.send(make_frame(head_of(hello::info), h));
            }
            raw.send(make_frame(head_of(m, 2), ping::request{}));
            co_await turns();
            REQUIRE(raw.up == nullptr); // the server closed it
            REQUIRE(raw.replies.size() <= (tried ? 1U : 0U));
            co_await raw.wire.stop();
        };
        r.loop.run(talk(r, raw, m, m.id % 2 == 0));
    }
}

TEST_CASE("a connection has one session for all its life") {
    rig r;
    raw_client raw(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& raw) -> task<void> {
        CO_REQUIRE(co_await raw.connect(r.wire->address()));
        raw.send(make_frame(head_of(hello::info, 1), good_hello(5)));
        co_await turns();
        REQUIRE(raw.last().detail == 0);
        raw.send(make_frame(head_of(hello::info, 2), good_hello(6)));
        co_await turns();
        REQUIRE(raw.last().detail == static_cast<std::uint32_t>(errc::already_exists));
        co_await raw.wire.stop();
    };
    r.loop.run(talk(r, raw));
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("a newer connection of a session ends the older one, and an older generation is refused") {
    rig r;
    raw_client first(r.loop, r.network);
    raw_client second(r.loop, r.network);
    raw_client late(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& first, raw_client& second, raw_client& late) -> task<void> {
        CO_REQUIRE(co_await first.connect(r.wire->address()));
        first.send(make_frame(head_of(hello::info), good_hello(5, 3)));
        co_await turns();
        CO_REQUIRE(co_await second.connect(r.wire->address()));
        second.send(make_frame(head_of(hello::info), good_hello(5, 4)));
        co_await turns();
        REQUIRE(second.last().detail == 0);
        REQUIRE(first.up == nullptr);
        CO_REQUIRE(co_await late.connect(r.wire->address()));
        late.send(make_frame(head_of(hello::info), good_hello(5, 4)));
        co_await turns();
        REQUIRE(late.last().detail == static_cast<std::uint32_t>(errc::stale_epoch));
        REQUIRE(second.up != nullptr);
        co_await first.wire.stop();
        co_await second.wire.stop();
        co_await late.wire.stop();
    };
    r.loop.run(talk(r, first, second, late));
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("a server that refused once is asked again, and the dead connection takes no call with it") {
    rig r({.max_sessions = 1});
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
    caller& second = r.connect({.deadline = 60ms});
    // The table is full: asked again until the deadline.
    const errc refused = r.loop.run(ping_of(second.rpc));
    REQUIRE((refused == errc::try_again || refused == errc::timed_out));
    r.loop.run(r.clients[0]->rpc.close()); // says goodbye
    REQUIRE(r.loop.run(ping_of(second.rpc)) == errc::ok);
    REQUIRE(r.server->sessions() == 1);
}

} // namespace
} // namespace benchfs::rpc
