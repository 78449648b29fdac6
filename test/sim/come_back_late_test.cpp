// Server 0 comes back with an empty store while directories are made or moved, or while a server that has to
// tell it of them cannot: nothing is given up that somebody counts on, or may still tell of.
#include "name_stories.hpp"

#include <deque>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

struct made_directory {
    std::string path;
    status outcome = errc::busy;
};
task<status> make_one(file_system& fs, made_directory& one) {
    one.outcome = co_await fs.mkdir(one.path);
    co_return ok();
}

/// Server 1 has many directories to tell of. Others are made at it meanwhile in one that lives at server 2, and
/// of that one server 0 hears late. Counts them.
task<status> make_meanwhile(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& made) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string parent = path_at(fs, 2, "parent");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, parent));
    for (unsigned i = 0; i < 40; ++i) {
        BFS_CO_CHECK(co_await fs.mkdir(path_at(fs, 1, "o" + std::to_string(i) + "-")));
    }
    BFS_CO_CHECK(co_await fs.sync());
    (void)co_await fs.stat(parent + "/" + name_at(fs, id, server_id{1}, "none")); // now server 1 knows it
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    servers.net().part(servers.calling_host(2), servers.server_host(0), 500ms);
    std::deque<made_directory> all;
    runtime::task_scope work(context, false);
    for (unsigned i = 0; i < 50; ++i) {
        all.push_back(
            {parent + "/" + name_at(fs, id, server_id{1}, "d" + std::to_string(i) + "-"), errc::busy});
        work.spawn(make_one(fs, all.back()));
        co_await w.rest(w.between(50us, 500us));
    }
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(20s);
    for (const made_directory& one : all) {
        if (!one.outcome) { continue; }
        const result<attributes> there = co_await servers.fs(1).stat(one.path);
        INFO(one.path);
        CHECK(name(there.error()) == "ok");
        ++made;
    }
    co_return ok();
}

/// Server 2 keeps the new name for a directory that has moved, and is killed with server 0 before it hears that
/// this is over. The new parent lives at server 1, which cannot tell server 0 of it for a while.
task<status> settle_late(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    const std::string from = path_at(fs, 1, "from");
    BFS_CO_TRY(const file_id id, co_await make_directory(fs, from));
    const std::string parent = path_at(fs, 1, "parent");
    BFS_CO_TRY(const file_id parent_id, co_await make_directory(fs, parent));
    const std::string file = "/" + name_at(fs, id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, from + file));
    BFS_CO_CHECK(co_await fs.sync());
    const std::string to = parent + "/" + name_at(fs, parent_id, server_id{2}, "to");
    BFS_CO_CHECK(co_await fs.rename(from, to));
    servers.crash(2, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 3s);
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(30s);
    const result<attributes> there = co_await servers.fs(1).stat(to + file);
    CHECK(name(there.error()) == "ok");
    const result<attributes> old = co_await servers.fs(1).stat(from + file);
    CHECK(name(old.error()) == "not_found");
    co_return ok();
}

/// Server 2, where the outer one of two directories lives, has begun to compare with server 0 and cannot tell
/// it of that one for more than two minutes: it is killed, or cannot reach server 0.
task<status> tell_late(sim_cluster& servers, world& w, runtime::task_scope& graves, bool kill) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 2, "outer");
    BFS_CO_TRY(const file_id outer_id, co_await make_directory(fs, outer));
    const std::string inner = outer + "/" + name_at(fs, outer_id, server_id{1}, "inner");
    BFS_CO_TRY(const file_id inner_id, co_await make_directory(fs, inner));
    const std::string file = inner + "/" + name_at(fs, inner_id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    servers.crash(2, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    co_await w.rest(2s);
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(w.between(50us, 1500us)); // in some plays it has asked then, and not told
    if (kill) {
        servers.crash(2, false, graves);
    } else {
        servers.net().part(servers.calling_host(2), servers.server_host(0), 130s);
    }
    co_await w.rest(130s);
    if (kill) {
        task<status> again = servers.start(2);
        BFS_CO_CHECK(co_await std::move(again));
    }
    co_await w.rest(30s);
    const result<attributes> there = co_await servers.fs(1).stat(file);
    CHECK(name(there.error()) == "ok");
    const std::string more = inner + "/" + name_at(fs, inner_id, server_id{1}, "more");
    const status made = co_await make_empty_file(servers.fs(1), more);
    CHECK(name(made.error()) == "ok");
    co_return ok();
}

/// q lives at server 3, q/p at 2 and q/p/d at 1. Server 2 has compared, and waits for server 3 with what it has
/// to tell, when it goes away for longer than a directory waits for its parent.
task<status> forgotten_teller(sim_cluster& servers, world& w, runtime::task_scope& graves, bool kill,
                              unsigned& lost) {
    file_system& fs = servers.fs(0);
    const std::string q = path_at(fs, 3, "q");
    BFS_CO_TRY(const file_id q_id, co_await make_directory(fs, q));
    const std::string p = q + "/" + name_at(fs, q_id, server_id{2}, "p");
    BFS_CO_TRY(const file_id p_id, co_await make_directory(fs, p));
    const std::string d = p + "/" + name_at(fs, p_id, server_id{1}, "d");
    BFS_CO_TRY(const file_id d_id, co_await make_directory(fs, d));
    const std::string file = d + "/" + name_at(fs, d_id, server_id{1}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    servers.crash(3, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    co_await w.rest(5s); // servers 1 and 2 have compared, what they have waits for server 3
    if (kill) {
        servers.crash(2, false, graves);
    } else {
        servers.net().part(servers.calling_host(2), servers.server_host(0), 130s);
    }
    task<status> second = servers.start(3);
    BFS_CO_CHECK(co_await std::move(second));
    co_await w.rest(130s);
    if (kill) {
        task<status> third = servers.start(2);
        BFS_CO_CHECK(co_await std::move(third));
    }
    co_await w.rest(60s);
    const result<attributes> there = co_await servers.fs(1).stat(file);
    const std::string more = d + "/" + name_at(fs, d_id, server_id{2}, "more");
    const status made = co_await make_empty_file(servers.fs(1), more);
    CHECK(name(there.error()) == "ok");
    CHECK(name(made.error()) == "ok");
    lost += made && there ? 0 : 1;
    co_return ok();
}

} // namespace

TEST_CASE("a directory that was made while server 0 came back empty is there") {
    for (const char* engine : {"uring", "memory"}) {
        CHECK(play_each(30, three_servers(engine), make_meanwhile) > 500);
    }
}

TEST_CASE("a directory that was moved has its new name though server 0 came back empty") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) { play(seed, three_servers(), settle_late); }
}

TEST_CASE(
    "a directory waits for its parent also when that one's server has asked what is known, and tells late") {
    for (const bool kill : {true, false}) {
        for (std::uint64_t seed = 1; seed <= 50; ++seed) {
            INFO((kill ? "killed" : "parted"));
            play(seed, three_servers(), [kill](sim_cluster& servers, world& w, runtime::task_scope& graves) {
                return tell_late(servers, w, graves, kill);
            });
        }
    }
}

TEST_CASE("a directory waits for its parent also when that one's server has compared, and goes away then") {
    cluster_plan plan = three_servers();
    plan.servers = 4;
    for (const bool kill : {true, false}) {
        const auto story = [kill](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
            return forgotten_teller(servers, w, graves, kill, lost);
        };
        CHECK(play_each(4, plan, story) == 0);
    }
}
