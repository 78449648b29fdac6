// A peer that is killed, or stopped for a while, before, during and after bulk data.
#include "harness.hpp"

#include "catch.hpp"

#include <csignal>
#include <thread>

namespace benchfs::test {
namespace {

// The issue of a lost peer is decided within this time (an idle one is noticed by keepalive).
constexpr std::chrono::milliseconds notice = 2s;

const char* const sizes[] = {"bytes=0", "bytes=4096", "bytes=200000", "bytes=4000000"};

} // namespace

TEST_CASE("an idle client hears of its killed server") {
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name) {
            echo_server server(name);
            auto client = server.client("idle");
            std::this_thread::sleep_for(200ms); // asleep by now
            server.self().signal(SIGKILL);
            const std::string end = client->line(notice).value_or("(silence)");
            CHECK(end == "closed error=peer_down");
            CHECK(quit(*client));
        }
    }
}

TEST_CASE("a client's calls end when its server is killed among them") {
    for (const std::string& name : transport_names()) {
        for (const char* size : sizes) {
            for (int round = 0; round < 2; ++round) {
                DYNAMIC_SECTION(name << ", " << size << ", round " << round) {
                    echo_server server(name);
                    auto client = server.client("calls", {size});
                    std::this_thread::sleep_for(std::chrono::milliseconds(3 + 40 * round));
                    server.self().signal(SIGKILL);
                    const std::string end = client->line(notice).value_or("(silence)");
                    INFO(end);
                    CHECK(fields(end)[""] == "failed");
                    CHECK(fields(end)["error"] == "peer_down");
                    CHECK(quit(*client));
                }
            }
        }
    }
}

TEST_CASE("a server forgets a client that was killed, whatever it was doing") {
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name) {
            echo_server server(name);
            for (const char* size : sizes) {
                auto client = server.client("calls", {size});
                std::this_thread::sleep_for(30ms);
                client->signal(SIGKILL);
                INFO(size);
                CHECK(server.reaches("connections", 0, notice));
            }
            auto idle = server.client("idle");
            std::this_thread::sleep_for(200ms);
            idle->signal(SIGKILL);
            CHECK(server.reaches("connections", 0, notice));
            // After it all, a newcomer is served.
            auto next = server.client("calls", {"count=100", "bytes=100000"});
            CHECK(fields(next->line(patience).value_or("(silence)"))[""] == "done");
            CHECK(quit(*next));
            CHECK(server.reaches("connections", 0, notice));
            CHECK(number(server.stats(), "memory") == 0);
            CHECK(server.quit());
        }
    }
}

TEST_CASE("a peer that stands still for a second is waited for") {
    for (const std::string& name : transport_names()) {
        for (const bool server_stops : {true, false}) {
            for (const char* size : {"bytes=100", "bytes=1000000"}) {
                DYNAMIC_SECTION(name << ", " << size << (server_stops ? ", server" : ", client")) {
                    echo_server server(name);
                    auto client = server.client("calls", {size, "count=2000"});
                    process& still = server_stops ? server.self() : *client;
                    std::this_thread::sleep_for(20ms);
                    still.signal(SIGSTOP);
                    std::this_thread::sleep_for(1s);
                    still.signal(SIGCONT);
                    const std::string end = client->line(patience).value_or("(silence)");
                    INFO(end);
                    CHECK(fields(end)[""] == "done");
                    CHECK(quit(*client));
                    CHECK(server.quit());
                }
            }
        }
    }
}

TEST_CASE("a client whose server has left is refused, and served by the next one") {
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name) {
            auto server = std::make_unique<echo_server>(name);
            auto early = server->client("idle");
            server->self().signal(SIGKILL);
            CHECK(server->self().wait(patience) == -SIGKILL);
            auto late = server->start_client("idle");
            const std::string answer = late->line(patience).value_or("(silence)");
            INFO(answer);
            CHECK(fields(answer)[""] == "refused");
            CHECK(quit(*late));
            CHECK(fields(early->line(notice).value_or("(silence)"))[""] == "closed");
            CHECK(quit(*early));
        }
    }
}

} // namespace benchfs::test
