// Streams and the listener that accepts them.
#include "ucx_fixture.hpp"

#include "conformance.hpp"
#include "variable.hpp"

#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/listener.hpp"
#include "benchfs/transport/ucx/stream.hpp"

namespace benchfs::transport::ucx::testing {
namespace {

using stream_ptr = std::unique_ptr<stream>;

struct stage {
    explicit stage(context_options network = {}) : w(make_worker(network)), far(make_worker(network)) {
        result<std::unique_ptr<listener>> listening = listener::create(*w);
        REQUIRE(listening);
        l = *std::move(listening);
        REQUIRE(l->port() != 0);
    }
    [[nodiscard]] std::unique_ptr<worker> make_worker(context_options options) {
        result<std::unique_ptr<context>> network = context::create(options);
        REQUIRE(network);
        result<std::unique_ptr<worker>> made = worker::create(m.loop, *std::move(network));
        REQUIRE(made);
        return *std::move(made);
    }
    machine m;
    std::unique_ptr<worker> w;   // the listener's
    std::unique_ptr<worker> far; // the clients': a worker's connection to itself would not be over tcp
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
    result<stream_ptr> made = co_await stream::connect(*s->far, "127.0.0.1", s->l->port());
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

runtime::task<void> knows_its_ends(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    CHECK(client->remote_address() == "127.0.0.1:" + std::to_string(s->l->port()));
    CHECK(client->local_address().starts_with("127.0.0.1:"));
    CHECK(server->remote_address() == client->local_address());
    CHECK(server->local_address() == client->remote_address());
    co_await client->close();
    CHECK(client->local_address().empty());
    co_await server->close();
}

runtime::task<void> over_shared_memory(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    INFO(client->endpoint_info());
    const bool shared = client->endpoint_info().find("posix/") != std::string::npos ||
                        client->endpoint_info().find("sysv/") != std::string::npos;
    CHECK(shared);
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(echo(server.get(), 300'000));
    const std::vector<std::byte> data = conformance::pattern(5, 300'000);
    const status sent = co_await client->send(data);
    REQUIRE(sent);
    std::vector<std::byte> memory(data.size());
    const result<std::size_t> got = co_await client->receive(memory);
    REQUIRE(got);
    CHECK((memory == data));
    const status joined = co_await scope.join();
    REQUIRE(joined);
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

runtime::task<status> receive_all(stream* s, std::vector<std::byte>* to) {
    BFS_CO_TRY(const std::size_t got, co_await s->receive(*to));
    BFS_ASSERT(got == to->size());
    co_return ok();
}

/// UCX frees a TCP endpoint that is closed with bytes to send and then writes with it (endpoint.hpp), so what
/// was begun leaves before the stream ends.
runtime::task<void> stopped_while_sending(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    const std::vector<std::byte> data = conformance::pattern(7, std::size_t{8} << 20);
    std::vector<std::byte> arrived(data.size());
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context, false);
    scope.spawn(receive_all(server.get(), &arrived));
    runtime::task_scope stopped(context, false);
    client->farewell_limit = 20s;
    stopped.spawn(client->send(data));
    REQUIRE(stopped.live() == 1); // more than the sockets take
    stopped.request_stop(errc::cancelled);
    const status sent = co_await stopped.join();
    CHECK(sent);
    const status received = co_await scope.join();
    CHECK(received);
    CHECK((arrived == data)); // not printed: it is long
    const status after = co_await client->send(data);
    CHECK(after.error() == errc::peer_down);
    co_await client->close();
    co_await server->close();
}

/// A peer that takes nothing more does not hold a stop up.
runtime::task<void> stopped_while_nobody_takes(stage* s) {
    const result<stream_ptr> nobody =
        co_await runtime::with_timeout(50ms, stream::connect(*s->far, "127.0.0.1", s->l->port()));
    CHECK(nobody.error() == errc::timed_out);
}

runtime::task<void> closed_while_the_peer_closes(stage* s) {
    stream_ptr client;
    stream_ptr server;
    co_await make_pair(s, &client, &server);
    const std::vector<std::byte> data = conformance::pattern(3, 100'000);
    const status sent = co_await client->send(data);
    REQUIRE(sent);
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    const auto close = [](stream* which) -> runtime::task<status> {
        co_await which->close();
        co_return ok();
    };
    scope.spawn(close(client.get()));
    scope.spawn(close(server.get()));
    const status joined = co_await scope.join();
    CHECK(joined);
}

runtime::task<void> nobody_listens(stage* s) {
    const std::uint16_t port = s->l->port();
    s->l.reset();
    const result<stream_ptr> refused = co_await stream::connect(*s->far, "127.0.0.1", port);
    CHECK(!refused);
    CHECK(refused.error() == errc::peer_down);
    const result<stream_ptr> nonsense = co_await stream::connect(*s->far, "no such host", port);
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

TEST_CASE("a stream knows both its ends") {
    stage s;
    s.m.loop.run(knows_its_ends(&s));
}

TEST_CASE("a stream uses shared memory where its context has it") {
    const variable tls("UCX_TLS", "posix,sysv,tcp,self");
    const variable handling("UCX_MM_ERROR_HANDLING", "y");
    stage s(context_options{.shared_memory = true});
    CHECK(s.w->network().resources().find("posix") != std::string::npos);
    s.m.loop.run(over_shared_memory(&s));
}

TEST_CASE("a receive ends when the other side closes its stream") {
    stage s;
    s.m.loop.run(closed_while_receiving(&s));
}

TEST_CASE("a receive that is stopped ends, and so does its stream") {
    stage s;
    s.m.loop.run(stopped_while_receiving(&s));
}

TEST_CASE("what a stopped send had begun still arrives, and its stream has ended") {
    stage s;
    s.m.loop.run(stopped_while_sending(&s));
}

TEST_CASE("connecting to a listener that accepts nothing can be stopped") {
    stage s;
    s.m.loop.run(stopped_while_nobody_takes(&s));
}

TEST_CASE("both sides may close at once") {
    for (int round = 0; round < 20; ++round) {
        stage s;
        s.m.loop.run(closed_while_the_peer_closes(&s));
    }
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
