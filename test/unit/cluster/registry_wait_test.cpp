#include "support.hpp"

#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

namespace benchfs::cluster {
namespace {

using namespace std::chrono_literals;
using runtime::task;

task<void> publish_later(const std::string& dir, server_record record) {
    const status slept = co_await runtime::sleep_for(60ms);
    REQUIRE(slept);
    publish_ok(dir, record);
}

TEST_CASE("waiting ends as soon as the last server is there") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 2);
    publish_ok(tmp.path(), record_of(cluster, 0));
    const pid_t child = ::fork();
    if (child == 0) {
        // Another process comes a little later; it stays until it is killed, so that its file is not stale.
        std::string why;
        runtime::loop own;
        own.run(publish_later(tmp.path(), record_of(cluster, 1)));
        for (;;) { ::pause(); }
    }
    runtime::loop l;
    std::string why;
    const auto view = l.run(wait_for_servers(tmp.path(), why, 60s));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    INFO(why);
    REQUIRE(view);
    REQUIRE(view->servers.size() == 2);
    REQUIRE(view->servers[1].process.pid == child);
    REQUIRE(why.empty());
    // And now its file is stale.
    REQUIRE(read_view(tmp.path(), why).error() == errc::no_server);
    REQUIRE(contains(why, "server-1.addr is stale"));
}

TEST_CASE("a wait that ends in vain says where it looked, what it found and what to check") {
    const temporary_directory tmp;
    runtime::loop l;
    std::string why;
    REQUIRE(l.run(wait_for_servers(tmp.file("none"), why, 50ms)).error() == errc::no_server);
    REQUIRE(contains(why, tmp.file("none")));
    REQUIRE(contains(why, "does not exist"));
    REQUIRE(contains(why, "after 50 ms"));
    REQUIRE(contains(why, "Check that"));
    const cluster_info cluster = make_cluster(tmp.path(), 4);
    publish_ok(tmp.path(), record_of(cluster, 3));
    REQUIRE(l.run(wait_for_servers(tmp.path(), why, 1ms)).error() == errc::no_server);
    REQUIRE(contains(why, "1 of 4 servers"));
    write_text(tmp.file("cluster.json"), "");
    REQUIRE(l.run(wait_for_servers(tmp.path(), why, 0s)).error() == errc::no_server);
    REQUIRE(contains(why, "damaged"));
}

TEST_CASE("a wait without patience still looks once") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 1);
    publish_ok(tmp.path(), record_of(cluster, 0));
    runtime::loop l;
    std::string why;
    REQUIRE(l.run(wait_for_servers(tmp.path(), why, 0s)));
}

TEST_CASE("a wait ends when its caller is stopped") {
    const temporary_directory tmp;
    runtime::loop l;
    l.request_stop(errc::shutting_down);
    std::string why;
    REQUIRE(l.run(wait_for_servers(tmp.path(), why, 600s)).error() == errc::shutting_down);
}

} // namespace
} // namespace benchfs::cluster
