// Two hundred clients die in the middle of messages and bulk data while another works.
#include "harness.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

#include <csignal>
#include <cstdlib>
#include <thread>

namespace benchfs::test {
namespace {

int victim_count() {
    const char* wanted = std::getenv("TRANSPORT_VICTIMS");
    return wanted == nullptr ? 200 : std::atoi(wanted);
}

/// The victims' start-up and end have a processor of their own; what is measured is server and survivor.
void kill_victims(echo_server& server, int count, prng& random) {
    const char* const victim_sizes[] = {"bytes=0", "bytes=3000", "bytes=70000", "bytes=1000000", "bytes=4000000"};
    for (int i = 0; i < count; ++i) {
        auto victim = server.client("calls", {victim_sizes[random.below(std::size(victim_sizes))], "cpu=1"});
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
        victim->signal(SIGKILL);
    }
}

} // namespace

TEST_CASE("clients killed one after another neither delay another client nor leave anything") {
    constexpr std::uint64_t seed = 7;
    for (const std::string& name : transport_names()) {
        DYNAMIC_SECTION(name << ", seed " << seed) {
            prng random(seed);
            echo_server server(name, {"cpu=0"});
            auto survivor = server.client("calls", {"bytes=64", "cpu=0"});
            kill_victims(server, 5, random); // pools are warm after these
            REQUIRE(server.reaches("connections", 1, 10s));
            const std::string before = server.stats();

            survivor->say("reset");
            kill_victims(server, victim_count(), random);
            survivor->say("stats");
            const std::string worked = survivor->line(patience).value_or("(silence)");
            INFO(worked);
            REQUIRE(fields(worked)[""] == "stats");
            CHECK(number(worked, "longest_us") < 100'000);

            REQUIRE(server.reaches("connections", 1, 10s));
            const std::string after = server.stats();
            INFO(before);
            INFO(after);
            CHECK(number(after, "memory") == number(before, "memory"));
            CHECK(number(after, "mappings") <= number(before, "mappings"));
            CHECK(number(after, "files") <= number(before, "files") + 2);
            CHECK(number(after, "accepted") >= victim_count() + 6);

            survivor->say("quit");
            CHECK(fields(survivor->line(patience).value_or("(silence)"))[""] == "done");
            CHECK(survivor->wait(patience) == 0);
            CHECK(server.quit());
        }
    }
}

} // namespace benchfs::test
