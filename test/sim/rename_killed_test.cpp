// A directory is moved between two names of the server that drives the move, and that server is killed. Server
// 0 may have decided by then that the directory has moved: what keeps the new name must have been written down
// before server 0 was asked, or the directory has no name at all.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

/// Counts how often the directory had moved.
task<status> kill_the_driver(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& moved) {
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
    co_await w.rest(w.between(50us, 1ms)); // about what a move takes
    task<status> restarting = restart(servers, w, graves, 1);
    BFS_CO_CHECK(co_await std::move(restarting));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(10s); // the move is over, for its server too
    const result<attributes> before = co_await servers.fs(1).stat(from + "/f");
    const result<attributes> after = co_await servers.fs(1).stat(to + "/f");
    INFO("rename: " << name(end.outcome.error()) << ", old name: " << name(before.error())
                    << ", new name: " << name(after.error()));
    CHECK(before.has_value() != after.has_value());
    moved += after ? 1 : 0;
    co_return ok();
}

} // namespace

TEST_CASE("a directory that is moved between two names of a server that is killed has one of them") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(60, plan, kill_the_driver) > 10);
}
