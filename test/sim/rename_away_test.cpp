// Renames while one of the servers is away, or was until just now: what has moved is listed, a rename that
// cannot go on says so, and those that can do not wait for those that cannot.
#include "name_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

cluster_plan away_plan(unsigned clients) {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = clients;
    plan.engine = "uring";
    return plan;
}

task<result<bool>> listed(file_system& fs, std::string path) {
    BFS_CO_TRY(const auto all, co_await fs.readdir("/"));
    co_return std::ranges::any_of(all, [&](const directory_entry& e) { return "/" + e.name == path; });
}

task<status> list_after_moves(sim_cluster& servers, world&, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    for (unsigned i = 0; i < 20; ++i) {
        const std::string to = "/to" + std::to_string(i);
        BFS_CO_CHECK(co_await fs.mkdir("/from"));
        BFS_CO_CHECK(co_await fs.rename("/from", to));
        BFS_CO_TRY(const bool there, co_await listed(fs, to));
        CHECK(there);
    }
    co_return ok();
}

/// The client has the answer before the server of the new name has heard how the move was decided.
task<status> kill_after_move(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    const std::string from = path_at(fs, 1, "from");
    const std::string to = path_at(fs, 2, "to");
    BFS_CO_CHECK(co_await fs.mkdir(from));
    BFS_CO_CHECK(co_await fs.rename(from, to));
    servers.crash(2, false, graves);
    co_await w.rest(50ms);
    task<status> again = servers.start(2);
    BFS_CO_CHECK(co_await std::move(again));
    BFS_CO_TRY(const bool there, co_await listed(fs, to));
    CHECK(there);
    co_return ok();
}

} // namespace

TEST_CASE("a directory that was moved is in the listing that comes after") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, away_plan(1), list_after_moves); }
}

TEST_CASE("a directory that was moved is listed also when the server of its new name is killed then") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, away_plan(1), kill_after_move); }
}

namespace {

/// Server 2 has heard of paths that server 1 does not know, and server 0, who knows them, is killed.
task<status> rename_without_server_0(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string d = path_at(fs, 1, "d");
    BFS_CO_CHECK(co_await fs.mkdir(d));
    BFS_CO_TRY(const attributes in, co_await fs.stat(d));
    const std::string from = d + "/" + name_at(fs, in.id, server_id{1}, "from");
    const std::string to = d + "/" + name_at(fs, in.id, server_id{2}, "to");
    BFS_CO_CHECK(co_await make_empty_file(fs, from));
    servers.crash(0, false, graves);
    co_await w.rest(20ms);
    task<status> again = servers.start(0); // which makes paths newer
    BFS_CO_CHECK(co_await std::move(again));
    const std::string x = path_at(fs, 0, "x");
    BFS_CO_CHECK(co_await other.mkdir(x));
    BFS_CO_TRY(const attributes fresh, co_await other.stat(x));
    BFS_CO_CHECK(co_await make_empty_file(other, x + "/" + name_at(fs, fresh.id, server_id{2}, "f")));
    servers.crash(0, false, graves);
    move_end one;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, from, to, one));
    for (unsigned seconds = 0; seconds < 30 && !one.over; ++seconds) { co_await w.rest(1s); }
    CHECK(one.over);
    CHECK(name(one.outcome.error()) == "peer_down");
    CHECK((fs.silent_server() == server_id{0}));
    task<status> back = servers.start(0);
    BFS_CO_CHECK(co_await std::move(back));
    BFS_CO_CHECK(co_await work.join());
    // Nothing has happened, as it said.
    const status repeated = co_await fs.rename(from, to);
    CHECK(name(repeated.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a rename that meets newer paths while server 0 is away ends, and says who is away") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, away_plan(2), rename_without_server_0); }
}

namespace {

/// Server 1 has begun two moves when it is killed: to server 2, which stays away then, and to server 0.
task<status> resume_beside_dead_server(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string a = path_at(fs, 1, "a");
    const std::string b = path_at(fs, 2, "b");
    const std::string c = path_at(fs, 1, "c");
    const std::string d = path_at(fs, 0, "d");
    BFS_CO_CHECK(co_await make_empty_file(fs, a));
    BFS_CO_CHECK(co_await make_empty_file(fs, c));
    for (const unsigned i : {0U, 1U, 2U}) {
        BFS_CO_CHECK(co_await fs.ping(server_id{static_cast<std::uint16_t>(i)}));
    }
    servers.net().stall(servers.server_host(2), 100ms);
    servers.net().stall(servers.server_host(0), 100ms);
    move_end first;
    move_end second;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, a, b, first));
    co_await w.rest(5ms);
    work.spawn(move_to(fs, c, d, second));
    co_await w.rest(10ms);
    servers.crash(1, false, graves);
    servers.crash(2, false, graves);
    co_await w.rest(200ms);
    task<status> again = servers.start(1);
    BFS_CO_CHECK(co_await std::move(again));
    co_await w.rest(20s);
    CHECK(name(second.outcome.error()) == "ok");
    const result<attributes> old = co_await fs.stat(c);
    const result<attributes> fresh = co_await fs.stat(d);
    CHECK(name(old.error()) == "not_found");
    CHECK(name(fresh.error()) == "ok");
    task<status> back = servers.start(2);
    BFS_CO_CHECK(co_await std::move(back));
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a move that a restart takes up does not wait for another one whose server is away") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, away_plan(1), resume_beside_dead_server); }
}

