// A truncation beside writes and appends: it comes before each of them or after it. And an append that fails
// beside writes of others: it takes back nothing but its own bytes.
#include "story.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned cut_chunk_size = 16 * 1024;
constexpr unsigned written_size = cut_chunk_size - 1000;
constexpr unsigned record_size = 5000;
constexpr open_flags read_and_write = open_flags::read_write | open_flags::create;

std::vector<std::byte> filled(std::size_t size, char with) {
    return std::vector<std::byte>(size, static_cast<std::byte>(with));
}
std::ptrdiff_t count_of(const std::vector<std::byte>& in, char what) {
    return std::count(in.begin(), in.end(), static_cast<std::byte>(what));
}

task<status> write_at(file_system& fs, std::vector<std::byte> bytes, std::uint64_t offset) {
    BFS_CO_TRY(file f, co_await fs.open("/f", read_and_write));
    BFS_CO_TRY(const std::size_t wrote, co_await f.write(bytes, offset));
    co_return wrote == bytes.size() ? errc::ok : errc::io_error;
}
task<status> append_to(file_system& fs, std::vector<std::byte> bytes) {
    BFS_CO_TRY(file f, co_await fs.open("/f", open_flags::append | open_flags::create));
    BFS_CO_TRY(const std::size_t wrote, co_await f.write(bytes, 0));
    co_return wrote == bytes.size() ? errc::ok : errc::io_error;
}
task<status> cut_after(file_system& fs, world& w, duration pause, std::uint64_t size) {
    co_await w.rest(pause);
    co_return co_await fs.truncate("/f", size);
}
task<status> empty_after(file_system& fs, world& w, duration pause) {
    co_await w.rest(pause);
    const result<file> f = co_await fs.open("/f", read_and_write | open_flags::truncate);
    co_return f.error();
}
task<result<std::vector<std::byte>>> content(file_system& fs) {
    BFS_CO_TRY(file f, co_await fs.open("/f", open_flags::read));
    std::vector<std::byte> bytes(16 * cut_chunk_size);
    BFS_CO_TRY(const std::size_t got, co_await f.read(bytes, 0));
    bytes.resize(got);
    co_return bytes;
}

task<status> cut_beside_write(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& emptied) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    for (unsigned round = 0; round < 8; ++round) {
        task<status> making = write_at(fs, filled(written_size, 'o'), 0);
        BFS_CO_CHECK(co_await std::move(making));
        runtime::task_scope work(context);
        work.spawn(write_at(fs, filled(written_size, 'w'), 0));
        const duration pause = w.between(0us, 300us);
        work.spawn(w.chance(50) ? cut_after(servers.fs(1), w, pause, 0) : empty_after(servers.fs(1), w, pause));
        BFS_CO_CHECK(co_await work.join());
        task<result<std::vector<std::byte>>> reading = content(fs);
        BFS_CO_TRY(const std::vector<std::byte> left, co_await std::move(reading));
        CHECK((left.empty() || left == filled(written_size, 'w')));
        emptied += left.empty() ? 1 : 0;
    }
    co_return ok();
}

/// The record is there once, where the file ended before the truncation or after it; nothing of it is
/// elsewhere.
task<status> cut_beside_append(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& behind) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    for (unsigned round = 0; round < 8; ++round) {
        BFS_CO_TRY(file f, co_await fs.open("/f", read_and_write));
        BFS_CO_CHECK(co_await f.truncate(0));
        task<status> making = write_at(fs, filled(100, 'o'), 0);
        BFS_CO_CHECK(co_await std::move(making));
        const std::uint64_t size = round % 2 == 0 ? 0 : 2 * record_size;
        runtime::task_scope work(context);
        work.spawn(append_to(fs, filled(record_size, 'a')));
        work.spawn(cut_after(servers.fs(1), w, w.between(0us, 300us), size));
        BFS_CO_CHECK(co_await work.join());
        BFS_CO_TRY(const attributes after, co_await f.stat());
        const bool later = after.size == size + record_size;
        behind += later ? 1 : 0;
        // Holes tell what was left behind the end.
        BFS_CO_CHECK(co_await f.truncate(8 * record_size));
        task<result<std::vector<std::byte>>> reading = content(fs);
        BFS_CO_TRY(const std::vector<std::byte> all, co_await std::move(reading));
        CHECK(count_of(all, 'a') == (later || size != 0 ? record_size : 0));
    }
    co_return ok();
}

cluster_plan plan_of(const char* engine, unsigned count) {
    cluster_plan plan;
    plan.servers = count;
    plan.clients = 2;
    plan.engine = engine;
    plan.chunk_size = cut_chunk_size;
    return plan;
}

} // namespace

