// A read of chunks on several servers whose answers come from different times.
#include "story.hpp"

#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned read_chunk_size = 16 * 1024;
constexpr unsigned whole = 4 * read_chunk_size;
constexpr unsigned short_size = 12 * 1024;

std::vector<std::byte> bytes_of(unsigned value) {
    return std::vector<std::byte>(whole, static_cast<std::byte>(value));
}

/// A file whose home is server 0, with chunks on both servers, full of sevens.
task<result<std::string>> make_striped_file(file_system& fs) {
    for (unsigned i = 0; i < 64; ++i) {
        std::string path = "/f" + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(path, open_flags::write | open_flags::create));
        if (made.id().home() != server_id{0}) { continue; }
        const std::vector<std::byte> sevens = bytes_of(7);
        BFS_CO_TRY(const std::size_t written, co_await made.write(sevens, 0));
        if (written == whole) { co_return path; }
    }
    co_return errc::not_found;
}

task<status> cut_short(file_system& fs, std::string path) { co_return co_await fs.truncate(path, short_size); }

task<status> read_file(file f, std::vector<std::byte>& into, std::size_t& got) {
    BFS_CO_TRY(got, co_await f.read(into, 0));
    co_return ok();
}

/// Server 1 does not hear of the truncation at once, and the reader does not hear from server 0: the bytes
/// that were cut off come before the size that covers them again.
task<status> read_beside_truncation(sim_cluster& servers, world& w, runtime::task_scope&) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<std::string>> making = make_striped_file(servers.fs(1));
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    std::vector<std::byte> back = bytes_of(1);
    std::size_t got = 0;
    runtime::task_scope work(context);
    servers.net().part(servers.calling_host(0), servers.server_host(1), 100ms);
    work.spawn(cut_short(servers.fs(1), path));
    co_await w.rest(10ms);
    BFS_CO_TRY(file opened, co_await servers.fs(0).open(path, open_flags::read));
    BFS_CO_TRY(const attributes about, co_await opened.stat());
    CHECK(about.size == short_size); // so the reader knows that the bytes behind are gone
    servers.net().part(servers.client_host(0), servers.server_host(0), 400ms);
    work.spawn(read_file(opened, back, got));
    co_await w.rest(200ms);
    BFS_CO_TRY(file f, co_await servers.fs(1).open(path, open_flags::write));
    const std::vector<std::byte> nines = bytes_of(9);
    BFS_CO_TRY(const std::size_t written, co_await f.write(nines, 0));
    CHECK(written == whole);
    BFS_CO_CHECK(co_await work.join());
    CHECK(got == whole); // the write was there before the size was asked for
    CHECK(std::count(back.begin() + short_size, back.end(), std::byte{7}) == 0);
    co_return ok();
}

} // namespace

TEST_CASE("a read does not show what a truncation took away and a write has covered since") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = read_chunk_size;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, plan, read_beside_truncation); }
}
