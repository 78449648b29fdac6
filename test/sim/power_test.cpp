// What a server lost with its power and others still have. Server 0 and its table of directories: the servers
// where those live tell it again. A file's home and its knowledge of who has chunks: they ask again.
#include "story.hpp"

#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned power_servers = 4;
constexpr unsigned trees = 12;

std::string top(unsigned i) { return "/d" + std::to_string(i); }
std::string nested(unsigned i) { return top(i) + "/below"; }

/// A directory that is there takes names on every server.
task<status> use_directory(file_system& fs, std::string directory, unsigned& used) {
    const result<attributes> found = co_await fs.stat(directory);
    // It lived at server 0, or the way to it did.
    if (found.error() == errc::not_found || found.error() == errc::stale_handle) { co_return ok(); }
    if (!found) { co_return found.error(); }
    if (found->id.home() == server_id{0}) { co_return ok(); }
    ++used;
    for (unsigned i = 0; i < 4 * power_servers; ++i) {
        const std::string name = directory + "/" + std::to_string(i);
        const result<file> made = co_await fs.open(name, open_flags::write | open_flags::create);
        INFO(name << ": " << benchfs::name(made.error()));
        CHECK(made);
    }
    co_return ok();
}

task<status> lose_table(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& used) {
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.sync());
    for (unsigned i = 0; i < trees; ++i) {
        BFS_CO_CHECK(co_await fs.mkdir(top(i)));
        BFS_CO_CHECK(co_await fs.mkdir(nested(i)));
    }
    servers.crash(0, true, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(5s);
    for (unsigned i = 0; i < trees; ++i) {
        task<status> outer = use_directory(servers.fs(1), top(i), used);
        BFS_CO_CHECK(co_await std::move(outer));
        task<status> inner = use_directory(servers.fs(1), nested(i), used);
        BFS_CO_CHECK(co_await std::move(inner));
    }
    co_return ok();
}

} // namespace

TEST_CASE("directories that server 0 lost in a power failure are told again by the servers where they live") {
    cluster_plan plan;
    plan.servers = power_servers;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(10, plan, lose_table) > 60);
}

namespace {

constexpr unsigned chunk = 16 * 1024;

/// The home has lost that server 1 has a chunk. A truncation concerns that all the same.
task<status> lose_registration(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    file_system& fs = servers.fs(0);
    std::string path;
    for (unsigned i = 0; path.empty(); ++i) {
        const std::string name = "/f" + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(name, open_flags::write | open_flags::create));
        if (made.id().home() == server_id{0}) { path = name; }
    }
    BFS_CO_TRY(file f, co_await fs.open(path, open_flags::read_write));
    BFS_CO_CHECK(co_await fs.sync());
    const std::vector<std::byte> bytes(4 * chunk, std::byte{7});
    BFS_CO_TRY(const std::size_t written, co_await f.write(bytes, 0));
    CHECK(written == bytes.size());
    servers.crash(0, true, graves);
    co_await w.rest(20ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    BFS_CO_TRY(const attributes about, co_await fs.stat(path));
    lost += about.size == 0 ? 1 : 0;
    BFS_CO_CHECK(co_await fs.truncate(path, chunk / 2));
    BFS_CO_CHECK(co_await fs.truncate(path, bytes.size()));
    std::vector<std::byte> back(bytes.size(), std::byte{1});
    BFS_CO_TRY(const std::size_t got, co_await f.read(back, 0));
    CHECK(got == bytes.size());
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    CHECK(std::all_of(back.begin() + chunk / 2, back.end(), zero));
    co_return co_await f.close();
}

} // namespace

TEST_CASE("a truncation reaches chunks of which the file's home lost the knowledge with its power") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 1;
    plan.engine = "uring";
    plan.chunk_size = chunk;
    CHECK(play_each(20, plan, lose_registration) > 3);
}

namespace {

constexpr unsigned lost_directories = 400;

/// While server 1 tells of the directories that live there, server 0 does not hear it for a while.
task<status> interrupt_comparison(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& used) {
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.sync());
    for (unsigned i = 0; i < lost_directories; ++i) { BFS_CO_CHECK(co_await fs.mkdir(top(i))); }
    servers.crash(0, true, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(w.between(1ms, 40ms));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 10s);
    co_await w.rest(40s);
    for (unsigned i = 0; i < lost_directories; ++i) {
        task<status> using_it = use_directory(servers.fs(1), top(i), used);
        BFS_CO_CHECK(co_await std::move(using_it));
    }
    co_return ok();
}

} // namespace

TEST_CASE("directories that server 0 lost are told again also when it does not hear that at first") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    CHECK(play_each(5, plan, interrupt_comparison) > 500);
}

namespace {

constexpr unsigned kept_size = 12 * 1024;

/// The home has lost a truncation, of which server 1 has bytes; and it noted, and synced, that the file was
/// appended to. The epoch that the home begins for that is not the one that it has lost.
task<status> lose_epoch(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& lost) {
    file_system& fs = servers.fs(0);
    const std::vector<std::byte> bytes(4 * chunk, std::byte{7});
    std::string path;
    for (unsigned i = 0; path.empty(); ++i) {
        const std::string name = "/f" + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(name, open_flags::write | open_flags::create));
        if (made.id().home() == server_id{0}) { path = name; }
    }
    BFS_CO_TRY(file f, co_await fs.open(path, open_flags::write | open_flags::append));
    BFS_CO_TRY(const std::size_t appended, co_await f.write(bytes, 0));
    CHECK(appended == bytes.size());
    BFS_CO_CHECK(co_await fs.truncate(path, kept_size));
    BFS_CO_CHECK(co_await fs.sync());
    BFS_CO_CHECK(co_await fs.truncate(path, kept_size / 2));
    BFS_CO_TRY(file over, co_await fs.open(path, open_flags::read_write));
    BFS_CO_TRY(const std::size_t written, co_await over.write(bytes, 0));
    CHECK(written == bytes.size());
    servers.crash(0, true, graves);
    co_await w.rest(20ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(5s);
    BFS_CO_TRY(const attributes about, co_await fs.stat(path));
    if (about.size != kept_size) { co_return ok(); }
    ++lost;
    BFS_CO_CHECK(co_await fs.truncate(path, bytes.size()));
    std::vector<std::byte> back(bytes.size(), std::byte{1});
    BFS_CO_TRY(const std::size_t got, co_await over.read(back, 0));
    CHECK(got == bytes.size());
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    CHECK(std::all_of(back.begin() + kept_size, back.end(), zero));
    co_return ok();
}

} // namespace

TEST_CASE("an epoch that a file's home lost with its power does not begin again for what was appended") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 1;
    plan.engine = "uring";
    plan.chunk_size = chunk;
    CHECK(play_each(40, plan, lose_epoch) > 3);
}
