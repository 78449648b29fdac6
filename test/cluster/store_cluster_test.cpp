// Data directories of several clusters on one node, as earlier jobs leave them.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <memory>

namespace benchfs::test {
namespace {

/// Two servers, each with its data directory, on the registry of `where`.
struct pair_of_servers {
    pair_of_servers(cluster_directory& where, const std::string& data_0, const std::string& data_1)
        : zero(where, {"--servers", "2", "--id", "0", "--data-dir", data_0}, "server-0.addr"),
          one(where, {"--servers", "2", "--id", "1", "--data-dir", data_1}, "server-1.addr") {}
    server_process zero;
    server_process one;
};

/// Files that have parts on both.
task<status> make_files(file_system& fs) {
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    for (unsigned i = 0; i < 8; ++i) {
        BFS_CO_CHECK(co_await write_and_check(fs, "/d/" + std::to_string(i), 5 * MiB, i));
    }
    co_return ok();
}
task<status> check_files(file_system& fs) {
    for (unsigned i = 0; i < 8; ++i) {
        BFS_CO_CHECK(co_await check_file(fs, "/d/" + std::to_string(i), 5 * MiB, i));
    }
    co_return ok();
}

std::string with_client(cluster_directory& where, task<status> (*work)(file_system&)) {
    const auto client = mount_or_throw(client_of(where.registry()));
    return outcome(client->run(work(client->fs())));
}

} // namespace

TEST_CASE("a store goes into a new registry with those of its cluster, and is refused among others") {
    cluster_directory ours;
    cluster_directory theirs;
    const std::string zero = ours.path("zero");
    const std::string one = ours.path("one");
    for (cluster_directory* where : {&ours, &theirs}) {
        pair_of_servers servers(*where, where->path("zero"), where->path("one"));
        REQUIRE(servers.zero.wait_until_ready());
        REQUIRE(servers.one.wait_until_ready());
        CHECK(with_client(*where, make_files) == "ok");
        CHECK(servers.zero.stop());
        CHECK(servers.one.stop());
    }
    {
        cluster_directory anew; // who comes first makes the cluster
        server_process first(anew, {"--servers", "2", "--id", "0", "--data-dir", zero}, "server-0.addr");
        REQUIRE(first.wait_until_ready());
        {
            server_process other(anew, {"--servers", "2", "--id", "1", "--data-dir", theirs.path("one")},
                                 "server-1.addr");
            CHECK(other.self().wait(patience) == 1);
            const std::string said = other.self().output();
            INFO(said);
            CHECK(said.find("belongs to cluster") != std::string::npos);
            CHECK(said.find(theirs.path("one")) != std::string::npos);
        }
        server_process second(anew, {"--servers", "2", "--id", "1", "--data-dir", one}, "server-1.addr");
        REQUIRE(second.wait_until_ready());
        CHECK(with_client(anew, check_files) == "ok");
        CHECK(first.stop());
        CHECK(second.stop());
    }
    // What was refused has lost nothing.
    pair_of_servers servers(theirs, theirs.path("zero"), theirs.path("one"));
    REQUIRE(servers.zero.wait_until_ready());
    REQUIRE(servers.one.wait_until_ready());
    CHECK(with_client(theirs, check_files) == "ok");
    CHECK(servers.zero.stop());
    CHECK(servers.one.stop());
}

} // namespace benchfs::test
