// In which parent a directory is, its name says. What server 0 knows of that may be lost, with its power or its
// store, during a move or after it; it hears it again before it decides another one. Else a directory could be
// moved below itself, and everything in it would be gone.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

/// Two directories in the root, of servers 1 and 2, each with a file.
struct two_parents {
    std::string a;
    std::string x;
    file_id a_id = root_id;
    file_id x_id = root_id;
    std::string a_file; // their names
    std::string x_file;
};
task<result<two_parents>> make_parents(file_system& fs) {
    two_parents made;
    made.a = path_at(fs, 1, "a");
    made.x = path_at(fs, 2, "x");
    BFS_CO_TRY(made.a_id, co_await make_directory(fs, made.a));
    BFS_CO_TRY(made.x_id, co_await make_directory(fs, made.x));
    made.a_file = "/" + name_at(fs, made.a_id, server_id{1}, "fa");
    made.x_file = "/" + name_at(fs, made.x_id, server_id{2}, "fx");
    BFS_CO_CHECK(co_await make_empty_file(fs, made.a + made.a_file));
    BFS_CO_CHECK(co_await make_empty_file(fs, made.x + made.x_file));
    BFS_CO_CHECK(co_await fs.sync());
    co_return made;
}

/// The directory is moved by client 0, whose server 0 is emptied before it ends or soon after. Client 0 does
/// not ask again, so that the servers end the move, or undo it.
task<status> empty_in_move(sim_cluster& servers, world& w, runtime::task_scope& graves, std::string from,
                           std::string to) {
    runtime::call_context& context = co_await runtime::current_context();
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(servers.fs(0), from, to, end));
    co_await w.rest(w.between(50us, 1500us));
    servers.net().part(servers.client_host(0), servers.server_host(1), 30s);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(15s);
    co_return ok();
}

/// x would be moved into a, which has moved into x; server 0 has lost that with its power.
task<status> forget_with_power(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    task<result<two_parents>> making = make_parents(fs);
    BFS_CO_TRY(const two_parents both, co_await std::move(making));
    const std::string moved = both.x + "/" + name_at(fs, both.x_id, server_id{1}, "a");
    BFS_CO_CHECK(co_await fs.rename(both.a, moved));
    co_await w.rest(200ms); // all have been told
    task<status> restarting = restart(servers, w, graves, 0, true);
    BFS_CO_CHECK(co_await std::move(restarting));
    co_await w.rest(10s);
    const result<attributes> seen = co_await other.stat(moved + both.a_file);
    CHECK(name(seen.error()) == "ok");
    const status below = co_await other.rename(both.x, moved + "/" + name_at(fs, both.a_id, server_id{1}, "x"));
    CHECK(name(below.error()) == "invalid_argument");
    const result<attributes> there = co_await fs.stat(both.x + both.x_file);
    CHECK(name(there.error()) == "ok");
    co_return ok();
}

/// a is moved into x, or is not: then x may be moved into a. Counts the first.
task<status> move_into_the_other(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& moved) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    task<result<two_parents>> making = make_parents(fs);
    BFS_CO_TRY(const two_parents both, co_await std::move(making));
    const std::string to = both.x + "/" + name_at(fs, both.x_id, server_id{1}, "a");
    task<status> moving = empty_in_move(servers, w, graves, both.a, to);
    BFS_CO_CHECK(co_await std::move(moving));
    const result<attributes> fresh = co_await other.stat(to);
    const result<attributes> old = co_await other.stat(both.a);
    INFO("new name: " << name(fresh.error()) << ", old name: " << name(old.error()));
    CHECK(fresh.has_value() != old.has_value());
    moved += fresh ? 1 : 0;
    const std::string x_to = (fresh ? to : both.a) + "/x";
    const status second = co_await other.rename(both.x, x_to);
    CHECK(name(second.error()) == (fresh ? "invalid_argument" : "ok"));
    co_return ok();
}

/// A directory is moved out of its parent, which is undone; its parent would be moved into it. Counts them.
task<status> undo_and_move_parent(sim_cluster& servers, world& w, runtime::task_scope& graves,
                                  unsigned& undone) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    const std::string parent = path_at(fs, 2, "parent");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, parent));
    const std::string inner = parent + "/" + name_at(fs, id, server_id{1}, "inner");
    BFS_CO_CHECK(co_await fs.mkdir(inner));
    const std::string file = parent + "/" + name_at(fs, id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    task<status> moving = empty_in_move(servers, w, graves, inner, path_at(fs, 2, "to"));
    BFS_CO_CHECK(co_await std::move(moving));
    if (!co_await other.stat(inner)) { co_return ok(); }
    ++undone;
    const status below = co_await other.rename(parent, inner + "/parent");
    CHECK(name(below.error()) == "invalid_argument");
    const result<attributes> there = co_await other.stat(file);
    CHECK(name(there.error()) == "ok");
    co_return ok();
}

/// a is moved into x, which is undone; x is removed, and server 0 is emptied once more. Counts them.
task<status> undo_and_remove(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& undone) {
    file_system& fs = servers.fs(0);
    file_system& other = servers.fs(1);
    task<result<two_parents>> making = make_parents(fs);
    BFS_CO_TRY(const two_parents both, co_await std::move(making));
    BFS_CO_CHECK(co_await fs.unlink(both.x + both.x_file));
    const std::string to = both.x + "/" + name_at(fs, both.x_id, server_id{1}, "a");
    task<status> moving = empty_in_move(servers, w, graves, both.a, to);
    BFS_CO_CHECK(co_await std::move(moving));
    if (!co_await other.stat(both.a)) { co_return ok(); }
    ++undone;
    BFS_CO_CHECK(co_await other.rmdir(both.x));
    co_await w.rest(5s);
    task<status> again = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(again));
    co_await w.rest(100s);
    const std::string fresh = both.a + "/" + name_at(fs, both.a_id, server_id{2}, "new");
    const status made = co_await make_empty_file(other, fresh);
    CHECK(name(made.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a directory is not moved below itself though server 0 lost a move with its power") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, three_servers(), forget_with_power); }
}

TEST_CASE("a move during which server 0 is emptied leaves the tree as names show it") {
    unsigned moved = play_each(200, three_servers("memory"), move_into_the_other);
    moved += play_each(50, three_servers("uring"), move_into_the_other); // most of these are undone
    CHECK(moved > 5);
}

TEST_CASE("a directory is not moved below itself though server 0 came back empty during a move") {
    for (const char* engine : {"memory", "uring"}) {
        CHECK(play_each(100, three_servers(engine), undo_and_move_parent) > 5);
    }
}

TEST_CASE("a directory whose move was undone stays one when its other parent is removed and server 0 emptied") {
    CHECK(play_each(200, three_servers("memory"), undo_and_remove) > 10);
}
