// In which parent a directory is, its name says. What server 0 knows of that may be lost, with its power or its
// store, in the middle of a move or after it; it hears it again before it decides another one. Else a directory
// could be moved below itself, and everything in it would be gone.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

cluster_plan cycle_plan(const char* engine) {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = engine;
    return plan;
}

/// /a/fa and /x/fx are synced; /a moves to /x/a; server 0 loses its power; /x is moved to /x/a/x.
task<status> forget_move(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string a = path_at(fs, 1, "a");
    const std::string x = path_at(fs, 2, "x");
    BFS_CO_CHECK(co_await fs.mkdir(a));
    BFS_CO_CHECK(co_await fs.mkdir(x));
    BFS_CO_TRY(const attributes ia, co_await fs.stat(a));
    BFS_CO_TRY(const attributes ix, co_await fs.stat(x));
    const std::string fa = name_at(fs, ia.id, server_id{1}, "fa");
    const std::string fx = name_at(fs, ix.id, server_id{2}, "fx");
    BFS_CO_CHECK(co_await make_empty_file(fs, a + "/" + fa));
    BFS_CO_CHECK(co_await make_empty_file(fs, x + "/" + fx));
    BFS_CO_CHECK(co_await fs.sync());
    const std::string ra = name_at(fs, ix.id, server_id{1}, "ra");
    BFS_CO_CHECK(co_await fs.rename(a, x + "/" + ra));
    co_await w.rest(200ms); // all is told
    servers.crash(0, true, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(10s);
    const result<attributes> there = co_await other.stat(x + "/" + ra + "/" + fa);
    CHECK(name(there.error()) == "ok"); // the move is seen, as it was acknowledged
    const std::string deep = x + "/" + ra + "/" + name_at(fs, ia.id, server_id{1}, "rx");
    const status moved = co_await other.rename(x, deep);
    CHECK(name(moved.error()) == "invalid_argument");
    const result<attributes> file_x = co_await fs.stat(x + "/" + fx);
    CHECK(name(file_x.error()) == "ok");
    BFS_CO_TRY(const auto all, co_await fs.readdir("/"));
    CHECK(all.size() != 0);
    lost += file_x ? 0 : 1;
    co_return ok();
}

/// The memory engine, or an emptied store: server 0 dies when it has decided a move and the others have heard,
/// but the driver of the move has not.
task<status> killed_in_move(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string a = path_at(fs, 1, "a");
    const std::string x = path_at(fs, 2, "x");
    BFS_CO_CHECK(co_await fs.mkdir(a));
    BFS_CO_CHECK(co_await fs.mkdir(x));
    BFS_CO_TRY(const attributes ix, co_await fs.stat(x));
    const std::string fx = name_at(fs, ix.id, server_id{2}, "fx");
    BFS_CO_CHECK(co_await make_empty_file(fs, x + "/" + fx));
    const std::string ra = name_at(fs, ix.id, server_id{1}, "ra");
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, a, x + "/" + ra, end));
    co_await w.rest(w.between(50us, 1500us));
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    servers.net().part(servers.client_host(0), servers.server_host(1), 30s); // its client does not come again
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(15s);
    const bool is_moved = static_cast<bool>(co_await other.stat(x + "/" + ra));
    const bool is_there = static_cast<bool>(co_await other.stat(a));
    INFO("rename " << name(end.outcome.error()) << " moved " << is_moved << " there " << is_there);
    CHECK(is_moved != is_there);
    if (is_moved) {
        const status moved = co_await other.rename(x, x + "/" + ra + "/rx");
        CHECK(name(moved.error()) == "invalid_argument");
        lost += moved ? 1 : 0;
    } else {
        // x may go into a: it is not below it
        const status moved = co_await other.rename(x, a + "/rx");
        CHECK(name(moved.error()) == "ok");
        lost += moved ? 0 : 1;
    }
    co_return ok();
}

/// /c/a is moved to /ra, server 0 is emptied meanwhile and the move undone; then /c is moved to /c/a/rc.
task<status> undone_move(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string c = path_at(fs, 2, "c");
    BFS_CO_CHECK(co_await fs.mkdir(c));
    BFS_CO_TRY(const attributes ic, co_await fs.stat(c));
    const std::string a = c + "/" + name_at(fs, ic.id, server_id{1}, "a");
    BFS_CO_CHECK(co_await fs.mkdir(a));
    const std::string fc = c + "/" + name_at(fs, ic.id, server_id{2}, "fc");
    BFS_CO_CHECK(co_await make_empty_file(fs, fc));
    BFS_CO_CHECK(co_await fs.sync());
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, a, path_at(fs, 2, "ra"), end));
    co_await w.rest(w.between(50us, 1500us));
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    servers.net().part(servers.client_host(0), servers.server_host(1), 30s); // its client does not come again
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(15s);
    if (!co_await other.stat(a)) { co_return ok(); } // it was moved
    const status moved = co_await other.rename(c, a + "/rc");
    INFO("rename " << name(end.outcome.error()));
    CHECK(name(moved.error()) == "invalid_argument");
    const result<attributes> file = co_await other.stat(fc);
    CHECK(name(file.error()) == "ok");
    lost += file ? 0 : 1;
    co_return ok();
}

/// /a is moved to /x/ra, server 0 is emptied and the move undone; /x is removed; server 0 is emptied once more.
task<status> undone_and_dropped(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string a = path_at(fs, 1, "a");
    const std::string x = path_at(fs, 2, "x");
    BFS_CO_CHECK(co_await fs.mkdir(a));
    BFS_CO_CHECK(co_await fs.mkdir(x));
    BFS_CO_TRY(const attributes ia, co_await fs.stat(a));
    BFS_CO_TRY(const attributes ix, co_await fs.stat(x));
    BFS_CO_CHECK(co_await make_empty_file(fs, a + "/" + name_at(fs, ia.id, server_id{1}, "f")));
    BFS_CO_CHECK(co_await fs.sync());
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, a, x + "/" + name_at(fs, ix.id, server_id{1}, "ra"), end));
    co_await w.rest(w.between(50us, 1500us));
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    servers.net().part(servers.client_host(0), servers.server_host(1), 30s); // its client does not come again
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(15s);
    if (!co_await other.stat(a)) { co_return ok(); } // it was moved
    BFS_CO_CHECK(co_await other.rmdir(x));
    co_await w.rest(5s);
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> again = servers.start(0);
    BFS_CO_CHECK(co_await std::move(again));
    co_await w.rest(100s);
    const status made = co_await make_empty_file(other, a + "/" + name_at(fs, ia.id, server_id{2}, "new"));
    INFO("rename " << name(end.outcome.error()));
    CHECK(name(made.error()) == "ok");
    lost += made ? 0 : 1;
    co_return ok();
}

} // namespace

TEST_CASE("a move that server 0 forgot with its power makes no cycle possible") {
    CHECK(play_each(6, cycle_plan("uring"), forget_move) == 0);
}
TEST_CASE("a move during which server 0 is emptied leaves the tree as names show it") {
    for (const char* engine : {"memory", "uring"}) {
        CHECK(play_each(500, cycle_plan(engine), killed_in_move) == 0);
    }
}
TEST_CASE("a move that server 0 forgot when it came back empty makes no cycle possible") {
    for (const char* engine : {"memory", "uring"}) {
        CHECK(play_each(300, cycle_plan(engine), undone_move) == 0);
    }
}
TEST_CASE("a directory whose move was undone when server 0 came back empty stays one") {
    CHECK(play_each(400, cycle_plan("memory"), undone_and_dropped) == 0);
}
