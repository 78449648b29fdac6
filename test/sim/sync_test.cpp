// Syncs after a loss. What a client was told is done and a server has lost since, with its power or with all
// its memory, is an error of the next sync, once; what only a killed process had is not lost.
#include "story.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned sync_chunk = 16 * 1024;
constexpr unsigned sync_seeds = 24;
constexpr open_flags sync_making = open_flags::read_write | open_flags::create;

cluster_plan sync_plan(unsigned servers) {
    cluster_plan plan;
    plan.servers = servers;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = sync_chunk;
    return plan;
}

/// A path in the root that lies at this server: the home of what is made there.
std::string sync_path(unsigned servers, unsigned at, const std::string& stem) {
    const auto placed = cluster::make_placement({}, servers);
    for (unsigned i = 0;; ++i) {
        const std::string leaf = stem + std::to_string(i);
        if (cluster::place_name(**placed, root_id, leaf) == server_id{static_cast<std::uint16_t>(at)}) {
            return "/" + leaf;
        }
    }
}

std::vector<std::byte> sync_bytes(unsigned chunks, unsigned value) {
    return std::vector<std::byte>(chunks * std::size_t{sync_chunk}, static_cast<std::byte>(value));
}

task<status> put(file& f, const_byte_span bytes) {
    BFS_CO_TRY(const std::size_t written, co_await f.write(bytes, 0));
    CHECK(written == bytes.size());
    co_return ok();
}

task<result<bool>> holds(file& f, const_byte_span bytes) {
    std::vector<std::byte> back(bytes.size() + 1);
    BFS_CO_TRY(const std::size_t got, co_await f.read(back, 0));
    back.resize(got);
    co_return std::ranges::equal(back, bytes);
}

/// Down and up again; a client of before finds it in time.
task<status> bounce(sim_cluster& servers, world& w, unsigned server, bool power, runtime::task_scope& graves) {
    servers.crash(server, power, graves);
    co_await w.rest(w.between(1ms, 100ms));
    task<status> starting = servers.start(server);
    co_return co_await std::move(starting);
}

/// The first sync after a loss: ok only if nothing is missing. The next one is ok, and so is a new file.
task<status> sync_after_loss(file_system& fs, file& f, const_byte_span bytes, bool of_file, unsigned& heard) {
    task<status> syncing = of_file ? f.sync() : fs.sync();
    const status first = co_await std::move(syncing);
    CHECK((first || first.error() == errc::io_error));
    if (first) {
        task<result<bool>> looking = holds(f, bytes);
        BFS_CO_TRY(const bool there, co_await std::move(looking));
        CHECK(there);
    } else {
        ++heard;
    }
    const status next = co_await f.sync();
    CHECK(name(next.error()) == "ok");
    const status whole = co_await fs.sync();
    CHECK(name(whole.error()) == "ok");
    co_return ok();
}

