// A directory is moved between two names of the server that drives the move, and that server is killed: server
// 0 may have decided, so what the new name is kept by must have been written down before.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

task<status> killed_driver(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string from = path_at(fs, 1, "from");
    const std::string to = path_at(fs, 1, "to");
    BFS_CO_CHECK(co_await fs.mkdir(from));
    BFS_CO_CHECK(co_await make_empty_file(fs, from + "/f"));
    BFS_CO_CHECK(co_await fs.sync());
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, from, to, end));
    co_await w.rest(w.between(50us, 1ms));
    servers.crash(1, false, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(1);
    BFS_CO_CHECK(co_await std::move(starting));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(10s);
    const result<attributes> before = co_await servers.fs(1).stat(from + "/f");
    const result<attributes> after = co_await servers.fs(1).stat(to + "/f");
    INFO("rename " << name(end.outcome.error()) << ", old " << name(before.error()) << ", new "
                   << name(after.error()));
    CHECK(before.has_value() != after.has_value());
    lost += !before && !after ? 1 : 0;
    co_return ok();
}

} // namespace

TEST_CASE("a directory that is moved between two names of a server that is killed has one of them") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(60, plan, killed_driver) == 0);
}
