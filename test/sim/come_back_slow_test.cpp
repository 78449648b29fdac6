// Server 0 comes back with an empty store, and is told of many directories whose parents it does not know yet:
// nobody stands still for each of them.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned early_directories = 40;

/// Directories that live at this server. The path of the last one.
task<result<std::string>> make_many(file_system& fs, std::string in, file_id parent, server_id home) {
    std::string path;
    for (unsigned i = 0; i < early_directories; ++i) {
        path = in + "/" + name_at(fs, parent, home, std::to_string(i) + "-");
        BFS_CO_CHECK(co_await fs.mkdir(path));
    }
    co_return path;
}

/// What was tried since then, until it was made or long after it should have been.
constexpr duration slow_limit = 1000s;
void check_soon(world& w, time_point began, status made) {
    CHECK(name(made.error()) == "ok");
    CHECK(std::chrono::duration_cast<std::chrono::seconds>(w.now() - began).count() < 20);
}

/// All parents live at server 1, which is away; server 2 restarts, and is asked for what needs neither.
task<status> restart_early(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 1, "outer");
    BFS_CO_TRY(const file_id outer_id, co_await make_directory(fs, outer));
    task<result<std::string>> making = make_many(fs, outer, outer_id, server_id{2});
    BFS_CO_CHECK(co_await std::move(making));
    BFS_CO_CHECK(co_await fs.sync());
    servers.crash(1, false, graves);
    servers.crash(2, false, graves);
    task<status> emptied = begin_empty(servers, w, graves);
    BFS_CO_CHECK(co_await std::move(emptied));
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(2s);
    const time_point began = w.now();
    status made = errc::try_again;
    while (!made && w.now() - began < slow_limit) {
        made = co_await make_empty_file(fs, path_at(fs, 2, "f"));
        co_await w.rest(100ms);
    }
    check_soon(w, began, made);
    co_return ok();
}

/// All servers are up. Those of servers 1 and 2 have each other's as parents, and server 0 is emptied twice.
task<status> begin_empty_again(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 1, "outer");
    BFS_CO_TRY(const file_id outer_id, co_await make_directory(fs, outer));
    task<result<std::string>> making = make_many(fs, outer, outer_id, server_id{2});
    BFS_CO_TRY(const std::string middle, co_await std::move(making));
    BFS_CO_TRY(const attributes last, co_await fs.stat(middle));
    task<result<std::string>> making_more = make_many(fs, middle, last.id, server_id{1});
    BFS_CO_CHECK(co_await std::move(making_more));
    BFS_CO_CHECK(co_await fs.sync());
    for (int times = 0; times < 2; ++times) {
        task<status> emptied = begin_empty(servers, w, graves);
        BFS_CO_CHECK(co_await std::move(emptied));
        co_await w.rest(w.between(1ms, 60ms));
    }
    const time_point began = w.now();
    status made = errc::try_again;
    for (unsigned i = 0; !made && w.now() - began < slow_limit; ++i) {
        made = co_await fs.mkdir(middle + "/" + name_at(fs, last.id, server_id{2}, "new" + std::to_string(i)));
        co_await w.rest(100ms);
    }
    check_soon(w, began, made);
    co_return ok();
}

} // namespace

TEST_CASE("a server that restarts serves soon though another one is away and server 0 came back empty") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, three_servers(), restart_early); }
}

TEST_CASE("directories are back soon after server 0 came back empty twice, when all servers are up") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) { play(seed, three_servers(), begin_empty_again); }
}
