// The worker as a reactor: an idle one costs nothing, and every message wakes a sleeping loop.
#include "ucx_fixture.hpp"
#include "variable.hpp"

namespace benchfs::transport::ucx::testing {
namespace {

runtime::task<status> connect_into(ucx_transport* from, std::vector<std::byte> address, connection** made) {
    BFS_CO_TRY(*made, co_await from->connect(std::move(address)));
    co_return ok();
}

runtime::task<status> stop_into(ucx_transport* t, bool* done) {
    co_await t->stop();
    *done = true;
    co_return ok();
}

} // namespace

TEST_CASE("an idle worker makes no progress calls") {
    pair p;
    // Cool down: nothing is left to say.
    p.m.poller->longest = duration::zero();
    worker& w = p.server->network_worker();
    REQUIRE(p.m.until([&] { return w.is_cold(); }));
    const std::uint64_t rounds = w.rounds();
    for (int i = 0; i < 10'000; ++i) { w.poll(); }
    // UCX's keepalive may have woken it once meanwhile.
    CHECK(w.rounds() <= rounds + 100);
}

TEST_CASE("without a poller the worker is driven by every turn") {
    pair p({}, {}, false);
    worker& w = p.server->network_worker();
    const std::uint64_t rounds = w.rounds();
    p.m.turns(100);
    CHECK(w.rounds() >= rounds + 100);
    CHECK(!w.prepare_sleep());
}

TEST_CASE("a message to a worker that is cold is seen through its event fd") {
    // Without keepalive nothing but the message itself makes the event fd readable.
    const variable keepalive("UCX_KEEPALIVE_INTERVAL", "inf");
    machine here;
    machine there;
    here.poller->longest = there.poller->longest = duration::zero(); // one thread drives both
    recorder at_server;
    recorder at_client;
    auto server = make_transport(here, at_server);
    auto client = make_transport(there, at_client);
    const std::vector<std::byte> address = server->address();
    connection* up = nullptr;
    runtime::task_scope scope(there.loop.root());
    scope.spawn(connect_into(client.get(), address, &up));
    REQUIRE(here.until([&] {
        there.turns(1);
        here.turns(1);
        return up != nullptr && at_server.accepted.size() == 1;
    }));
    connection* down = at_server.accepted.front();
    const auto cold = [](machine& m, worker& w, machine& other) {
        return m.until([&] {
            other.turns(1); // it may owe an answer
            return w.is_cold();
        });
    };
    for (std::size_t i = 0; i < 300; ++i) {
        INFO("round " << i);
        machine& from = i % 2 == 0 ? there : here;
        machine& to = i % 2 == 0 ? here : there;
        recorder& at = i % 2 == 0 ? at_server : at_client;
        REQUIRE(cold(to, (i % 2 == 0 ? server : client)->network_worker(), from));
        const std::size_t fired = to.poller->fired();
        sending s;
        s.header = bytes_of(i);
        (i % 2 == 0 ? up : down)->send(s);
        REQUIRE(from.until([&] { return s.outcome.has_value(); }));
        REQUIRE(to.until([&] { return at.messages.size() == 1; }));
        CHECK(to.poller->fired() > fired);
        at.messages.clear();
    }
    bool stopped = false;
    scope.spawn(stop_into(client.get(), &stopped));
    REQUIRE(here.until([&] {
        there.turns(1);
        here.turns(1);
        return stopped;
    }));
    CHECK(there.loop.run(scope.join()));
    here.loop.run(server->stop());
}

} // namespace benchfs::transport::ucx::testing
