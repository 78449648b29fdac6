// Server 0 comes back with an empty store, as with the memory engine after each restart. The servers where
// directories live tell it of them, parents first; until all have, nobody may take one that it does not know
// for one that is gone.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

/// Directories in each other whose homes are these servers, and a file of server 2 in the last one. Synced.
struct nest {
    std::string path; // of the last directory
    file_id last = root_id;
    std::string file;
};
task<result<nest>> make_nest(file_system& fs, std::vector<std::uint16_t> homes) {
    nest made;
    for (const std::uint16_t home : homes) {
        made.path += "/" + name_at(fs, made.last, server_id{home}, "d");
        BFS_CO_CHECK(co_await fs.mkdir(made.path));
        BFS_CO_TRY(const attributes a, co_await fs.stat(made.path));
        made.last = a.id;
    }
    made.file = made.path + "/" + name_at(fs, made.last, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, made.file));
    BFS_CO_CHECK(co_await fs.sync());
    co_return made;
}
std::vector<std::uint16_t> deep() { return {2, 1, 2, 1, 2, 1}; }

/// A name in the directory at each server.
task<bool> takes_names(file_system& fs, nest in) {
    bool all = true;
    for (std::uint16_t at = 0; at < 3; ++at) {
        const std::string path = in.path + "/" + name_at(fs, in.last, server_id{at}, "more");
        const status made = co_await make_empty_file(fs, path);
        INFO("at server " << at);
        CHECK(name(made.error()) == "ok");
        all = all && made;
    }
    co_return all;
}

/// Counts how often the directory was removed with what is in it.
task<status> remove_early(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& removed) {
    task<result<nest>> making = make_nest(servers.fs(0), deep());
    BFS_CO_TRY(const nest in, co_await std::move(making));
    BFS_CO_CHECK(co_await servers.fs(1).stat(in.file));
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    const time_point until = w.now() + 3s;
    while (w.now() < until) {
        const status gone = co_await servers.fs(1).rmdir(in.path);
        removed += gone ? 1 : 0;
        if (gone) { break; }
        co_await w.rest(w.between(100us, 3ms));
    }
    const result<attributes> there = co_await servers.fs(0).stat(in.file);
    CHECK(name(there.error()) == "ok");
    co_return ok();
}

/// Counts how often a name was refused as if its directory were gone. It is that of a server that has no other
/// name in there, and is not the directory's home.
task<status> use_early(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& refused) {
    task<result<nest>> making = make_nest(servers.fs(0), {1, 2, 1, 2, 1, 2});
    BFS_CO_TRY(const nest in, co_await std::move(making));
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    const time_point until = w.now() + 5s;
    for (unsigned i = 0; w.now() < until; ++i) {
        const std::string stem = "f" + std::to_string(i) + "-";
        const server_id at{static_cast<std::uint16_t>(i % 2)};
        const std::string path = in.path + "/" + name_at(servers.fs(0), in.last, at, stem);
        const status made = co_await make_empty_file(servers.fs(1), path);
        const bool gone = made.error() == errc::stale_handle || made.error() == errc::not_found;
        refused += gone ? 1 : 0;
        if (gone) { break; }
        co_await w.rest(10ms);
    }
    co_return ok();
}

/// The server of the outer directory is away meanwhile, for so long.
task<status> outer_away(sim_cluster& servers, world& w, runtime::task_scope& graves, duration away,
                        unsigned& good) {
    task<result<nest>> making = make_nest(servers.fs(0), {2, 1});
    BFS_CO_TRY(const nest in, co_await std::move(making));
    servers.crash(2, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    co_await w.rest(away);
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    errc outcome = errc::ok;
    for (int looks = 0; looks < 3000 && outcome != errc::not_empty; ++looks) {
        const status removed = co_await servers.fs(1).rmdir(in.path);
        outcome = removed.error();
        CHECK(outcome != errc::ok);
        if (outcome == errc::ok) { break; }
        co_await w.rest(5ms);
    }
    CHECK(name(outcome) == "not_empty");
    const result<attributes> there = co_await servers.fs(1).stat(in.file);
    CHECK(name(there.error()) == "ok");
    task<bool> taking = takes_names(servers.fs(1), in);
    good += co_await std::move(taking) ? 1 : 0;
    co_return ok();
}

/// The same, and server 0 is killed once more just after the last server has told it of what lives there.
task<status> killed_again(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& good) {
    file_system& fs = servers.fs(0);
    task<result<nest>> making = make_nest(fs, {2, 1});
    BFS_CO_TRY(const nest in, co_await std::move(making));
    servers.crash(2, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    co_await w.rest(w.between(8s, 12s));
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(w.between(10ms, 1s));
    (void)co_await make_empty_file(servers.fs(1), path_at(fs, 0, "other")); // so its log is written
    servers.crash(0, false, graves);
    co_await w.rest(50ms);
    task<status> again = servers.start(0);
    BFS_CO_CHECK(co_await std::move(again));
    co_await w.rest(20s);
    task<bool> taking = takes_names(servers.fs(1), in);
    good += co_await std::move(taking) ? 1 : 0;
    co_return ok();
}

/// Server 1 agrees to a removal, cannot ask how it ended when it is told, and nobody wants anything of it
/// later.
task<status> end_unheard(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& removed) {
    file_system& fs = servers.fs(0);
    const std::string path = path_at(fs, 0, "d");
    BFS_CO_CHECK(co_await fs.mkdir(path));
    const std::string other = path_at(fs, 1, "e"); // so that it knows both
    BFS_CO_CHECK(co_await fs.mkdir(other));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 30s);
    const status done = co_await fs.rmdir(path);
    removed += done ? 1 : 0;
    co_await w.rest(60s);
    const result<file_system_usage> left = co_await fs.usage();
    CHECK((left && left->directories == (done ? 2U : 3U)));
    co_return ok();
}

} // namespace

TEST_CASE("a server learns how a change of a directory ended also when it was not told") {
    CHECK(play_each(10, three_servers(), end_unheard) > 0);
}

TEST_CASE("a directory that server 0 has not been told of again is not removed with what is in it") {
    for (const char* engine : {"uring", "memory"}) {
        CHECK(play_each(20, three_servers(engine), remove_early) == 0);
    }
}

TEST_CASE("a directory that server 0 has not been told of again is not taken for gone") {
    for (const char* engine : {"uring", "memory"}) {
        CHECK(play_each(20, three_servers(engine), use_early) == 0);
    }
}

TEST_CASE("directories wait for the server that knows their parents, however long it is away") {
    for (const duration away : {duration(6s), duration(150s)}) {
        const auto story = [away](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& good) {
            return outer_away(servers, w, graves, away, good);
        };
        CHECK(play_each(8, three_servers(), story) == 8);
    }
}

TEST_CASE("directories come back also when server 0 is killed while it is told of them") {
    CHECK(play_each(30, three_servers(), killed_again) == 30);
}
