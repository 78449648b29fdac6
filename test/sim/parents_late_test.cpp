// What server 0 has to hear about moved directories comes late: the server of a new name hears how the move
// ended only after a loss, or has lost the move itself, or the connection fails while tables are compared. No
// directory moves below itself meanwhile, and none loses its name.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

struct late_move {
    std::string from; // of server 1, which carries the move out
    std::string to;   // its name is at server 2
    std::string into; // the directory of that
    file_id id = root_id;
    file_id into_id = root_id;
    move_end end;
};
task<result<late_move>> make_late_move(file_system& fs) {
    late_move made;
    made.from = path_at(fs, 1, "a");
    made.into = path_at(fs, 2, "y");
    BFS_CO_TRY(made.id, co_await make_directory(fs, made.from));
    BFS_CO_TRY(made.into_id, co_await make_directory(fs, made.into));
    made.to = made.into + "/" + name_at(fs, made.into_id, server_id{2}, "a");
    co_return made;
}

/// The move is made, and server 2 does not hear of that for so long. Whether it was acknowledged: else it is
/// not what these stories are about.
task<bool> move_unheard(sim_cluster& servers, world& w, runtime::task_scope& work, late_move& it,
                        duration away) {
    work.spawn(move_to(servers.fs(0), it.from, it.to, it.end));
    co_await w.rest(w.between(100us, 2500us));
    servers.net().part(servers.calling_host(1), servers.server_host(2), away);
    co_await w.rest(20ms);
    co_return it.end.over&& it.end.outcome;
}

/// Everything is synced; then server 2 hears of the move, and loses that with its power.
task<status> lose_what_it_heard(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& met) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_move>> making = make_late_move(servers.fs(0));
    BFS_CO_TRY(late_move it, co_await std::move(making));
    it.to = path_at(servers.fs(0), 2, "to"); // in the root: this is of that name only
    const std::string file = "/" + name_at(servers.fs(0), it.id, server_id{0}, "f");
    BFS_CO_CHECK(co_await make_empty_file(servers.fs(0), it.from + file));
    BFS_CO_CHECK(co_await servers.fs(0).sync());
    runtime::task_scope work(context, false);
    task<bool> moving = move_unheard(servers, w, work, it, 100ms);
    if (co_await std::move(moving)) {
        ++met;
        const status synced = co_await servers.fs(0).sync();
        CHECK(name(synced.error()) == "ok");
        co_await w.rest(500ms);
        task<status> losing = restart(servers, w, graves, 2, true);
        BFS_CO_CHECK(co_await std::move(losing));
        co_await w.rest(20s);
        const result<attributes> there = co_await servers.fs(1).stat(it.to + file);
        CHECK(name(there.error()) == "ok");
    }
    co_return co_await work.join();
}

enum class then : std::uint8_t { nothing, kill, part };

/// Server 0 loses power before server 2 has heard; then it is killed as well, or server 2 cannot reach it. The
/// directory of the new name would be moved into the one that was moved.
task<status> lose_decision(sim_cluster& servers, world& w, runtime::task_scope& graves, then what,
                           unsigned& met) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& other = servers.fs(1);
    task<result<late_move>> making = make_late_move(servers.fs(0));
    BFS_CO_TRY(late_move it, co_await std::move(making));
    const std::string file = it.into + "/" + name_at(other, it.into_id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(servers.fs(0), file));
    BFS_CO_CHECK(co_await servers.fs(0).sync());
    co_await w.rest(500ms);
    runtime::task_scope work(context, false);
    task<bool> moving = move_unheard(servers, w, work, it, 15s);
    if (!co_await std::move(moving)) { co_return co_await work.join(); }
    ++met;
    task<status> losing = restart(servers, w, graves, 0, true);
    BFS_CO_CHECK(co_await std::move(losing));
    co_await w.rest(4s);
    if (what == then::kill) {
        // What it has noted is written with the next change there.
        BFS_CO_CHECK(co_await make_empty_file(other, path_at(other, 0, "z")));
        task<status> killing = restart(servers, w, graves, 0);
        BFS_CO_CHECK(co_await std::move(killing));
    }
    if (what == then::part) { servers.net().part(servers.calling_host(2), servers.server_host(0), 40s); }
    BFS_CO_CHECK(co_await work.join());
    if (what != then::part) { co_await w.rest(30s); }
    const std::string inside = it.to + "/" + name_at(other, it.id, server_id{1}, "y");
    status moved = errc::try_again;
    for (int i = 0; i < 20 && (moved.error() == errc::try_again || moved.error() == errc::peer_down); ++i) {
        moved = co_await other.rename(it.into, inside);
    }
    INFO("into itself: " << name(moved.error()));
    CHECK(!moved);
    co_await w.rest(60s);
    for (const std::string& path : {it.to, file}) {
        const result<attributes> there = co_await other.stat(path);
        INFO(path);
        CHECK(name(there.error()) == "ok");
    }
    co_return ok();
}

