// The numbers that server 0 gives to changes of directories do not go back. Each start after a kill skips many
// of them; a start with an empty store soon afterwards does not know of that. Others do: a freeze of the
// earlier process ends, and who has walked a path before it moved is told so.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

/// Server 0 is emptied while servers are frozen for a move.
task<status> empty_in_freeze(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string d = path_at(fs, 1, "d");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, d));
    const std::string f = d + "/" + name_at(fs, id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, f));
    const std::string from = path_at(fs, 1, "from");
    BFS_CO_CHECK(co_await fs.mkdir(from));
    task<status> restarting = restart(servers, w, graves, 0);
    BFS_CO_CHECK(co_await std::move(restarting));
    co_await w.rest(100ms);
    BFS_CO_CHECK(co_await fs.stat(f)); // servers know the paths
    // So that the move goes on until server 0 is killed.
    servers.net().part(servers.calling_host(0), servers.server_host(2), 3s);
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, from, path_at(fs, 2, "to"), end));
    co_await w.rest(200ms);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(300s);
    INFO("rename: " << name(end.outcome.error()));
    const result<attributes> there = co_await servers.fs(1).stat(f);
    CHECK(name(there.error()) == "ok");
    const status made = co_await make_empty_file(servers.fs(1), f + "x");
    CHECK(name(made.error()) == "ok");
    co_return ok();
}

/// Client 1 has walked a path, and a directory in it is moved by client 0.
task<status> walk_before(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string d = path_at(fs, 1, "d");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, d));
    const std::string f = d + "/" + name_at(fs, id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, f));
    task<status> restarting = restart(servers, w, graves, 0);
    BFS_CO_CHECK(co_await std::move(restarting));
    co_await w.rest(100ms);
    BFS_CO_CHECK(co_await other.mkdir(d + "/x")); // has one of the numbers that come after many
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    co_await w.rest(10s);
    BFS_CO_CHECK(co_await other.stat(f));
    BFS_CO_CHECK(co_await fs.rename(d, path_at(fs, 2, "e")));
    co_await w.rest(1s);
    const result<attributes> old = co_await other.stat(f);
    CHECK(name(old.error()) == "not_found");
    const status made = co_await make_empty_file(other, d + "/new");
    CHECK(name(made.error()) == "not_found");
    co_return ok();
}

} // namespace

TEST_CASE("a freeze ends also when server 0 comes back empty soon after a restart") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, three_servers(), empty_in_freeze); }
}

TEST_CASE("the old path of a directory is not taken also when server 0 came back empty soon after a restart") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, three_servers(), walk_before); }
}
