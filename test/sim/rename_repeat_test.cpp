// The server of a new name is asked for it more than once: the word of it was lost, or who asks was killed and
// has begun again. One of the questions makes the move happen; the others change nothing, whenever they arrive
// and however little room there is then.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

cluster_plan repeat_plan() {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    return plan;
}

struct late_paths {
    std::string x, y; // directories; something is in y
    std::string from, to;
};

/// All directories are known to server 0 alone at first: a question about a name in one of them waits for it.
task<result<late_paths>> make_late_paths(file_system& fs) {
    const std::string d = path_at(fs, 0, "d");
    late_paths p;
    p.x = path_at(fs, 0, "x");
    p.y = path_at(fs, 0, "y");
    BFS_CO_CHECK(co_await fs.mkdir(d));
    BFS_CO_CHECK(co_await fs.mkdir(p.x));
    BFS_CO_CHECK(co_await fs.mkdir(p.y));
    BFS_CO_TRY(const attributes in_d, co_await fs.stat(d));
    BFS_CO_TRY(const attributes in_y, co_await fs.stat(p.y));
    p.from = d + "/" + name_at(fs, in_d.id, server_id{1}, "from");
    p.to = d + "/" + name_at(fs, in_d.id, server_id{2}, "to");
    const std::string inner = p.y + "/" + name_at(fs, in_y.id, server_id{1}, "inner");
    BFS_CO_CHECK(co_await make_empty_file(fs, p.from));
    BFS_CO_CHECK(co_await make_empty_file(fs, inner));
    co_return p;
}

/// What has moved is removed, or replaced by a new file: it stays so.
task<status> use_new_name(file_system& fs, world& w, std::string path) {
    BFS_CO_CHECK(co_await fs.unlink(path));
    if (w.chance(50)) {
        co_await w.rest(2s);
        const result<attributes> left = co_await fs.lstat(path);
        CHECK(name(left.error()) == "not_found");
        co_return ok();
    }
    BFS_CO_TRY(file fresh, co_await fs.open(path, open_flags::read_write | open_flags::create));
    co_await w.rest(2s);
    const result<attributes> still = co_await fresh.stat();
    CHECK(name(still.error()) == "ok");
    const result<attributes> there = co_await fs.stat(path);
    CHECK((there && there->id == fresh.id()));
    co_return ok();
}

/// The server of the old name is killed while its question waits at server 2. It asks again, which waits, too:
/// for server 0, where a rename of directories waits for a server that does not hear it.
task<status> ask_again_after_kill(sim_cluster& servers, world& w, runtime::task_scope& graves,
                                  unsigned& moved) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    BFS_CO_TRY(const late_paths p, co_await make_late_paths(fs));
    (void)co_await fs.stat(p.to);
    servers.net().part(servers.calling_host(0), servers.server_host(1), 5s);
    move_end directories;
    move_end one;
    runtime::task_scope work(context, false);
    work.spawn(move_to(servers.fs(1), p.x, p.y, directories)); // not_empty, once server 1 has said so
    co_await w.rest(20ms);
    work.spawn(move_to(fs, p.from, p.to, one));
    co_await w.rest(300ms);
    servers.crash(1, false, graves);
    co_await w.rest(5ms);
    task<status> again = servers.start(1);
    BFS_CO_CHECK(co_await std::move(again));
    while (!one.over) { co_await w.rest(1ms); }
    if (one.outcome) {
        ++moved;
        BFS_CO_CHECK(co_await use_new_name(fs, w, p.to));
    }
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a question about a new name that comes late changes nothing") {
    CHECK(play_each(20, repeat_plan(), ask_again_after_kill) > 10);
}

