// Server 0 comes back with an empty store while directories are made and moved, or while a server that has to
// tell it of them is away: nothing is given up that somebody still counts on, or may still tell of.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

struct mkdir_end {
    std::string path;
    status outcome = errc::busy;
};
task<status> make_dir(file_system& fs, mkdir_end& end) {
    end.outcome = co_await fs.mkdir(end.path);
    co_return ok();
}

task<status> made_meanwhile(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string x = path_at(fs, 2, "x"); // lives at server 2
    BFS_CO_CHECK(co_await fs.mkdir(x));
    BFS_CO_TRY(const attributes ix, co_await fs.stat(x));
    for (unsigned i = 0; i < 40; ++i) { // those live at server 1
        BFS_CO_CHECK(co_await fs.mkdir(path_at(fs, 1, "o" + std::to_string(i) + "-")));
    }
    BFS_CO_CHECK(co_await fs.sync());
    (void)co_await fs.stat(x + "/" + name_at(fs, ix.id, server_id{1}, "b")); // server 1 knows x
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    servers.net().part(servers.calling_host(2), servers.server_host(0), 500ms);
    std::vector<std::unique_ptr<mkdir_end>> all;
    runtime::task_scope work(context, false);
    for (unsigned i = 0; i < 50; ++i) {
        all.push_back(std::make_unique<mkdir_end>());
        all.back()->path = x + "/" + name_at(fs, ix.id, server_id{1}, "b" + std::to_string(i) + "-");
        work.spawn(make_dir(fs, *all.back()));
        co_await w.rest(w.between(50us, 500us));
    }
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(20s);
    for (const auto& one : all) {
        if (!one->outcome) { continue; }
        const result<attributes> there = co_await servers.fs(1).stat(one->path);
        INFO("mkdir " << one->path << ": ok, stat: " << name(there.error()));
        CHECK(there);
        lost += there ? 0 : 1;
    }
    co_return ok();
}

cluster_plan settle_plan() {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    return plan;
}

task<status> moved_and_lost(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    const std::string a = path_at(fs, 1, "a"); // driven by server 1
    const std::string x = path_at(fs, 1, "x"); // lives at server 1
    BFS_CO_CHECK(co_await fs.mkdir(a));
    BFS_CO_CHECK(co_await fs.mkdir(x));
    BFS_CO_TRY(const attributes ia, co_await fs.stat(a));
    BFS_CO_TRY(const attributes ix, co_await fs.stat(x));
    const std::string f = name_at(fs, ia.id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, a + "/" + f));
    BFS_CO_CHECK(co_await fs.sync());
    const std::string to = x + "/" + name_at(fs, ix.id, server_id{2}, "to"); // of server 2
    move_end end;
    runtime::task_scope work(context, false);
    work.spawn(move_to(fs, a, to, end));
    while (!end.over) { co_await w.rest(5us); }
    CHECK(end.outcome);
    servers.crash(2, false, graves);
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 3s);
    task<status> second = servers.start(2);
    BFS_CO_CHECK(co_await std::move(second));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(30s);
    const result<attributes> there = co_await servers.fs(1).stat(to + "/" + f);
    const result<attributes> before = co_await servers.fs(1).stat(a + "/" + f);
    INFO("rename " << name(end.outcome.error()) << ", new " << name(there.error()) << ", old "
                   << name(before.error()));
    CHECK(there);
    lost += there ? 0 : 1;
    co_return ok();
}

cluster_plan tell_plan() {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    return plan;
}

task<status> told_late(sim_cluster& servers, world& w, runtime::task_scope& graves, bool kill, unsigned& lost) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 2, "o"); // lives at server 2
    BFS_CO_CHECK(co_await fs.mkdir(outer));
    BFS_CO_TRY(const attributes io, co_await fs.stat(outer));
    const std::string inner = outer + "/" + name_at(fs, io.id, server_id{1}, "i"); // lives at server 1
    BFS_CO_CHECK(co_await fs.mkdir(inner));
    BFS_CO_TRY(const attributes ii, co_await fs.stat(inner));
    const std::string file = inner + "/" + name_at(fs, ii.id, server_id{2}, "f");
    BFS_CO_CHECK(co_await make_empty_file(fs, file));
    BFS_CO_CHECK(co_await fs.sync());
    servers.crash(2, false, graves);
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(2s);
    task<status> second = servers.start(2);
    BFS_CO_CHECK(co_await std::move(second));
    co_await w.rest(w.between(50us, 1500us)); // it has asked, and not told
    if (kill) {
        servers.crash(2, false, graves);
        co_await w.rest(130s);
        task<status> third = servers.start(2);
        BFS_CO_CHECK(co_await std::move(third));
    } else {
        servers.net().part(servers.calling_host(2), servers.server_host(0), 130s);
        co_await w.rest(130s);
    }
    co_await w.rest(30s);
    const result<attributes> there = co_await servers.fs(1).stat(file);
    INFO(name(there.error()));
    const std::string more = inner + "/" + name_at(fs, ii.id, server_id{1}, "more");
    const status made = co_await make_empty_file(servers.fs(1), more);
    INFO("another one: " << name(made.error()));
    CHECK(name(there.error()) == "ok");
    CHECK(name(made.error()) == "ok");
    lost += made && there ? 0 : 1;
    co_return ok();
}

} // namespace

TEST_CASE("a directory that was made while server 0 came back empty is there") {
    for (const char* engine : {"uring", "memory"}) {
        cluster_plan plan;
        plan.servers = 3;
        plan.clients = 2;
        plan.engine = engine;
        CHECK(play_each(20, plan, made_meanwhile) == 0);
    }
}

TEST_CASE("a directory that was moved has its new name though server 0 came back empty") {
    CHECK(play_each(40, settle_plan(), moved_and_lost) == 0);
}

TEST_CASE("a directory waits for its parent also when that one's server has asked already, killed") {
    const auto story = [](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
        return told_late(servers, w, graves, true, lost);
    };
    CHECK(play_each(60, tell_plan(), story) == 0);
}
TEST_CASE("a directory waits for its parent also when that one's server has asked already, parted") {
    const auto story = [](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
        return told_late(servers, w, graves, false, lost);
    };
    CHECK(play_each(60, tell_plan(), story) == 0);
}
