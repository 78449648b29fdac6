// A server from its start to its end, and what a client sees in between.
#include "server_process.hpp"
#include "work.hpp"

#include "benchfs/cluster/registry.hpp"
#include "benchfs/cluster/server_record.hpp"

#include "catch.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

namespace benchfs::test {
namespace {

/// Everything a client does on a good day.
task<status> good_day(file_system& fs) {
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    BFS_CO_CHECK(co_await write_and_check(fs, "/d/small", 100, 1));
    BFS_CO_CHECK(co_await write_and_check(fs, "/d/large", 9 * MiB + 17, 2));
    BFS_CO_TRY(const attributes large, co_await fs.stat("/d/large"));
    CHECK(large.size == 9 * MiB + 17);
    BFS_CO_TRY(const std::vector<directory_entry> entries, co_await fs.readdir("/d"));
    std::string names;
    for (const directory_entry& e : entries) { names += e.name + " " + std::to_string(e.attr.size) + ", "; }
    CHECK(names == "large " + std::to_string(9 * MiB + 17) + ", small 100, ");
    BFS_CO_CHECK(co_await fs.rename("/d/small", "/d/renamed"));
    const result<attributes> gone = co_await fs.stat("/d/small");
    CHECK(outcome(gone) == "not_found");
    co_return co_await check_file(fs, "/d/renamed", 100, 1);
}

} // namespace

TEST_CASE("a server appears in its registry and leaves it with exit code 0") {
    for (const int signal : {SIGINT, SIGTERM}) {
        for (const char* engine : {"memory", "uring"}) {
            DYNAMIC_SECTION(engine << ", signal " << signal) {
                cluster_directory directory;
                server_process server(directory, {"--engine", engine, "--data-dir", directory.path("data")});
                const auto took = server.wait_until_ready();
                INFO(server.self().output());
                REQUIRE(took);
                std::printf("server with engine %s ready after %d ms\n", engine,
                            static_cast<int>(took->count()));
                if (full_speed) { CHECK(*took <= milliseconds(500)); }
                server.self().signal(signal);
                CHECK(server.self().wait() == 0);
                CHECK_FALSE(std::filesystem::exists(server.address_file()));
            }
        }
    }
}

TEST_CASE("a server ends when it is told to with clients connected") {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    const auto client = mount_or_throw(client_of(directory.registry()));
    CHECK(outcome(client->run(write_and_check(client->fs(), "/f", 1 * MiB, 3))) == "ok");
    CHECK(server.stop());
    CHECK_FALSE(std::filesystem::exists(server.address_file()));
}

TEST_CASE("servers of a cluster of two have an address file each") {
    cluster_directory directory;
    server_process zero(directory, {"--memory", "--servers", "2", "--id", "0"}, "server-0.addr");
    server_process one(directory, {"--memory", "--servers", "2", "--id", "1"}, "server-1.addr");
    REQUIRE(zero.wait_until_ready());
    REQUIRE(one.wait_until_ready());
    {
        const auto client = mount_or_throw(client_of(directory.registry()));
        file_system& fs = client->fs();
        CHECK(fs.servers() == 2);
        // Enough names and chunks for both servers to get some.
        for (unsigned i = 0; i < 8; ++i) {
            CHECK(outcome(client->run(write_and_check(fs, "/f" + std::to_string(i), 100, i))) == "ok");
        }
        CHECK(outcome(client->run(write_and_check(fs, "/large", 33 * MiB + 17, 9))) == "ok");
        for (const auto server : {server_id{0}, server_id{1}}) { CHECK(fs.path_to(server) == "window"); }
        const auto entries = client->run(fs.readdir("/"));
        REQUIRE(entries);
        CHECK(entries->size() == 9);
    }
    CHECK(zero.stop());
    CHECK(one.stop());
    CHECK(std::filesystem::exists(directory.registry() + "/cluster.json"));
    CHECK_FALSE(std::filesystem::exists(zero.address_file()));
    CHECK_FALSE(std::filesystem::exists(one.address_file()));
}

TEST_CASE("a client works with every transport and engine") {
    for (const char* transport : {"auto", "ucx"}) {
        for (const char* engine : {"memory", "uring"}) {
            DYNAMIC_SECTION(transport << ", " << engine) {
                cluster_directory directory;
                server_process server(directory, {"--engine", engine, "--data-dir", directory.path("data")});
                REQUIRE(server.wait_until_ready());
                {
                    const auto client = mount_or_throw(client_of(directory.registry(), transport));
                    CHECK(outcome(client->run(good_day(client->fs()))) == "ok");
                    const std::string path(client->fs().path_to(server_id{0}));
                    CHECK(path == (std::string(transport) == "ucx" ? "ucx" : "window"));
                }
                INFO(server.self().output());
                CHECK(server.stop());
            }
        }
    }
}

namespace {

std::string text_of(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Servers look every few seconds.
template <class Condition>
bool comes_true(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 2 * patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) { return false; }
        std::this_thread::sleep_for(milliseconds(50));
    }
    return true;
}

} // namespace

TEST_CASE("a server writes its address file again when it is gone") {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    const std::string before = text_of(server.address_file());
    std::filesystem::rename(directory.registry(), directory.path("elsewhere"));
    std::filesystem::create_directory(directory.registry());
    CHECK(comes_true([&] { return std::filesystem::exists(server.address_file()); }));
    CHECK(text_of(server.address_file()) == before);
    CHECK(server.stop());
    CHECK_FALSE(std::filesystem::exists(server.address_file()));
}

TEST_CASE("a server whose registry is another cluster's now stops instead of announcing itself there") {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    std::filesystem::rename(directory.registry(), directory.path("elsewhere"));
    std::string why;
    REQUIRE(cluster::create_or_join(directory.registry(), {}, why));
    CHECK(server.self().wait(2 * patience).value_or(-1) == 1);
    CHECK(server.self().output().find("the registry of another cluster now") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(server.address_file()));
}

TEST_CASE("a server whose place another process has taken stops and says why") {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    std::string why;
    auto record = cluster::parse_server_record(text_of(server.address_file()), why);
    REQUIRE(record);
    record->process.host = "another-host";
    record->process.pid += 1;
    const std::string theirs = cluster::to_json(*record);
    {
        std::ofstream out(server.address_file() + ".new");
        out << theirs;
    }
    std::filesystem::rename(server.address_file() + ".new", server.address_file());
    CHECK(server.self().wait(2 * patience) == 1);
    CHECK(server.self().output().find("is now that of process") != std::string::npos);
    CHECK(text_of(server.address_file()) == theirs);
}

} // namespace benchfs::test
