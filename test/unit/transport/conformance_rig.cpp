#include "conformance.hpp"

#include "catch.hpp"

#include <chrono>

namespace benchfs::transport::conformance {
namespace {

// A test that takes longer hangs: everything that waits is told to stop, and the test fails where it waits.
constexpr duration patience = std::chrono::minutes(2);

class watchdog final : public runtime::timer {
public:
    explicit watchdog(runtime::loop& l) : loop_(l) { l.arm(*this, l.now() + patience); }
    ~watchdog() { cancel(); }
    void on_timer() noexcept override { loop_.request_stop(errc::timed_out); }

private:
    runtime::loop& loop_;
};

/// Suspends until the reactors have been polled once more.
class turn_awaiter {
public:
    explicit turn_awaiter(std::vector<std::coroutine_handle<>>& waiting) noexcept : waiting_(waiting) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { waiting_.push_back(caller); }
    void await_resume() const noexcept {}

private:
    std::vector<std::coroutine_handle<>>& waiting_;
};

runtime::loop_options options_of(const variant& v, std::uint64_t seed) {
    runtime::loop_options options;
    options.policy = v.policy;
    options.seed = seed;
    return options;
}

} // namespace

const std::vector<variant>& variants() {
    static const std::vector<variant> all = [] {
        std::vector<variant> list;
        for (const transport_entry& e : transport_table()) {
            list.push_back({std::string(e.name), std::string(e.name), {}, true});
        }
        // Whatever UCX would choose by size: both shapes of a payload for every size.
        const auto eager = [](transport_options& o) { o.force_eager = true; };
        const auto rendezvous = [](transport_options& o) { o.force_rendezvous = true; };
        list.push_back({"ucx, always eager", "ucx", eager, true});
        list.push_back({"ucx, always rendezvous", "ucx", rendezvous, true});
        // Any order in which ready coroutines run must do.
        list.push_back({"loopback in seeded order", "loopback", {}, true, runtime::pick_policy::seeded});
        return list;
    }();
    return all;
}

rig::rig(const variant& v, std::uint64_t seed)
    : how(v),
      loop(options_of(v, seed)),
      server(seed * 2, scope),
      client(seed * 2 + 1, scope),
      server_transport(make()),
      client_transport(make()) {
    server_transport->set_receiver(server);
    client_transport->set_receiver(client);
    loop.add(turns_);
}

rig::~rig() { loop.remove(turns_); }

bool rig::turn_ticker::poll() noexcept {
    if (waiting.empty()) { return false; }
    for (const std::coroutine_handle<> h : waiting) { loop.ready().push(h); }
    waiting.clear();
    return true;
}

std::unique_ptr<transport> rig::make() {
    transport_options options;
    options.network = &network;
    if (how.adjust) { how.adjust(options); }
    result<std::unique_ptr<transport>> made = make_transport(how.transport, loop, options);
    REQUIRE(made);
    return *std::move(made);
}

runtime::task<status> rig::yield(std::size_t turns) {
    for (std::size_t i = 0; i < turns; ++i) {
        turn_awaiter turn(turns_.waiting);
        co_await turn;
    }
    co_return ok();
}

runtime::task<result<connection*>> rig::open_connection(bool upgrade) {
    const std::size_t before = server.accepted;
    BFS_CO_TRY(connection * c, co_await client_transport->connect(server_transport->address()));
    client.adopt(*c);
    peer* s = &server;
    std::function<bool()> arrived = [s, before] { return s->accepted > before; };
    BFS_CO_CHECK(co_await server.until(arrived));
    if (upgrade) {
        for (connection* accepted : server.open) { accepted->trust(); }
        BFS_CO_CHECK(co_await c->upgrade());
    }
    co_return c;
}

runtime::task<void> rig::whole(body b, bool connect) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope started(context, false);
    scope = &started;
    if (connect) {
        result<connection*> c = co_await open_connection(how.upgrade);
        REQUIRE(c);
        up = *c;
        down = server.newest();
    }
    co_await b(*this);
    co_await client_transport->stop();
    co_await server_transport->stop();
    (void)co_await started.join();
    scope = nullptr;
    CHECK(client.open.empty());
    CHECK(server.open.empty());
    CHECK(client.fault == "");
    CHECK(server.fault == "");
}

void rig::run(body b, bool connect) {
    watchdog dog(loop);
    loop.run(whole(b, connect));
    client.inbox.clear();
    server.inbox.clear();
    client_transport.reset();
    server_transport.reset();
    CHECK(network.live_messages() == 0);
}

} // namespace benchfs::transport::conformance
