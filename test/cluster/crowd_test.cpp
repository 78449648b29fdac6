// Many clients as processes: all at once, killed in the middle of their work, and idle.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"
#include "repetitions.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

namespace benchfs::test {
namespace {

using steady = std::chrono::steady_clock;
using crowd = std::vector<std::unique_ptr<child_process>>;

// Fewer with a sanitizer.
constexpr int workers = static_cast<int>(repeated(20, 8));
constexpr int victims_wanted = static_cast<int>(repeated(30, 10));

/// Every second one over the network.
crowd start_clients(cluster_directory& directory, int count, const char* mode) {
    crowd clients;
    for (int i = 0; i < count; ++i) {
        const std::vector<std::string> command{program("CLUSTER_CLIENT"), directory.registry(),
                                               i % 2 == 0 ? "auto" : "ucx", std::to_string(i), mode};
        clients.push_back(std::make_unique<child_process>(command, directory.next_log()));
    }
    return clients;
}

bool becomes_ready(child_process& client) {
    const auto deadline = steady::now() + 3 * patience;
    while (client.output().find("ready\n") == std::string::npos) {
        if (steady::now() > deadline || client.wait(milliseconds(0))) { return false; }
        std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
}

/// Clock ticks in user mode and in the kernel, of all threads.
long ticks_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int i = 3; i < 14; ++i) { fields >> skipped; }
    long user = -1;
    long system = -1;
    fields >> user >> system;
    REQUIRE(fields);
    return user + system;
}

task<status> kill_one_by_one(crowd& victims, bool& done) {
    for (const auto& victim : victims) {
        BFS_CO_CHECK(co_await runtime::sleep_for(milliseconds(10)));
        victim->signal(SIGKILL);
    }
    // The server notices the last of them while the survivor goes on.
    const status slept = co_await runtime::sleep_for(milliseconds(500));
    done = true;
    co_return slept;
}

/// Writes and reads back until `done`; counts what went well.
task<status> work_until(file_system& fs, const bool& done, unsigned& rounds) {
    while (!done) {
        BFS_CO_CHECK(co_await write_and_check(fs, "/survivor", 1 * MiB + 7, rounds));
        ++rounds;
    }
    co_return ok();
}

task<status> outlive(file_system& fs, crowd& victims, unsigned& rounds) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    bool done = false;
    scope.spawn(kill_one_by_one(victims, done));
    const status worked = co_await work_until(fs, done, rounds);
    const status joined = co_await scope.join();
    co_return worked ? joined : worked;
}

} // namespace

TEST_CASE("twenty clients at once write and read back their files") {
    for (const char* engine : {"memory", "uring"}) {
        DYNAMIC_SECTION(engine) {
            cluster_directory directory;
            server_process server(directory, {"--engine", engine, "--data-dir", directory.path("data")});
            REQUIRE(server.wait_until_ready());
            const auto begin = steady::now();
            const crowd clients = start_clients(directory, workers, "files");
            for (const auto& client : clients) {
                const std::optional<int> code = client->wait(3 * patience);
                INFO(client->output());
                CHECK(code == 0);
            }
            const auto took = std::chrono::duration_cast<milliseconds>(steady::now() - begin);
            std::printf("%s: %d clients done after %d ms\n", engine, workers, static_cast<int>(took.count()));
            INFO(server.self().output());
            CHECK(server.stop());
        }
    }
}

namespace {

/// False: an assertion of UCX has ended the server.
[[nodiscard]] bool outlive_thirty(const char* transport) {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    const auto survivor = mount_or_throw(client_of(directory.registry(), transport));
    crowd victims = start_clients(directory, victims_wanted, "forever");
    for (const auto& victim : victims) {
        const bool ready = becomes_ready(*victim);
        INFO(victim->output());
        REQUIRE(ready);
    }
    unsigned rounds = 0;
    const std::string end = outcome(survivor->run(outlive(survivor->fs(), victims, rounds)));
    if (end != "ok" && server.ended_by_ucx()) {
        std::puts("an assertion of UCX has ended the server");
        return false;
    }
    std::printf("%s: the survivor did %u rounds\n", transport, rounds);
    INFO(server.self().output());
    CHECK(end == "ok");
    CHECK(rounds > 0);
    for (const auto& victim : victims) {
        const std::optional<int> code = victim->wait();
        INFO(victim->output());
        CHECK(code == -SIGKILL);
    }
    const auto next = mount_or_throw(client_of(directory.registry(), transport));
    CHECK(outcome(next->run(write_and_check(next->fs(), "/next", 5 * MiB, 7))) == "ok");
    CHECK(server.stop());
    return true;
}

} // namespace

TEST_CASE("killing thirty busy clients does not disturb another") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            // Once is bad luck, and says nothing about this.
            if (!outlive_thirty(transport)) { CHECK(outlive_thirty(transport)); }
        }
    }
}

TEST_CASE("an idle server and its idle client use no time") {
    if (sanitized) { return; } // their allocator and threads are not what is measured
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            cluster_directory directory;
            // All memory at hand before the first client, so that none is made ready behind the measurement.
            server_process server(directory, {"--memory", "--memory-ahead", "16MiB", "--warm"});
            REQUIRE(server.wait_until_ready());
            child_process client({program("CLUSTER_CLIENT"), directory.registry(), transport, "0", "idle"},
                                 directory.next_log());
            REQUIRE(becomes_ready(client));
            std::this_thread::sleep_for(milliseconds(500));
            const long server_before = ticks_of(server.self().pid());
            const long client_before = ticks_of(client.pid());
            std::this_thread::sleep_for(milliseconds(4000));
            const long server_used = ticks_of(server.self().pid()) - server_before;
            const long client_used = ticks_of(client.pid()) - client_before;
            std::printf("%s: ticks in 4 idle seconds: server %ld, client %ld\n", transport, server_used,
                        client_used);
            CHECK(server_used <= 4);
            CHECK(client_used <= 4);
        }
    }
}

} // namespace benchfs::test