/// One server of them, or all, loses its power after a write.
task<status> lose_a_write(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& heard) {
    file_system& fs = servers.fs(0);
    const unsigned count = servers.settings().servers;
    task<result<file>> opening = fs.open(sync_path(count, 0, "f"), sync_making);
    BFS_CO_TRY(file f, co_await std::move(opening));
    BFS_CO_CHECK(co_await fs.sync());
    const std::vector<std::byte> bytes = sync_bytes(4, 7);
    task<status> writing = put(f, bytes);
    BFS_CO_CHECK(co_await std::move(writing));
    const auto chosen = static_cast<unsigned>(w.random().below(count + 1));
    for (unsigned i = 0; i < count; ++i) {
        if (i != chosen && chosen != count) { continue; }
        task<status> losing = bounce(servers, w, i, true, graves);
        BFS_CO_CHECK(co_await std::move(losing));
        if (!w.chance(30)) { continue; }
        // A kill behind it must not make anybody forget.
        task<status> dying = bounce(servers, w, i, false, graves);
        BFS_CO_CHECK(co_await std::move(dying));
    }
    task<status> judging = sync_after_loss(fs, f, bytes, w.chance(50), heard);
    BFS_CO_CHECK(co_await std::move(judging));
    // What is written and synced now is not lost.
    const std::vector<std::byte> later = sync_bytes(4, 9);
    task<result<file>> again = fs.open(sync_path(count, 0, "g"), sync_making);
    BFS_CO_TRY(file g, co_await std::move(again));
    task<status> rewriting = put(g, later);
    BFS_CO_CHECK(co_await std::move(rewriting));
    BFS_CO_CHECK(co_await g.sync());
    for (unsigned i = 0; i < count; ++i) {
        task<status> losing = bounce(servers, w, i, true, graves);
        BFS_CO_CHECK(co_await std::move(losing));
    }
    task<result<bool>> looking = holds(g, later);
    BFS_CO_TRY(const bool there, co_await std::move(looking));
    CHECK(there);
    const status idle = co_await g.sync(); // nothing was changed since
    CHECK(name(idle.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a sync is not ok when a server has lost what was written before it") {
    for (unsigned count = 1; count <= 2; ++count) {
        CHECK(play_each(sync_seeds, sync_plan(count), lose_a_write) > sync_seeds / 4);
    }
}

namespace {

/// A process that is killed, or stopped before its machine, has lost nothing.
task<status> lose_nothing(sim_cluster& servers, world& w, runtime::task_scope& graves, bool stop) {
    file_system& fs = servers.fs(0);
    const unsigned count = servers.settings().servers;
    task<result<file>> opening = fs.open(sync_path(count, 0, "f"), sync_making);
    BFS_CO_TRY(file f, co_await std::move(opening));
    const std::vector<std::byte> bytes = sync_bytes(4, 7);
    task<status> writing = put(f, bytes);
    BFS_CO_CHECK(co_await std::move(writing));
    for (unsigned i = 0; i < count; ++i) {
        if (stop) {
            servers.leave(i, graves);
            co_await w.rest(400ms);
            servers.disk(i).lose_power();
            task<status> starting = servers.start(i);
            BFS_CO_CHECK(co_await std::move(starting));
        }
        task<status> dying = bounce(servers, w, i, false, graves);
        BFS_CO_CHECK(co_await std::move(dying));
    }
    const status synced = co_await f.sync();
    CHECK(name(synced.error()) == "ok");
    task<result<bool>> looking = holds(f, bytes);
    BFS_CO_TRY(const bool there, co_await std::move(looking));
    CHECK(there);
    co_return ok();
}

} // namespace

TEST_CASE("a sync is ok after servers were killed, or stopped before their machines") {
    for (unsigned count = 1; count <= 2; ++count) {
        for (std::uint64_t seed = 1; seed <= sync_seeds; ++seed) {
            play(seed, sync_plan(count), [&](sim_cluster& servers, world& w, runtime::task_scope& graves) {
                return lose_nothing(servers, w, graves, seed % 2 == 0);
            });
        }
    }
}

namespace {

task<status> lose_memory(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    task<result<file>> opening = fs.open("/f", sync_making);
    BFS_CO_TRY(file f, co_await std::move(opening));
    task<result<file>> other = fs.open("/g", sync_making);
    BFS_CO_TRY(file g, co_await std::move(other));
    const status before = co_await f.sync();
    CHECK(name(before.error()) == "ok");
    const std::vector<std::byte> bytes = sync_bytes(1, 7);
    task<status> writing = put(f, bytes);
    BFS_CO_CHECK(co_await std::move(writing));
    // Somebody who has changed nothing.
    BFS_CO_CHECK(co_await servers.fs(1).stat("/f"));
    task<status> dying = bounce(servers, w, 0, false, graves);
    BFS_CO_CHECK(co_await std::move(dying));
    const status reader = co_await servers.fs(1).sync();
    CHECK(name(reader.error()) == "ok");
    // Each open file hears of it once.
    for (file* one : {&f, &g}) {
        const status first = co_await one->sync();
        CHECK(name(first.error()) == "io_error");
        const status next = co_await one->sync();
        CHECK(name(next.error()) == "ok");
    }
    const status whole = co_await fs.sync();
    CHECK(name(whole.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a memory server that was started again has lost what was not synced, and all else") {
    cluster_plan plan = sync_plan(1);
    plan.engine = "memory";
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, plan, lose_memory); }
}

namespace {

/// The client has called only server 0; server 1 has the new name.
task<status> lose_a_new_name(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& heard) {
    file_system& fs = servers.fs(0);
    const std::string from = sync_path(2, 0, "from");
    const std::string to = sync_path(2, 1, "to");
    BFS_CO_CHECK(co_await servers.fs(1).open(from, sync_making));
    BFS_CO_CHECK(co_await servers.fs(1).sync());
    BFS_CO_CHECK(co_await fs.rename(from, to));
    task<status> losing = bounce(servers, w, 1, true, graves);
    BFS_CO_CHECK(co_await std::move(losing));
    const status first = co_await fs.sync();
    CHECK((first || first.error() == errc::io_error));
    heard += first ? 0 : 1;
    if (first) { BFS_CO_CHECK(co_await fs.stat(to)); }
    const status next = co_await fs.sync();
    CHECK(name(next.error()) == "ok");
    co_return ok();
}

/// The same of bytes that server 0 had server 1 store.
task<status> lose_an_append(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& heard) {
    file_system& fs = servers.fs(0);
    const std::string path = sync_path(2, 0, "f");
    BFS_CO_CHECK(co_await servers.fs(1).open(path, sync_making));
    BFS_CO_CHECK(co_await servers.fs(1).sync());
    task<result<file>> opening = fs.open(path, open_flags::read_write | open_flags::append);
    BFS_CO_TRY(file f, co_await std::move(opening));
    const std::vector<std::byte> bytes = sync_bytes(4, 7);
    task<status> writing = put(f, bytes);
    BFS_CO_CHECK(co_await std::move(writing));
    task<status> losing = bounce(servers, w, 1, true, graves);
    BFS_CO_CHECK(co_await std::move(losing));
    task<status> judging = sync_after_loss(fs, f, bytes, w.chance(50), heard);
    co_return co_await std::move(judging);
}

/// The file is longer than the client knew: the bytes are at server 1, which it never met.
task<status> lose_a_far_append(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& heard) {
    file_system& fs = servers.fs(0);
    std::string path;
    for (unsigned i = 0; path.empty(); ++i) {
        const std::string one = sync_path(2, 0, "f" + std::to_string(i) + "-");
        BFS_CO_TRY(const file made, co_await servers.fs(1).open(one, sync_making));
        if (fs.server_of_chunk(made.id(), 1) == server_id{1}) { path = one; }
    }
    BFS_CO_CHECK(co_await servers.fs(1).sync());
    task<result<file>> opening = fs.open(path, open_flags::read_write | open_flags::append);
    BFS_CO_TRY(file f, co_await std::move(opening));
    BFS_CO_CHECK(co_await servers.fs(1).truncate(path, sync_chunk));
    const std::vector<std::byte> bytes = sync_bytes(1, 7);
    task<status> writing = put(f, bytes);
    BFS_CO_CHECK(co_await std::move(writing));
    task<status> losing = bounce(servers, w, 1, true, graves);
    BFS_CO_CHECK(co_await std::move(losing));
    std::vector<std::byte> whole(sync_chunk);
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    task<status> judging = sync_after_loss(fs, f, whole, w.chance(50), heard);
    co_return co_await std::move(judging);
}

} // namespace

TEST_CASE("a sync tells of what a server has lost that another one gave it") {
    CHECK(play_each(sync_seeds, sync_plan(2), lose_a_new_name) > sync_seeds / 4);
    CHECK(play_each(sync_seeds, sync_plan(2), lose_an_append) > sync_seeds / 4);
    CHECK(play_each(sync_seeds, sync_plan(2), lose_a_far_append) > sync_seeds / 4);
}
