// Hostile peers as processes beside a good client: the server lives, the good client is served and reads what
// it wrote, and what the hostile ones took is given back.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"
#include "repetitions.hpp"

#include <cstdio>
#include <fstream>

namespace benchfs::test {
namespace {

struct attack {
    const char* mode;
    unsigned rounds; // a third of them with a sanitizer
};

/// Resident bytes of a process.
std::uint64_t resident(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t all = 0;
    std::uint64_t pages = 0;
    file >> all >> pages;
    REQUIRE(file);
    return pages * 4096;
}

/// Writes and reads back until the attacker has ended; how often. Without a pause at first, while most
/// attackers send most; some of them then wait seconds for the server to end what they began, which needs no
/// full core of ours.
unsigned work_beside(mounted& good, child_process& attacker) {
    unsigned rounds = 0;
    std::optional<int> ended;
    const auto deadline = std::chrono::steady_clock::now() + 6 * patience;
    constexpr unsigned without_pause = 200;
    while (!ended && std::chrono::steady_clock::now() < deadline) {
        const unsigned number = rounds % 7;
        const std::string path = "/good" + std::to_string(number);
        const std::size_t bytes = number % 3 == 0 ? 1 * MiB + 77 : 1000 + number;
        const std::string done = outcome(good.run(write_and_check(good.fs(), path, bytes, rounds)));
        INFO(attacker.output());
        REQUIRE(done == "ok");
        ++rounds;
        ended = attacker.wait(milliseconds(rounds < without_pause ? 0 : 4));
    }
    INFO(attacker.output());
    REQUIRE(ended);
    // A hostile process may be thrown out in the middle of a call, but not die of it.
    CHECK(*ended == 0);
    return rounds;
}

} // namespace

TEST_CASE("hostile peers harm nobody but themselves", "[hostile]") {
    const attack attacks[] = {
        {"strange", 400}, {"outside", 150}, {"member-ucx", 15}, {"member-window", 15}, {"scribble", 30}};
    for (const char* engine : {"memory", "uring"}) {
        cluster_directory directory;
        server_process server(directory, {"--engine", engine, "--data-dir", directory.path("data"),
                                          "--memory-limit", "256MiB", "--memory-ahead", "8MiB"});
        REQUIRE(server.wait_until_ready());
        const auto over_window = mount_or_throw(client_of(directory.registry()));
        const auto over_ucx = mount_or_throw(client_of(directory.registry(), "ucx"));
        CHECK(outcome(over_window->run(write_file(over_window->fs(), "/before", 5 * MiB + 3, 42))) == "ok");
        const std::uint64_t before = resident(server.self().pid());
        std::uint64_t seed = 1;
        for (const attack& a : attacks) {
            INFO(engine << ", " << a.mode);
            child_process attacker({program("CLUSTER_HOSTILE"), directory.registry(), a.mode,
                                    std::to_string(seed), std::to_string(repeated(a.rounds, a.rounds / 3))},
                                   directory.next_log());
            mounted& good = seed % 2 == 0 ? *over_window : *over_ucx;
            const unsigned rounds = work_beside(good, attacker);
            std::printf("%s beside %s: the good client wrote and checked %u files\n", engine, a.mode, rounds);
            ++seed;
        }
        INFO(server.self().output());
        // On its own connection, and on a new one, the good client finds what it wrote first.
        CHECK(outcome(over_window->run(check_file(over_window->fs(), "/before", 5 * MiB + 3, 42))) == "ok");
        const auto fresh = mount_or_throw(client_of(directory.registry()));
        CHECK(outcome(fresh->run(check_file(fresh->fs(), "/before", 5 * MiB + 3, 42))) == "ok");
        CHECK(std::string(fresh->fs().path_to(server_id{0})) == "window");
        const std::uint64_t after = resident(server.self().pid());
        std::printf("%s: %llu MiB resident before, %llu MiB after\n", engine,
                    static_cast<unsigned long long>(before >> 20),
                    static_cast<unsigned long long>(after >> 20));
        if (full_speed) { CHECK(after < before + 384 * MiB); }
        CHECK(server.stop());
    }
}

} // namespace benchfs::test
