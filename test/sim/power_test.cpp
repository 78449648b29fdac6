// Server 0 loses power and, with it, what nobody had synced of its table of directories: the servers where
// those directories live tell it again.
#include "catch.hpp"
#include "cluster.hpp"

#include "benchfs/runtime/sleep.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned power_servers = 4;
constexpr unsigned trees = 12;

std::string top(unsigned i) { return "/d" + std::to_string(i); }
std::string nested(unsigned i) { return top(i) + "/below"; }

/// A directory that is there takes names on every server.
task<status> use_directory(file_system& fs, std::string directory, unsigned& used) {
    const result<attributes> found = co_await fs.stat(directory);
    // It lived at server 0, or the way to it did.
    if (found.error() == errc::not_found || found.error() == errc::stale_handle) { co_return ok(); }
    if (!found) { co_return found.error(); }
    if (found->id.home() == server_id{0}) { co_return ok(); }
    ++used;
    for (unsigned i = 0; i < 4 * power_servers; ++i) {
        const std::string name = directory + "/" + std::to_string(i);
        const result<file> made = co_await fs.open(name, open_flags::write | open_flags::create);
        INFO(name << ": " << benchfs::name(made.error()));
        CHECK(made);
    }
    co_return ok();
}

task<status> lose_table(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& used) {
    for (unsigned i = 0; i < power_servers; ++i) {
        task<status> starting = servers.start(i);
        BFS_CO_CHECK(co_await std::move(starting));
    }
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.sync());
    for (unsigned i = 0; i < trees; ++i) {
        BFS_CO_CHECK(co_await fs.mkdir(top(i)));
        BFS_CO_CHECK(co_await fs.mkdir(nested(i)));
    }
    servers.crash(0, true, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(5s);
    for (unsigned i = 0; i < trees; ++i) {
        task<status> outer = use_directory(servers.fs(1), top(i), used);
        BFS_CO_CHECK(co_await std::move(outer));
        task<status> inner = use_directory(servers.fs(1), nested(i), used);
        BFS_CO_CHECK(co_await std::move(inner));
    }
    co_return ok();
}

task<status> run_loss(sim_cluster& servers, world& w, unsigned& used) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope graves(context, false);
    task<status> losing = lose_table(servers, w, graves, used);
    const status done = co_await std::move(losing);
    (void)co_await graves.join();
    co_await servers.stop();
    co_return done;
}

} // namespace

TEST_CASE("directories that server 0 lost in a power failure are told again by the servers where they live") {
    unsigned used = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        INFO("seed " << seed);
        cluster_plan plan;
        plan.servers = power_servers;
        plan.clients = 2;
        plan.engine = "uring";
        world w(seed);
        sim_cluster servers(w, plan);
        const status done = w.loop().run(run_loss(servers, w, used));
        CHECK(name(done.error()) == "ok");
    }
    CHECK(used > 60);
}
