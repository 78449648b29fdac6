// What a crowd of clients leaves in a server that was killed all at once: nothing.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"
#include "repetitions.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

namespace benchfs::test {
namespace {

using steady = std::chrono::steady_clock;

// Fewer with a sanitizer.
constexpr int crowd_size = static_cast<int>(repeated(50, 15));

/// Of a process: what each client could leave behind.
struct holdings {
    std::uint64_t connections = 0;
    std::uint64_t sessions = 0;
    std::uint64_t rpc_bytes = 0;
    std::size_t descriptors = 0;
    std::size_t shared_maps = 0; // of memory that is shared with other processes
    std::size_t bytes = 0;       // resident
    std::size_t stored = 0;      // of them in files
};

std::size_t entries_of(const std::string& directory) {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) { ++n; }
    return n;
}

holdings holdings_of(mounted& client, pid_t server) {
    const auto figures = client.run(client.fs().describe(server_id{0}));
    REQUIRE(figures.has_value());
    holdings out;
    out.connections = figures->connections;
    out.sessions = figures->sessions;
    out.rpc_bytes = figures->memory_rpc;
    out.stored = client.run(client.fs().usage())->bytes_used;
    const std::string proc = "/proc/" + std::to_string(server);
    out.descriptors = entries_of(proc + "/fd");
    std::ifstream maps(proc + "/maps");
    for (std::string line; std::getline(maps, line);) {
        const std::size_t flags = line.find(' ') + 1;
        if (line.substr(flags, 4) == "rw-s") { ++out.shared_maps; }
    }
    std::ifstream status(proc + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) { out.bytes = std::stoull(line.substr(6)) * 1024; }
    }
    return out;
}

void print(const char* when, const holdings& h) {
    std::printf(
        "%s: %llu connections, %llu sessions, %llu KiB of rpc, %zu files, %zu shared maps, %zu MiB\n", when,
        static_cast<unsigned long long>(h.connections), static_cast<unsigned long long>(h.sessions),
        static_cast<unsigned long long>(h.rpc_bytes / 1024), h.descriptors, h.shared_maps, h.bytes / MiB);
}

/// The clients, every second one over the network, all killed in the middle of their work.
void start_and_kill(cluster_directory& directory, mounted& observer, pid_t server) {
    std::vector<std::unique_ptr<child_process>> victims;
    for (int i = 0; i < crowd_size; ++i) {
        const std::vector<std::string> command{program("CLUSTER_CLIENT"), directory.registry(),
                                               i % 2 == 0 ? "auto" : "ucx", std::to_string(i), "forever"};
        victims.push_back(std::make_unique<child_process>(command, directory.next_log()));
    }
    const auto deadline = steady::now() + 6 * patience;
    for (const auto& victim : victims) {
        while (victim->output().find("ready\n") == std::string::npos) {
            REQUIRE(steady::now() < deadline);
            REQUIRE_FALSE(victim->wait(milliseconds(0)));
            std::this_thread::sleep_for(milliseconds(5));
        }
    }
    const holdings during = holdings_of(observer, server);
    print("all clients", during);
    CHECK(during.connections > static_cast<std::uint64_t>(crowd_size));
    for (const auto& victim : victims) { victim->signal(SIGKILL); }
    for (const auto& victim : victims) { CHECK(victim->wait() == -SIGKILL); }
}

bool as_before(const holdings& now, const holdings& before) {
    return now.connections == before.connections && now.sessions == before.sessions &&
           now.descriptors <= before.descriptors && now.shared_maps <= before.shared_maps;
}

} // namespace

TEST_CASE("fifty clients that are killed at once leave nothing behind") {
    cluster_directory directory;
    server_process server(directory, {"--memory", "--memory-ahead", "16MiB", "--warm"});
    REQUIRE(server.wait_until_ready());
    const auto observer = mount_or_throw(client_of(directory.registry()));
    const pid_t pid = server.self().pid();
    // The first crowd also makes pools that stay: the second must not add to them.
    holdings after_first;
    const holdings before = holdings_of(*observer, pid);
    print("before", before);
    for (int crowd = 0; crowd < 2; ++crowd) {
        start_and_kill(directory, *observer, pid);
        // A lost session is kept for the client's retry_for and 10 s.
        const auto deadline = steady::now() + scaled(milliseconds(30'000));
        holdings now = holdings_of(*observer, pid);
        while (!as_before(now, before) && steady::now() < deadline) {
            std::this_thread::sleep_for(milliseconds(200));
            now = holdings_of(*observer, pid);
        }
        print("after", now);
        CHECK(now.connections == before.connections);
        CHECK(now.sessions == before.sessions);
        CHECK(now.descriptors <= before.descriptors);
        CHECK(now.shared_maps <= before.shared_maps);
        if (crowd == 0) { after_first = now; }
        // But for files that more of them had come to write.
        const std::size_t more = std::max(now.stored, after_first.stored) - after_first.stored;
        if (crowd == 1 && !sanitized) { CHECK(now.bytes < after_first.bytes + more + 16 * MiB); }
        // What they had under way is no obstacle: every file can be written, listed and removed.
        const auto listed = observer->run(observer->fs().readdir("/"));
        REQUIRE(listed.has_value());
        for (const directory_entry& entry : *listed) {
            CHECK(outcome(observer->run(observer->fs().unlink("/" + entry.name))) == "ok");
        }
        CHECK(observer->run(observer->fs().usage())->bytes_used == 0);
    }
    CHECK(outcome(observer->run(write_and_check(observer->fs(), "/next", 5 * MiB, 7))) == "ok");
    CHECK(server.stop());
}

} // namespace benchfs::test
