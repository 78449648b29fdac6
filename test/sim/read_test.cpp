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
    BFS_CO_TRY(attributes about, co_await opened.stat());
    while (about.size != short_size) { // then the reader knows that the bytes behind are gone
        co_await w.rest(1ms);
        BFS_CO_TRY(about, co_await opened.stat());
    }
    servers.net().part(servers.client_host(0), servers.server_host(0), 400ms);
    work.spawn(read_file(opened, back, got));
    co_await w.rest(200ms);
    BFS_CO_TRY(file f, co_await servers.fs(1).open(path, open_flags::write));
    const std::vector<std::byte> nines = bytes_of(9);
    BFS_CO_TRY(const std::size_t written, co_await f.write(nines, 0));
    CHECK(written == whole);
    BFS_CO_CHECK(co_await work.join());
    CHECK(got >= short_size);
    back.resize(got);
    CHECK(std::count(back.begin() + short_size, back.end(), std::byte{7}) == 0);
    co_return ok();
}

/// The reader does not hear from the file's home: what server 1 has not got yet is told before the append, the
/// size of the file after it.
task<status> read_beside_append(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& behind) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<std::string>> making = make_striped_file(servers.fs(1));
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_CHECK(co_await servers.fs(1).truncate(path, short_size));
    std::vector<std::byte> back = bytes_of(1);
    std::size_t got = 0;
    runtime::task_scope work(context);
    BFS_CO_TRY(file opened, co_await servers.fs(0).open(path, open_flags::read));
    servers.net().part(servers.client_host(0), servers.server_host(0), 400ms);
    work.spawn(read_file(opened, back, got));
    co_await w.rest(200ms);
    BFS_CO_TRY(file f, co_await servers.fs(1).open(path, open_flags::write | open_flags::append));
    const std::vector<std::byte> nines = bytes_of(9);
    const const_byte_span more = const_byte_span(nines).first(whole - short_size);
    BFS_CO_TRY(const std::size_t written, co_await f.write(more, 0));
    CHECK(written == more.size());
    BFS_CO_CHECK(co_await work.join());
    CHECK(got >= short_size);
    behind += got > short_size ? 1 : 0; // else the home had answered before it was cut off
    back.resize(got);
    const auto appended = back.begin() + short_size;
    CHECK(std::count(back.begin(), appended, std::byte{7}) == short_size);
    CHECK(std::count(appended, back.end(), std::byte{9}) == back.end() - appended);
    co_return ok();
}

cluster_plan two_servers() {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = read_chunk_size;
    return plan;
}

} // namespace

TEST_CASE("a read does not show what a truncation took away and a write has covered since") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, two_servers(), read_beside_truncation); }
}

TEST_CASE("a read beside an append has no zeros that nobody wrote") {
    CHECK(play_each(20, two_servers(), read_beside_append) > 10);
}