namespace {

/// Names that take much of a log, until this server refuses them.
task<status> fill_server(file_system& fs, server_id at) {
    unsigned refused = 0;
    for (unsigned i = 0; refused < 20 && i < 30'000; ++i) {
        std::string name = "fill" + std::to_string(i) + "-";
        name.resize(240, 'n');
        if (fs.server_of_name(root_id, name) != at) { continue; }
        const status made = co_await make_empty_file(fs, "/" + name);
        refused += made ? 0 : 1;
    }
    co_return refused < 20 ? errc::out_of_range : errc::ok;
}

/// The file has its new name, but the word of it is held up. Meanwhile other names take all the room of that
/// server.
task<status> fill_before_repeat(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& repeats) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(1);
    const std::string from = path_at(fs, 1, "from");
    const std::string to = path_at(fs, 2, "to");
    BFS_CO_CHECK(co_await make_empty_file(fs, from));
    servers.net().slow(servers.calling_host(1), 1000, 1s);
    move_end one;
    runtime::task_scope work(context, false);
    work.spawn(move_to(servers.fs(0), from, to, one));
    result<attributes> seen = errc::not_found;
    for (int looks = 0; looks < 1000 && !seen; ++looks) {
        co_await w.rest(1ms);
        seen = co_await fs.stat(to);
    }
    if (!seen || one.over) { co_return co_await work.join(); }
    ++repeats;
    servers.net().part(servers.calling_host(1), servers.server_host(2), 30s);
    BFS_CO_CHECK(co_await fill_server(fs, server_id{2}));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(60s);
    const result<attributes> old = co_await fs.stat(from);
    const result<attributes> fresh = co_await fs.stat(to);
    CHECK(name(old.error()) == "not_found");
    CHECK(name(fresh.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a file does not keep its old name because its new name's server is full when it is asked again") {
    cluster_plan plan = repeat_plan();
    plan.log_segment = 64 * KiB;
    plan.disk_bytes = 5 * MiB;
    plan.data_bytes = 1 * MiB;
    CHECK(play_each(8, plan, fill_before_repeat) > 1);
}

namespace {

task<status> remove_it(file_system& fs, std::string path, move_end& end) {
    end.outcome = co_await fs.rmdir(path);
    end.over = true;
    co_return ok();
}

/// Server 1 carries this out. It is killed while its question to server 0 is held up, and asks again.
task<status> ask_and_die(sim_cluster& servers, world& w, runtime::task_scope& graves, task<status> change) {
    runtime::call_context& context = co_await runtime::current_context();
    servers.net().part(servers.calling_host(1), servers.server_host(0), 3s);
    runtime::task_scope work(context, false);
    work.spawn(std::move(change));
    co_await w.rest(20ms);
    servers.crash(1, false, graves);
    co_await w.rest(5ms);
    task<status> again = servers.start(1);
    BFS_CO_CHECK(co_await std::move(again));
    co_return co_await work.join();
}

/// Server 1 is killed while its question to server 0 is held up. It asks again, and hears that the directory is
/// not empty. Then that is so no more.
task<status> remove_after_refusal(sim_cluster& servers, world& w, runtime::task_scope& graves,
                                  unsigned& refused) {
    file_system& fs = servers.fs(0);
    const std::string d = path_at(fs, 1, "d");
    BFS_CO_CHECK(co_await fs.mkdir(d));
    const std::string inner = d + "/inner";
    BFS_CO_CHECK(co_await make_empty_file(fs, inner));
    move_end removal;
    task<status> asking = ask_and_die(servers, w, graves, remove_it(servers.fs(1), d, removal));
    BFS_CO_CHECK(co_await std::move(asking));
    if (removal.outcome.error() != errc::not_empty) { co_return ok(); }
    ++refused;
    BFS_CO_CHECK(co_await fs.unlink(inner));
    co_await w.rest(3s);
    // Nobody has asked for its removal since that was refused.
    const status made = co_await make_empty_file(fs, inner);
    CHECK(name(made.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a question about the removal of a directory that comes after its refusal changes nothing") {
    CHECK(play_each(100, repeat_plan(), remove_after_refusal) > 50);
}

namespace {

task<status> make_it(file_system& fs, std::string path, move_end& end) {
    end.outcome = co_await fs.mkdir(path);
    end.over = true;
    co_return ok();
}

/// Server 1 is killed while its question to server 0 is held up. It asks again, and the directory is made. Then
/// it is removed.
task<status> make_after_removal(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& made) {
    file_system& fs = servers.fs(0);
    const std::string outer = path_at(fs, 1, "outer");
    BFS_CO_CHECK(co_await fs.mkdir(outer));
    BFS_CO_TRY(const attributes in, co_await servers.fs(1).stat(outer));
    const std::string d = outer + "/" + name_at(fs, in.id, server_id{1}, "d");
    BFS_CO_TRY(const file_system_usage before, co_await fs.usage());
    move_end making;
    task<status> asking = ask_and_die(servers, w, graves, make_it(servers.fs(1), d, making));
    BFS_CO_CHECK(co_await std::move(asking));
    const status removed = co_await fs.rmdir(d);
    if (!removed) { co_return ok(); }
    ++made;
    co_await w.rest(3s);
    BFS_CO_TRY(const file_system_usage after, co_await fs.usage());
    CHECK(after.directories == before.directories);
    co_return ok();
}

} // namespace

TEST_CASE("a question about a new directory that comes after its removal does not make it again") {
    CHECK(play_each(100, repeat_plan(), make_after_removal) > 50);
}
