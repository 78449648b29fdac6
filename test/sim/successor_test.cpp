// What a server finds that comes back: what its earlier process had under way is over soon, and what it had not
// begun is left alone.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned successor_chunk = 16 * 1024;
constexpr unsigned chunks_of_file = 8;

cluster_plan plan_for(unsigned servers) {
    cluster_plan plan;
    plan.servers = servers;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = successor_chunk;
    return plan;
}

/// A new file of this server with chunks on exactly these (one bit each); every chunk is written.
task<result<std::string>> make_spread(file_system& fs, server_id home, unsigned chunks, unsigned where,
                                      open_flags how) {
    for (unsigned i = 0; i < 500; ++i) {
        const std::string path = "/w" + std::to_string(i);
        BFS_CO_TRY(file f, co_await fs.open(path, how | open_flags::create));
        unsigned seen = 0;
        for (unsigned c = 0; c < chunks; ++c) { seen |= 1U << index(fs.server_of_chunk(f.id(), c)); }
        if (f.id().home() != home || seen != where) { continue; }
        const std::vector<std::byte> bytes(std::size_t{chunks} * successor_chunk, std::byte{7});
        BFS_CO_TRY(const std::size_t wrote, co_await f.write(bytes, 0));
        if (wrote != bytes.size()) { co_return errc::io_error; }
        co_return path;
    }
    co_return errc::not_found;
}

/// A file that was appended to; its home restarts while another server is away.
task<status> home_restarts(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    task<result<std::string>> making =
        make_spread(fs, server_id{0}, chunks_of_file, 7, open_flags::read_write | open_flags::append);
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_CHECK(co_await fs.sync());
    BFS_CO_TRY(const attributes before, co_await fs.stat(path));
    servers.crash(2, false, graves);
    servers.crash(0, false, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(5s);
    BFS_CO_TRY(const attributes after, co_await servers.fs(1).stat(path));
    CHECK(after.mtime_ns == before.mtime_ns);
    CHECK(after.ctime_ns == before.ctime_ns);
    BFS_CO_TRY(file f, co_await servers.fs(1).open(path, open_flags::read_write));
    const std::vector<std::byte> bytes(100, std::byte{8});
    for (unsigned c = 0; c < chunks_of_file; ++c) {
        if (servers.fs(1).server_of_chunk(f.id(), c) != server_id{0}) { continue; }
        const result<std::size_t> wrote = co_await f.write(bytes, std::uint64_t{c} * successor_chunk);
        CHECK(name(wrote.error()) == "ok");
    }
    co_return ok();
}

task<status> try_rmdir(file_system& fs, std::string path) {
    (void)co_await fs.rmdir(path);
    co_return ok();
}

/// Server 1 is killed while its questions wait in a queue at server 0, because server 2 is away.
task<status> questions_wait(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    std::vector<std::string> dirs;
    for (unsigned i = 0; i < 60; ++i) {
        dirs.push_back(path_at(fs, 1, "d" + std::to_string(i) + "-"));
        BFS_CO_CHECK(co_await fs.mkdir(dirs.back()));
    }
    task<result<std::string>> making = make_spread(fs, server_id{1}, 2, 3, open_flags::read_write);
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    servers.crash(2, false, graves);
    co_await w.rest(3s);
    runtime::task_scope work(context, false);
    for (const std::string& d : dirs) { work.spawn(try_rmdir(servers.fs(1), d)); }
    co_await w.rest(500ms);
    servers.crash(1, false, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(1);
    BFS_CO_CHECK(co_await std::move(starting));
    // Needs server 0, but not server 2.
    const time_point began = w.now();
    status cut = errc::try_again;
    while (!cut && w.now() - began < 1000s) {
        cut = co_await fs.truncate(path, successor_chunk + 5);
        co_await w.rest(100ms);
    }
    CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(w.now() - began).count() < 10'000);
    co_return co_await work.join();
}

/// The power of all servers fails, and again soon after they came back.
task<status> two_outages(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    task<result<std::string>> making =
        make_spread(servers.fs(0), server_id{0}, chunks_of_file, 3, open_flags::read_write);
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_CHECK(co_await servers.fs(0).sync());
    for (int i = 0; i < 2; ++i) {
        for (unsigned s = 0; s < 2; ++s) { servers.crash(s, true, graves); }
        co_await w.rest(20ms);
        for (unsigned s = 0; s < 2; ++s) {
            task<status> starting = servers.start(s);
            BFS_CO_CHECK(co_await std::move(starting));
        }
        co_await w.rest(2s);
    }
    const status cut = co_await servers.fs(1).truncate(path, successor_chunk / 2);
    CHECK(name(cut.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("a restart of its home does not close a file to writers that was appended to, nor touch its times") {
    play(1, plan_for(3), home_restarts);
}

TEST_CASE("what a dead server has asked and nobody has begun does not keep its successor waiting") {
    play(1, plan_for(3), questions_wait);
}

TEST_CASE("files can be truncated after the power failed twice in a row") {
    // As a real loop has it: in a shuffled one the questions of two starts do not keep their order.
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        play(seed, plan_for(2), two_outages, runtime::pick_policy::fifo);
    }
}
