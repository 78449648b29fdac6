// Renames that take long. One whose server is killed half-way and started again: the client that repeats it
// hears how it ended. One during which the directory of its new name is renamed: the new name is where its path
// leads then.
#include "name_stories.hpp"

#include "benchfs/runtime/sleep.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

task<status> move(file_system& fs, std::string from, std::string to, status& outcome) {
    outcome = co_await fs.rename(from, to);
    co_return ok();
}

/// The other server does not answer meanwhile, so that the rename is still open when its own server is back.
task<status> kill_half_way(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned number) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    const std::string from = "/d/from" + std::to_string(number);
    const std::string to = "/to" + std::to_string(number);
    BFS_CO_TRY(file made, co_await fs.open(from, open_flags::write | open_flags::create));
    BFS_CO_CHECK(co_await made.close());
    servers.net().stall(servers.server_host(1), 600ms);
    status outcome;
    runtime::task_scope work(context, false);
    work.spawn(move(fs, from, to, outcome));
    co_await w.rest(10ms);
    servers.crash(0, false, graves);
    co_await w.rest(10ms);
    task<status> first = servers.start(0);
    BFS_CO_CHECK(co_await std::move(first));
    (void)co_await work.join();
    CHECK(name(outcome.error()) == "ok");
    const result<attributes> old = co_await fs.stat(from);
    CHECK(old.error() == errc::not_found);
    const result<attributes> fresh = co_await fs.stat(to);
    CHECK(fresh);
    co_return ok();
}

} // namespace

TEST_CASE("a rename that a restart takes up again answers its repeat, though paths are old by then") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 1;
    plan.engine = "uring";
    for (unsigned number = 1; number <= 24; ++number) {
        play(number, plan, [number](sim_cluster& servers, world& w, runtime::task_scope& graves) {
            return kill_half_way(servers, w, graves, number);
        });
    }
}

namespace {

constexpr unsigned rename_servers = 3;

/// The servers of the old and the new name do not hear each other for a while.
task<status> move_directory_meanwhile(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& moved) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(1);
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    BFS_CO_TRY(const attributes d, co_await fs.stat("/d"));
    const std::string from = "/" + name_at(fs, root_id, server_id{1}, "f");
    const std::string to = name_at(fs, d.id, server_id{2}, "t");
    BFS_CO_TRY(file made, co_await fs.open(from, open_flags::write | open_flags::create));
    BFS_CO_CHECK(co_await made.close());
    servers.net().part(servers.calling_host(1), servers.server_host(2), 300ms);
    status outcome;
    runtime::task_scope work(context, false);
    work.spawn(move(servers.fs(0), from, "/d/" + to, outcome));
    co_await w.rest(20ms);
    BFS_CO_CHECK(co_await fs.rename("/d", "/e"));
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    // Seen by somebody: the other rename has not happened yet. (This one may have needed the same two servers,
    // and come after it.)
    const result<attributes> early = co_await fs.stat("/e/" + to);
    (void)co_await work.join();
    if (early) {
        CHECK(outcome);
        co_return ok();
    }
    CHECK(early.error() == errc::not_found);
    // Or it looked while there was no /d.
    CHECK((outcome || outcome.error() == errc::not_found));
    moved += outcome ? 1 : 0;
    const result<attributes> wrong = co_await fs.stat("/e/" + to);
    CHECK(wrong.error() == errc::not_found);
    const result<attributes> right = co_await fs.stat("/d/" + to);
    CHECK(right.error() == outcome.error());
    const result<attributes> old = co_await fs.stat(from);
    CHECK(old.has_value() != outcome.has_value());
    co_return ok();
}

} // namespace

TEST_CASE("a file moves to where its new path leads when it moves") {
    cluster_plan plan;
    plan.servers = rename_servers;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(20, plan, move_directory_meanwhile) > 10);
}

namespace {

/// The new name of a file can be seen, and its old one is not gone yet: the answer is on its way for long.
task<status> remove_directory_meanwhile(sim_cluster& servers, world& w, runtime::task_scope&,
                                        unsigned& removals) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(1);
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    BFS_CO_TRY(const attributes d, co_await fs.stat("/d"));
    const std::string from = "/d/" + name_at(fs, d.id, server_id{1}, "f");
    const std::string to = "/" + name_at(fs, root_id, server_id{2}, "t");
    BFS_CO_TRY(file made, co_await fs.open(from, open_flags::write | open_flags::create));
    BFS_CO_CHECK(co_await made.close());
    co_await w.rest(1s); // what the servers say to each other at their start is over
    servers.net().slow(servers.calling_host(1), 300, 1s);
    status outcome;
    runtime::task_scope work(context, false);
    work.spawn(move(servers.fs(0), from, to, outcome));
    result<attributes> seen = errc::not_found;
    for (int looks = 0; looks < 1000 && !seen; ++looks) {
        co_await w.rest(1ms);
        seen = co_await fs.stat(to);
    }
    if (seen) {
        ++removals;
        const status removed = co_await fs.rmdir("/d");
        CHECK(name(removed.error()) == "ok");
    }
    (void)co_await work.join();
    CHECK(name(outcome.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a directory is empty when its last file can be seen elsewhere") {
    cluster_plan plan;
    plan.servers = rename_servers;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(20, plan, remove_directory_meanwhile) > 10);
}

namespace {

/// Who began the move forgets it, and has asked another server to keep the new name for it.
task<status> lose_the_intention(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(1);
    const std::string from = "/" + name_at(fs, root_id, server_id{1}, "from");
    const std::string to = "/" + name_at(fs, root_id, server_id{2}, "to");
    BFS_CO_CHECK(co_await fs.mkdir(from));
    BFS_CO_CHECK(co_await fs.sync());
    servers.net().stall(servers.server_host(0), 50ms); // which decides
    status outcome;
    runtime::task_scope work(context, false);
    work.spawn(move(servers.fs(0), from, to, outcome));
    co_await w.rest(20ms);
    servers.crash(1, true, graves);
    co_await w.rest(10ms);
    task<status> again = servers.start(1);
    BFS_CO_CHECK(co_await std::move(again));
    (void)co_await work.join();
    // Neither name is kept for ever.
    const result<attributes> fresh = co_await fs.stat(to);
    const result<attributes> old = co_await fs.stat(from);
    CHECK((fresh || fresh.error() == errc::not_found));
    CHECK((old || old.error() == errc::not_found));
    CHECK((old || fresh));
    lost += outcome ? 0 : 1;
    co_return ok();
}

} // namespace

TEST_CASE("a name that is kept for a move that nobody remembers is free again") {
    cluster_plan plan;
    plan.servers = rename_servers;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(30, plan, lose_the_intention) > 5);
}

namespace {

/// Whatever else is in it, or nothing: the directory that moves is.
task<status> move_onto_own_parent(sim_cluster& servers, world&, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    for (unsigned i = 0; i < 8; ++i) {
        const std::string outer = "/outer" + std::to_string(i);
        BFS_CO_CHECK(co_await fs.mkdir(outer));
        BFS_CO_CHECK(co_await fs.mkdir(outer + "/inner"));
        const status moved = co_await fs.rename(outer + "/inner", outer);
        CHECK(name(moved.error()) == "not_empty");
    }
    co_return ok();
}

} // namespace

TEST_CASE("a directory is not moved onto one that it lies in") {
    cluster_plan plan;
    plan.servers = rename_servers;
    plan.clients = 1;
    plan.engine = "uring";
    for (std::uint64_t seed = 1; seed <= 3; ++seed) { play(seed, plan, move_onto_own_parent); }
}
