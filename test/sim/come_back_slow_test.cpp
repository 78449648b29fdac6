// Server 0 comes back with an empty store, and servers tell it of many directories whose parents it does not
// know yet: nobody stands still meanwhile.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned slow_orphans = 40;

task<status> serves_late(sim_cluster& servers, world& w, runtime::task_scope& graves, bool restart,
                         unsigned& slow) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 1, "o");
    BFS_CO_CHECK(co_await fs.mkdir(outer));
    BFS_CO_TRY(const attributes io, co_await fs.stat(outer));
    for (unsigned i = 0; i < slow_orphans; ++i) {
        BFS_CO_CHECK(
            co_await fs.mkdir(outer + "/" + name_at(fs, io.id, server_id{2}, std::to_string(i) + "-")));
    }
    const std::string other = path_at(fs, 2, "d"); // has nothing to do with them
    BFS_CO_CHECK(co_await fs.mkdir(other));
    BFS_CO_TRY(const attributes id, co_await fs.stat(other));
    BFS_CO_CHECK(co_await fs.sync());
    servers.crash(1, false, graves);
    if (restart) { servers.crash(2, false, graves); }
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    if (restart) {
        task<status> second = servers.start(2);
        BFS_CO_CHECK(co_await std::move(second));
    }
    co_await w.rest(2s);
    const time_point began = w.now();
    const std::string name_root = path_at(fs, 2, "file");
    status made = errc::try_again;
    while (!made && w.now() - began < 1000s) {
        made = restart ? co_await make_empty_file(fs, name_root)
                       : co_await fs.mkdir(other + "/" + name_at(fs, id.id, server_id{2}, "new"));
        if (!made) { co_await w.rest(100ms); }
    }
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(w.now() - began).count();
    INFO("created after " << took << " s: " << name(made.error()));
    CHECK(took < 20);
    slow += took < 20 ? 0 : 1;
    co_return ok();
}

/// All servers are up; server 0 came back empty twice in a short time.
task<status> emptied_twice(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& slow) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 1, "o");
    BFS_CO_CHECK(co_await fs.mkdir(outer));
    BFS_CO_TRY(const attributes io, co_await fs.stat(outer));
    std::string middle;
    for (unsigned i = 0; i < slow_orphans; ++i) {
        middle = outer + "/" + name_at(fs, io.id, server_id{2}, std::to_string(i) + "-");
        BFS_CO_CHECK(co_await fs.mkdir(middle));
    }
    BFS_CO_TRY(const attributes im, co_await fs.stat(middle));
    for (unsigned i = 0; i < slow_orphans; ++i) {
        BFS_CO_CHECK(
            co_await fs.mkdir(middle + "/" + name_at(fs, im.id, server_id{1}, std::to_string(i) + "-")));
    }
    BFS_CO_CHECK(co_await fs.sync());
    for (int times = 0; times < 2; ++times) {
        servers.crash(0, false, graves);
        servers.disk(0).files.clear();
        co_await w.rest(w.between(1ms, 5ms));
        task<status> starting = servers.start(0);
        BFS_CO_CHECK(co_await std::move(starting));
        co_await w.rest(w.between(1ms, 60ms));
    }
    const time_point began = w.now();
    status made = errc::try_again;
    for (unsigned i = 0; !made && w.now() - began < 1000s; ++i) {
        made = co_await fs.mkdir(middle + "/" + name_at(fs, im.id, server_id{2}, "new" + std::to_string(i)));
        if (!made) { co_await w.rest(100ms); }
    }
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(w.now() - began).count();
    INFO("created after " << took << " s: " << name(made.error()));
    CHECK(took < 20);
    slow += took < 20 ? 0 : 1;
    co_return ok();
}

} // namespace

TEST_CASE("a restarted server serves soon though a third one is away and server 0 was empty") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 1;
    plan.engine = "uring";
    const auto story = [](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& slow) {
        return serves_late(servers, w, graves, true, slow);
    };
    CHECK(play_each(3, plan, story) == 0);
}
TEST_CASE("directories come back soon when all servers are up and server 0 was empty twice") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 1;
    plan.engine = "uring";
    CHECK(play_each(40, plan, emptied_twice) == 0);
}
