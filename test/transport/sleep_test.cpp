// Both sides go to sleep between messages, as early as they can, and every message wakes them.
#include "harness.hpp"

#include "catch.hpp"

namespace benchfs::test {

TEST_CASE("sleeping peers are woken by every message") {
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name) {
            // Over tcp each wake-up goes through the network's stack and costs ten times as much.
            const long long rounds = name == "ucx" ? 5'000 : 100'000;
            echo_server server(name, {"spin_us=0", "cpu=0"});
            auto client = server.client(
                "calls", {"spin_us=0", "cpu=1", "jitter_us=60", "count=" + std::to_string(rounds)});
            const std::string done = client->line(std::chrono::minutes(8)).value_or("(silence)");
            INFO(done);
            REQUIRE(fields(done)[""] == "done");
            CHECK(number(done, "calls") == rounds);
            // A lost wake-up would be made good by the next timer, half a second or more later. A few such
            // pauses may be the machine's.
            CHECK(number(done, "slow") <= 3);
            CHECK(number(done, "sleeps") >= rounds / 2);
            const std::string stats = server.stats();
            INFO(stats);
            CHECK(number(stats, "sleeps") >= rounds / 2);
            CHECK(quit(*client));
            CHECK(server.quit());
        }
    }
}

TEST_CASE("sleeping peers are woken for bulk data") {
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name) {
            echo_server server(name, {"spin_us=0", "cpu=0"});
            auto client =
                server.client("calls", {"spin_us=0", "cpu=1", "jitter_us=60", "count=300", "bytes=1000000"});
            const std::string done = client->line(std::chrono::minutes(4)).value_or("(silence)");
            INFO(done);
            REQUIRE(fields(done)[""] == "done");
            CHECK(number(done, "slow") <= 3);
            CHECK(quit(*client));
            CHECK(server.quit());
        }
    }
}

} // namespace benchfs::test