namespace {

task<status> remove_directory_of(file_system& fs, std::string path) {
    (void)co_await fs.rmdir(std::move(path));
    co_return ok();
}

/// A directory whose name lies at another server than itself is removed. Server 0, which has decided it, dies
/// before everybody has heard of it; the directory's own server hears from the server of the name much later.
task<status> remove_moved_directory(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string made = path_at(fs, 1, "made");
    const std::string moved = path_at(fs, 2, "moved");
    BFS_CO_CHECK(co_await fs.mkdir(made));
    BFS_CO_CHECK(co_await fs.rename(made, moved));
    BFS_CO_TRY(const attributes d, co_await fs.stat(moved));
    CHECK(d.id.home() == server_id{1});
    co_await w.rest(100ms);
    servers.net().part(servers.calling_host(2), servers.server_host(1), 3s);
    runtime::task_scope work(context, false);
    work.spawn(remove_directory_of(fs, moved));
    co_await w.rest(w.between(100us, 3ms));
    servers.crash(0, false, graves);
    co_await w.rest(w.between(1ms, 20ms));
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    (void)co_await work.join();
    co_await w.rest(10s);
    const status again = co_await fs.rmdir(moved); // if it had not begun before server 0 died
    CHECK((again || again.error() == errc::not_found));
    co_await w.rest(10s);
    BFS_CO_TRY(const file_system_usage left, co_await fs.usage());
    CHECK(left.directories == 1);
    co_return ok();
}

} // namespace

TEST_CASE("a directory that is removed stays removed when server 0 dies then") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 1;
    plan.engine = "uring";
    for (std::uint64_t seed = 1; seed <= 60; ++seed) { play(seed, plan, remove_moved_directory); }
}

namespace {

constexpr unsigned movers = 8;

/// Moves a directory to and fro until somebody has listed.
task<status> move_until(file_system& fs, std::string one, std::string other, const bool& listed) {
    BFS_CO_CHECK(co_await fs.mkdir(one));
    while (!listed) {
        const status moved = co_await fs.rename(one, other);
        if (moved) { std::swap(one, other); }
    }
    co_return ok();
}

/// At each moment the name of some directory is kept for its move.
task<status> list_beside_moves(sim_cluster& servers, world& w, runtime::task_scope&) {
    runtime::call_context& context = co_await runtime::current_context();
    bool over = false;
    runtime::task_scope work(context, false);
    for (unsigned i = 0; i < movers; ++i) {
        const std::string number = std::to_string(i);
        work.spawn(move_until(servers.fs(i + 1), "/to" + number, "/fro" + number, over));
    }
    co_await w.rest(1s);
    const auto all = co_await servers.fs(0).readdir("/");
    CHECK(name(all.error()) == "ok");
    over = true;
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a listing ends though directories are renamed in there all the time") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, away_plan(movers + 1), list_beside_moves); }
}
