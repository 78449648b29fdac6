// Streams and the listener that accepts them.
#include "ucx_fixture.hpp"

#include "conformance.hpp"

#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/listener.hpp"
#include "benchfs/transport/ucx/stream.hpp"

namespace benchfs::transport::ucx::testing {
namespace {

using stream_ptr = std::unique_ptr<stream>;

struct stage {
    stage() {
        result<std::unique_ptr<context>> network = context::create();
        REQUIRE(network);
        result<std::unique_ptr<worker>> made = worker::create(m.loop, *std::move(network));
        REQUIRE(made);
        w = *std::move(made);
        result<std::unique_ptr<listener>> listening = listener::create(*w);
        REQUIRE(listening);
        l = *std::move(listening);
        REQUIRE(l->port() != 0);
    }
    machine m;
    std::unique_ptr<worker> w;
    std::unique_ptr<listener> l;
};

runtime::task<status> accept_into(stage* s, stream_ptr* to) {
    BFS_CO_TRY(stream_ptr accepted, co_await s->l->accept());
    *to = std::move(accepted);
    co_return ok();
}

runtime::task<void> make_pair(stage* s, stream_ptr* client, stream_ptr* server) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(accept_into(s, server));
    result<stream_ptr> made = co_await stream::connect(*s->w, "127.0.0.1", s->l->port());
    const status joined = co_await scope.join();
    REQUIRE(made);
    REQUIRE(joined);
    *client = *std::move(made);
}

runtime::task<status> echo(stream* s, std::size_t bytes) {
    std::vector<std::byte> memory(bytes);
    BFS_CO_TRY(const std::size_t got, co_await s->receive(memory));
    BFS_ASSERT(got == bytes);
    co_return co_await s->send(memory);
}

runtime::task<void> round_trips(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    CHECK(client->endpoint_info().find("tcp") != std::string::npos);
    for (const std::size_t n : {1U, 1000U, 65'537U, 1'048'577U, 4'194'305U}) {
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope scope(context);
        scope.spawn(echo(server.get(), n));
        const std::vector<std::byte> data = conformance::pattern(n, n);
        const status sent = co_await client->send(data);
        REQUIRE(sent);
        // What is asked for arrives whole, in whatever pieces it was sent.
        std::vector<std::byte> memory(n);
        const std::size_t half = n / 2;
        const result<std::size_t> first = co_await client->receive(byte_span(memory).first(half));
        REQUIRE(first);
        const result<std::size_t> second = co_await client->receive(byte_span(memory).subspan(half));
        REQUIRE(second);
        CHECK(memory == data);
        const status joined = co_await scope.join();
        REQUIRE(joined);
    }
    co_await client->close();
    co_await server->close();
}

runtime::task<void> closed_while_receiving(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context, false);
    scope.spawn(echo(server.get(), 100));
    co_await client->close();
    const status ended = co_await scope.join();
    CHECK(ended.error() == errc::peer_down);
    std::byte more[1];
    const result<std::size_t> after = co_await server->receive(more);
    CHECK(after.error() == errc::peer_down);
    co_await server->close();
}

runtime::task<void> stopped_while_receiving(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    std::vector<std::byte> memory(100'000);
    const result<std::size_t> got = co_await runtime::with_timeout(20ms, client->receive(memory));
    CHECK(got.error() == errc::timed_out);
    co_await client->close();
    co_await server->close();
}

runtime::task<void> nobody_listens(stage* s) {
    const std::uint16_t port = s->l->port();
    s->l.reset();
    const result<stream_ptr> refused = co_await stream::connect(*s->w, "127.0.0.1", port);
    CHECK(!refused);
    CHECK(refused.error() == errc::peer_down);
    const result<stream_ptr> nonsense = co_await stream::connect(*s->w, "no such host", port);
    CHECK(nonsense.error() == errc::invalid_argument);
}

runtime::task<void> accept_is_stopped(stage* s) {
    const result<stream_ptr> nobody = co_await runtime::with_timeout(20ms, s->l->accept());
    CHECK(nobody.error() == errc::timed_out);
}

} // namespace

TEST_CASE("a stream carries bytes of any amount both ways") {
    stage s;
    s.m.loop.run(round_trips(&s));
}

TEST_CASE("a receive ends when the other side closes its stream") {
    stage s;
    s.m.loop.run(closed_while_receiving(&s));
}

TEST_CASE("a receive that is stopped ends, and so does its stream") {
    stage s;
    s.m.loop.run(stopped_while_receiving(&s));
}

TEST_CASE("connecting a stream where nobody listens fails") {
    stage s;
    s.m.loop.run(nobody_listens(&s));
}

TEST_CASE("waiting for a stream can be stopped") {
    stage s;
    s.m.loop.run(accept_is_stopped(&s));
}

TEST_CASE("a port that is taken cannot be listened on") {
    stage s;
    const result<std::unique_ptr<listener>> second = listener::create(*s.w, s.l->port());
    CHECK(second.error() == errc::address_in_use);
}

} // namespace benchfs::transport::ucx::testing
