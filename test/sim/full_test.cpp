// Full logs and full disks of several servers: who asks is told, and what is removed makes room again.
#include "story.hpp"

#include "benchfs/runtime/sleep.hpp"

#include <memory>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;

constexpr unsigned full_servers = 3;
constexpr open_flags anew = open_flags::read_write | open_flags::create | open_flags::exclusive;

/// Long, so that a log is full of few of them.
std::string long_name(const char* directory, unsigned i) {
    std::string text = "/" + std::string(directory) + "/" + std::to_string(i) + "-";
    text.resize(240, 'n');
    return text;
}

struct kept_files {
    unsigned files = 0;
    unsigned links = 0;
    unsigned directories = 0;
};

task<status> make_one(file_system& fs, std::string path, std::size_t bytes) {
    BFS_CO_TRY(file f, co_await fs.open(path, anew));
    if (bytes == 0) { co_return ok(); }
    const std::vector<std::byte> data(bytes, std::byte{7});
    const result<std::size_t> wrote = co_await f.write(data, 0);
    co_return wrote.error();
}

/// Names of all kinds, until each server has refused some of each kind.
task<status> fill_logs(file_system& fs, kept_files& made) {
    unsigned refused = 0;
    for (unsigned i = 0; i < 40'000 && refused < 60; ++i) {
        const unsigned kind = i % 8;
        status done;
        if (kind == 0) {
            done = co_await fs.mkdir(long_name("dirs", made.directories));
            if (done) { ++made.directories; }
        } else if (kind == 1) {
            done = co_await fs.symlink(std::string(500, 't'), long_name("links", made.links));
            if (done) { ++made.links; }
        } else {
            done = co_await make_one(fs, long_name("files", made.files), 0);
            // Renamed over to wherever the new name belongs.
            if (done && kind == 2) {
                const std::string moved = long_name("moved", made.files);
                const status renamed = co_await fs.rename(long_name("files", made.files), moved);
                if (!renamed && renamed.error() != errc::no_space) { co_return renamed; }
                if (!renamed) { ++refused; }
            }
            if (done) { ++made.files; }
        }
        if (done) { continue; }
        if (done.error() != errc::no_space && done.error() != errc::already_exists) { co_return done; }
        ++refused;
        // The next name of a kind may belong to a server that has room.
        if (kind == 0) { ++made.directories; }
        if (kind == 1) { ++made.links; }
        if (kind > 1) { ++made.files; }
    }
    co_return refused < 60 ? errc::out_of_range : errc::ok;
}

task<status> empty_all(file_system& fs, kept_files made) {
    for (unsigned i = 0; i < made.files; ++i) {
        for (const char* where : {"files", "moved"}) {
            const status gone = co_await fs.unlink(long_name(where, i));
            if (!gone && gone.error() != errc::not_found) { co_return gone; }
        }
    }
    for (unsigned i = 0; i < made.links; ++i) {
        const status gone = co_await fs.unlink(long_name("links", i));
        if (!gone && gone.error() != errc::not_found) { co_return gone; }
    }
    for (unsigned i = 0; i < made.directories; ++i) {
        const status gone = co_await fs.rmdir(long_name("dirs", i));
        if (!gone && gone.error() != errc::not_found) { co_return gone; }
    }
    co_return ok();
}

task<status> make_directories(file_system& fs) {
    for (const char* d : {"/files", "/moved", "/links", "/dirs"}) { BFS_CO_CHECK(co_await fs.mkdir(d)); }
    co_return ok();
}

task<status> full_logs(sim_cluster& servers, world& w, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    task<status> making = make_directories(fs);
    BFS_CO_CHECK(co_await std::move(making));
    for (int round = 0; round < 2; ++round) {
        kept_files made;
        task<status> filling = fill_logs(fs, made);
        BFS_CO_CHECK(co_await std::move(filling));
        INFO("round " << round << ": " << made.files << " files, " << made.links << " links, "
                      << made.directories << " directories");
        CHECK(made.files > 300);
        task<status> emptying = empty_all(fs, made);
        BFS_CO_CHECK(co_await std::move(emptying));
        co_await w.rest(20s); // what servers owe each other
        BFS_CO_TRY(const file_system_usage usage, co_await fs.usage());
        CHECK(usage.files == 0);
        CHECK(usage.directories == 5);
    }
    co_return ok();
}

/// Striped files until the disks are full; then some of them go, and there is room for as many again.
task<status> full_disks(sim_cluster& servers, world& w, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    task<status> making = make_directories(fs);
    BFS_CO_CHECK(co_await std::move(making));
    constexpr std::size_t bytes = 200 * KiB;
    unsigned files = 0;
    status last;
    for (; files < 100; ++files) {
        task<status> one = make_one(fs, long_name("files", files), bytes);
        last = co_await std::move(one);
        if (!last) { break; }
        if (files % 2 == 0) {
            BFS_CO_CHECK(co_await fs.rename(long_name("files", files), long_name("moved", files)));
        }
    }
    CHECK(last.error() == errc::no_space);
    REQUIRE(files >= 4);
    // A longer file cannot be had, a shorter one can, and bytes that are there stay.
    BFS_CO_CHECK(co_await fs.truncate(long_name("moved", 0), bytes / 2));
    BFS_CO_CHECK(co_await fs.unlink(long_name("files", files))); // what was written in part
    BFS_CO_CHECK(co_await fs.unlink(long_name("files", 1)));
    BFS_CO_CHECK(co_await fs.unlink(long_name("moved", 2)));
    co_await w.rest(20s);
    task<status> again = make_one(fs, long_name("files", 1), bytes);
    BFS_CO_CHECK(co_await std::move(again));
    for (unsigned i = 3; i < files; ++i) {
        BFS_CO_TRY(const attributes found, co_await fs.stat(long_name(i % 2 == 0 ? "moved" : "files", i)));
        CHECK(found.size == bytes);
    }
    co_return ok();
}

} // namespace

TEST_CASE("full logs of several servers refuse new names and let go of old ones") {
    cluster_plan plan;
    plan.servers = full_servers;
    plan.clients = 1;
    plan.engine = "uring";
    plan.log_segment = 64 * KiB;
    plan.data_bytes = 1 * MiB;
    plan.disk_bytes = 5 * MiB;
    play(1, plan, full_logs);
}

TEST_CASE("full disks of several servers: what is unlinked or cut makes room again") {
    cluster_plan plan;
    plan.servers = full_servers;
    plan.clients = 1;
    plan.engine = "uring";
    plan.data_bytes = 2 * MiB;
    play(2, plan, full_disks);
}
