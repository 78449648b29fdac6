// The exchange that puts a better path on a connection, with a path that only keeps a diary.
#include "ucx_fixture.hpp"

#include <cstring>

namespace benchfs::transport::ucx::testing {
namespace {

struct plan {
    errc offer = errc::ok;
    errc accept = errc::ok;
    bool confirm = true;
};

struct diary {
    int offered = 0;
    int accepted = 0;
    int started = 0;
    int shut = 0;
    int destroyed = 0;
    path_host* server_host = nullptr;
    path_host* client_host = nullptr;
};

class fake_path final : public path {
public:
    fake_path(diary& d, const plan& how) noexcept : diary_(d), plan_(how) {}
    ~fake_path() override { ++diary_.destroyed; }
    [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }
    [[nodiscard]] bool carries(const send_operation& op) const noexcept override {
        return op.header.size() == 1;
    }
    [[nodiscard]] bool owns(request_token) const noexcept override { return false; }
    void send(send_operation& op) noexcept override { op.on_sent(errc::no_space); } // a mark of its own
    bool abandon(send_operation&) noexcept override { return false; }
    [[nodiscard]] bool confirm() noexcept override { return plan_.confirm; }
    void start() noexcept override { ++diary_.started; }
    void shut(errc) noexcept override { ++diary_.shut; }
    [[nodiscard]] std::size_t memory() const noexcept override { return 12345; }

private:
    diary& diary_;
    const plan& plan_;
};

class fake_factory final : public path_factory {
public:
    fake_factory(diary& d, const plan& how) noexcept : diary_(d), plan_(how) {}
    [[nodiscard]] result<std::unique_ptr<path>> offer(path_host& host, std::vector<std::byte>& blob) override {
        ++diary_.offered;
        diary_.server_host = &host;
        if (plan_.offer != errc::ok) { return plan_.offer; }
        blob.assign(768, std::byte{9});
        return make();
    }
    [[nodiscard]] result<std::unique_ptr<path>> accept(path_host& host, const_byte_span blob) override {
        ++diary_.accepted;
        diary_.client_host = &host;
        CHECK(blob.size() == 768);
        CHECK(blob[767] == std::byte{9});
        if (plan_.accept != errc::ok) { return plan_.accept; }
        return make();
    }

private:
    std::unique_ptr<path> make() { return std::make_unique<fake_path>(diary_, plan_); }
    diary& diary_;
    const plan& plan_;
};

ucx_options with_paths(diary& d, const plan& how, bool required = false) {
    ucx_options o;
    o.paths = std::make_unique<fake_factory>(d, how);
    o.require_path = required;
    return o;
}

} // namespace

TEST_CASE("both sides switch to a path that both could make") {
    const plan good;
    diary d;
    {
        pair p(with_paths(d, good), with_paths(d, good));
        p.down->trust();
        const std::size_t before = p.up->memory();
        REQUIRE(p.m.loop.run(p.up->upgrade()));
        CHECK(d.started == 2);
        CHECK(p.up->path() == "fake");
        CHECK(p.down->path() == "fake");
        CHECK(p.up->memory() == before + 12345);
        REQUIRE(p.m.loop.run(p.up->upgrade())); // again: nothing to do
        CHECK(d.offered == 1);

        const std::byte one[2] = {};
        sending through;
        through.header = const_byte_span(one, 1);
        p.up->send(through);
        CHECK(through.outcome == errc::no_space); // the path took it
        sending declined;
        declined.header = const_byte_span(one, 2);
        p.up->send(declined);
        REQUIRE(p.m.until([&] { return p.at_server.messages.size() == 1; }));
        p.at_server.messages.clear();

        d.client_host->ring_doorbell();
        CHECK(d.client_host->peer() == p.up->describe());
        d.server_host->path_failed(errc::timed_out);
        CHECK(p.at_server.closed.empty()); // later, not inside the call
        REQUIRE(p.m.until([&] { return p.at_server.closed.size() == 1 && p.at_client.closed.size() == 1; }));
        CHECK(p.at_server.closed[0] == errc::timed_out);
        CHECK(p.at_client.closed[0] == errc::peer_down);
    }
    CHECK(d.shut == 2);
    CHECK(d.destroyed == 2);
}

TEST_CASE("an upgrade that fails anywhere leaves the connection on the network") {
    const plan plans[] = {
        {errc::no_space, errc::ok, true}, {errc::ok, errc::not_supported, true}, {errc::ok, errc::ok, false}};
    for (const plan& how : plans) {
        for (const bool required : {false, true}) {
            diary d;
            pair p(with_paths(d, how), with_paths(d, how, required));
            p.down->trust();
            const status done = p.m.loop.run(p.up->upgrade());
            CHECK(done.has_value() == !required);
            CHECK(p.up->path() == "ucx");
            CHECK(p.down->path() == "ucx");
            CHECK(d.started == 0);
            p.m.turns(200);
            const int made =
                (how.offer == errc::ok ? 1 : 0) + (how.offer == errc::ok && how.accept == errc::ok ? 1 : 0);
            CHECK(d.destroyed == made);
            // It can be tried again, and the connection works.
            const std::byte one[1] = {};
            sending s;
            s.header = one;
            p.up->send(s);
            REQUIRE(p.m.until([&] { return p.at_server.messages.size() == 1; }));
            p.at_server.messages.clear();
            const int offered = d.offered;
            const status again = p.m.loop.run(p.up->upgrade());
            CHECK(again.has_value() == !required);
            CHECK(d.offered == offered + 1);
        }
    }
}

TEST_CASE("a server offers nothing to a client that it does not trust") {
    const plan good;
    diary d;
    pair p(with_paths(d, good), with_paths(d, good));
    CHECK(p.m.loop.run(p.up->upgrade()).error() == errc::access_denied);
    CHECK(d.offered == 0);
    p.down->trust();
    CHECK(p.m.loop.run(p.up->upgrade()));
    CHECK(p.up->path() == "fake");
    CHECK(p.m.loop.run(p.down->upgrade()).error() == errc::not_supported); // the client's to ask
}

TEST_CASE("a connection that needs a path and has no factory says so") {
    ucx_options required;
    required.require_path = true;
    pair p({}, std::move(required));
    p.down->trust();
    CHECK(p.m.loop.run(p.up->upgrade()).error() == errc::not_supported);
}

} // namespace benchfs::transport::ucx::testing