TEST_CASE("a truncation cuts off all of a write or nothing") {
    for (const char* engine : {"uring", "memory"}) {
        const unsigned emptied = play_each(20, plan_of(engine, 1), cut_beside_write);
        CHECK(emptied > 10);
        CHECK(emptied < 150);
    }
}

TEST_CASE("an append beside a truncation is in the file once") {
    for (const char* engine : {"uring", "memory"}) {
        for (const unsigned count : {1U, 3U}) {
            const unsigned behind = play_each(20, plan_of(engine, count), cut_beside_append);
            CHECK(behind > 5);
            CHECK(behind < 155);
        }
    }
}

namespace {

/// The append reaches into a chunk of a server that does not answer. Meanwhile somebody writes behind it.
task<status> fail_beside_write(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& failed) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(1);
    BFS_CO_TRY(file f, co_await fs.open("/f", read_and_write));
    const server_id next = fs.server_of_chunk(f.id(), 1);
    if (next == f.id().home()) { co_return ok(); }
    task<status> making = write_at(fs, filled(cut_chunk_size / 2, 'o'), 0);
    BFS_CO_CHECK(co_await std::move(making));
    servers.net().stall(servers.server_host(static_cast<unsigned>(index(next))), 30s);
    status outcome;
    runtime::task_scope work(context, false);
    const auto appending = [](file_system& by, status& result) -> task<status> {
        task<status> one = append_to(by, filled(cut_chunk_size, 'a'));
        result = co_await std::move(one);
        co_return ok();
    };
    work.spawn(appending(servers.fs(0), outcome));
    co_await w.rest(w.between(1ms, 20ms));
    const unsigned offset = cut_chunk_size - 1024;
    task<status> writing = write_at(fs, filled(1024, 'w'), offset);
    const status wrote = co_await std::move(writing);
    (void)co_await work.join();
    failed += outcome ? 0 : 1;
    if (!wrote) { co_return ok(); }
    std::vector<std::byte> back(1024);
    BFS_CO_TRY(const std::size_t got, co_await f.read(back, offset));
    CHECK(got == back.size());
    CHECK(count_of(back, 'w') == 1024);
    co_return ok();
}

} // namespace

TEST_CASE("an append that fails takes back nothing that others have written") {
    for (const char* engine : {"uring", "memory"}) {
        CHECK(play_each(10, plan_of(engine, 3), fail_beside_write) > 3);
    }
}

namespace {

/// Reads beside what takes the bytes away: all of them, or none.
task<status> read_until(file_system& fs, world& w, const bool& over, unsigned& reads) {
    std::vector<std::byte> bytes(6 * cut_chunk_size);
    while (!over) {
        const result<file> opened = co_await fs.open("/f", open_flags::read);
        if (!opened) { continue; }
        file f = *opened;
        co_await w.rest(w.between(0us, 200us));
        const result<std::size_t> got = co_await f.read(bytes, 0);
        if (!got) { CHECK(name(got.error()) == "stale_handle"); }
        if (!got || *got == 0) { continue; }
        ++reads;
        CHECK((*got == bytes.size() || *got == written_size));
        const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(*got);
        CHECK(std::count(bytes.begin(), end, std::byte{'w'}) == end - bytes.begin());
    }
    co_return ok();
}

task<status> take_away_beside_reads(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& reads) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    bool over = false;
    runtime::task_scope work(context);
    work.spawn(read_until(servers.fs(1), w, over, reads));
    const std::vector<std::byte> bytes = filled(6 * cut_chunk_size, 'w');
    for (unsigned round = 0; round < 10; ++round) {
        BFS_CO_TRY(file f, co_await fs.open("/new", read_and_write));
        BFS_CO_TRY(const std::size_t wrote, co_await f.write(bytes, 0));
        CHECK(wrote == bytes.size());
        BFS_CO_CHECK(co_await fs.rename("/new", "/f")); // over the one of the round before
        co_await w.rest(w.between(0us, 500us));
        if (w.chance(50)) { BFS_CO_CHECK(co_await fs.truncate("/f", written_size)); }
        if (w.chance(30)) { BFS_CO_CHECK(co_await fs.unlink("/f")); }
    }
    over = true;
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a read beside a truncation, a removal or a replacement has the bytes or says so") {
    for (const char* engine : {"uring", "memory"}) {
        for (const unsigned count : {1U, 3U}) {
            CHECK(play_each(10, plan_of(engine, count), take_away_beside_reads) > 10);
        }
    }
}