/// A move of which nothing was synced is lost at server 1, which has both names; server 0 has it still. Then
/// the directory of the old name would be moved into the one that is back in there.
task<status> lose_both_names(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& met) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string z = path_at(fs, 1, "z");
    const std::string y = path_at(fs, 1, "y");
    BFS_CO_TRY(const file_id z_id, co_await make_directory(fs, z));
    BFS_CO_TRY(const file_id y_id, co_await make_directory(fs, y));
    const std::string x = z + "/" + name_at(fs, z_id, server_id{1}, "x");
    BFS_CO_TRY(const file_id x_id, co_await make_directory(fs, x));
    const std::string file = z + "/" + name_at(fs, z_id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    task<status> again = restart(servers, w, graves, 0); // which has lost nothing: its first start had
    BFS_CO_CHECK(co_await std::move(again));
    const status moved_first = co_await fs.rename(x, y + "/" + name_at(fs, y_id, server_id{1}, "x"));
    if (!moved_first) { co_return ok(); } // server 1 had yet to notice
    task<status> losing = restart(servers, w, graves, 1, true);
    BFS_CO_CHECK(co_await std::move(losing));
    co_await w.rest(w.between(1ms, 5s));
    const result<attributes> old = co_await other.stat(x);
    if (!old) { co_return ok(); }
    ++met;
    const status moved = co_await other.rename(z, x + "/" + name_at(fs, x_id, server_id{1}, "z"));
    CHECK(name(moved.error()) == "invalid_argument");
    const result<attributes> there = co_await other.stat(file);
    CHECK(name(there.error()) == "ok");
    co_return ok();
}

/// Server 0 comes back empty, and the connection fails while server 2 fetches its table.
task<status> lose_touch_in_fetch(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    const std::string d = path_at(fs, 2, "d");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, d));
    const std::string file = d + "/" + name_at(fs, id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    servers.net().slow(servers.calling_host(2), 10, 1s); // so that it is hit in the middle
    co_await w.rest(w.between(50us, 30ms));
    servers.net().part(servers.calling_host(2), servers.server_host(0), 10s);
    co_await w.rest(150s);
    const result<attributes> there = co_await servers.fs(1).stat(file);
    CHECK(name(there.error()) == "ok");
    const status made = co_await make_empty_file(servers.fs(1), d + "/more");
    CHECK(name(made.error()) == "ok");
    co_return ok();
}

unsigned play_lost_decisions(std::uint64_t seeds, then what) {
    return play_each(seeds, three_servers(),
                     [what](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& met) {
                         return lose_decision(servers, w, graves, what, met);
                     });
}

} // namespace

TEST_CASE("a directory whose move was synced has its new name though that server hears late and loses power") {
    CHECK(play_each(100, three_servers(), lose_what_it_heard) > 5);
}

TEST_CASE(
    "a directory is not moved below itself while its new name has not heard of the move that server 0 lost") {
    CHECK(play_lost_decisions(100, then::nothing) > 5);
    CHECK(play_lost_decisions(200, then::kill) > 10);
    CHECK(play_lost_decisions(40, then::part) > 2);
}

TEST_CASE("a directory is not moved below itself though the server of its names has lost a move of it") {
    CHECK(play_each(60, three_servers(), lose_both_names) > 10);
}

TEST_CASE("directories are told of though the connection to server 0 fails while its table is fetched") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) { play(seed, three_servers(), lose_touch_in_fetch); }
}
