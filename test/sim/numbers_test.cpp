// The numbers of changes that server 0 gives out never go back, also when it comes back with an empty store
// soon after a start had skipped many: a freeze of before ends, and who walked a path before it moved is sent
// to walk again.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

task<status> frozen_for_ever(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& hangs) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string d = path_at(fs, 1, "d");
    BFS_CO_CHECK(co_await fs.mkdir(d));
    BFS_CO_TRY(const attributes id, co_await fs.stat(d));
    const std::string f = d + "/" + name_at(fs, id.id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, f));
    const std::string from = path_at(fs, 1, "from");
    BFS_CO_CHECK(co_await fs.mkdir(from));
    servers.crash(0, false, graves); // a kill: its numbers begin 2^20 later
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(100ms);
    BFS_CO_CHECK(co_await fs.stat(f));                                       // paths are known
    servers.net().part(servers.calling_host(0), servers.server_host(2), 3s); // the move goes on for a while
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, from, path_at(fs, 2, "to"), end));
    co_await w.rest(200ms);
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> again = servers.start(0);
    BFS_CO_CHECK(co_await std::move(again));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(300s);
    const result<attributes> there = co_await servers.fs(1).stat(f);
    const status made = co_await make_empty_file(servers.fs(1), f + "x");
    INFO("rename " << name(end.outcome.error()) << ", stat " << name(there.error()) << ", create "
                   << name(made.error()));
    CHECK(there);
    CHECK(made);
    hangs += there ? 0 : 1;
    co_return ok();
}

/// The same: a client is not told that a directory has moved since it walked.
task<status> old_path(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& wrong) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string d = path_at(fs, 1, "d");
    const std::string e = path_at(fs, 2, "e");
    BFS_CO_CHECK(co_await fs.mkdir(d));
    BFS_CO_TRY(const attributes id, co_await fs.stat(d));
    const std::string f = "/" + name_at(fs, id.id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, d + f));
    servers.crash(0, false, graves); // a kill: its numbers begin 2^20 later
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(100ms);
    BFS_CO_CHECK(co_await other.mkdir(d + "/x")); // makes server 1 learn the number
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> again = servers.start(0);
    BFS_CO_CHECK(co_await std::move(again));
    co_await w.rest(10s);
    BFS_CO_CHECK(co_await other.stat(d + f));
    BFS_CO_CHECK(co_await fs.rename(d, e));
    co_await w.rest(1s);
    const result<attributes> old = co_await other.stat(d + f);
    const status made = co_await make_empty_file(other, d + "/new");
    INFO("by the old path: stat " << name(old.error()) << ", create " << name(made.error()));
    CHECK(name(old.error()) == "not_found");
    CHECK(name(made.error()) == "not_found");
    wrong += old || made ? 1 : 0;
    co_return ok();
}

} // namespace

TEST_CASE("a change that an earlier server 0 began ends though its numbers have gone back") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(10, plan, frozen_for_ever) == 0);
}
TEST_CASE("a path that has moved is not taken though the numbers of server 0 have gone back") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(10, plan, old_path) == 0);
}
