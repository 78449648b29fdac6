// Several clients append to one file while servers die and come back and connections break: what was
// acknowledged is there once, whole and in the order of its client; what may have happened is there once or not
// at all.
#include "repetitions.hpp"
#include "story.hpp"

#include <algorithm>
#include <map>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned appenders = 3;
constexpr unsigned records_each = 25;
constexpr std::uint32_t largest_record = 12'000; // in chunks of 16 KiB

struct record_head {
    std::uint32_t client = 0;
    std::uint32_t number = 0;
    std::uint32_t size = 0; // with this head
    std::uint32_t check = 0;
};
std::uint32_t check_of(const record_head& h) { return h.client * 1'000'003 + h.number * 977 + h.size; }
std::byte filler(const record_head& h, std::size_t i) { return static_cast<std::byte>(h.check + i * 7); }

struct append_log {
    std::map<std::pair<std::uint32_t, std::uint32_t>, bool> tried; // acknowledged?
    unsigned writing = appenders;
};

task<status> append_records(sim_cluster& servers, world& w, append_log& log, unsigned client) {
    result<file> opened = errc::peer_down;
    while (!opened) { // the trouble has begun
        task<result<file>> opening = servers.fs(client).open("/log", open_flags::append | open_flags::create);
        opened = co_await std::move(opening);
    }
    file f = *opened;
    for (std::uint32_t number = 0; number < records_each; ++number) {
        record_head h{client, number, 0, 0};
        h.size = static_cast<std::uint32_t>(sizeof(h) + w.random().below(w.chance(70) ? 500 : largest_record));
        h.check = check_of(h);
        std::vector<std::byte> bytes(h.size);
        std::memcpy(bytes.data(), &h, sizeof(h));
        for (std::size_t i = sizeof(h); i < bytes.size(); ++i) { bytes[i] = filler(h, i); }
        bool& acknowledged = log.tried[{client, number}];
        const result<std::size_t> done = co_await f.write(bytes, 0);
        acknowledged = done && *done == bytes.size();
        co_await w.rest(w.between(0us, 3ms));
    }
    --log.writing;
    co_return ok();
}

task<status> trouble(sim_cluster& servers, world& w, append_log& log, runtime::task_scope& graves,
                     unsigned& deaths) {
    while (log.writing != 0) {
        co_await w.rest(w.between(1ms, 30ms));
        const auto one = static_cast<unsigned>(w.random().below(servers.settings().servers));
        const auto client = static_cast<unsigned>(w.random().below(appenders));
        const std::uint64_t kind = w.random().below(4);
        if (kind == 0) { servers.net().part(servers.client_host(client), servers.server_host(one), 50ms); }
        if (kind == 1) { servers.net().stall(servers.server_host(one), 40ms); }
        if (kind == 2 && servers.server_host(one).links() != 0) { servers.server_host(one).link_at(0).cut(); }
        if (kind != 3 || !servers.up(one)) { continue; }
        ++deaths;
        servers.crash(one, false, graves);
        co_await w.rest(w.between(1ms, 200ms));
        task<status> starting = servers.start(one);
        BFS_CO_CHECK(co_await std::move(starting));
    }
    co_return ok();
}

void check_log(const std::vector<std::byte>& bytes, const append_log& log) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, unsigned> seen;
    std::map<std::uint32_t, std::uint32_t> next;
    for (std::size_t at = 0; at < bytes.size();) {
        record_head h;
        REQUIRE(bytes.size() - at >= sizeof(h));
        std::memcpy(&h, bytes.data() + at, sizeof(h));
        REQUIRE(h.check == check_of(h));
        REQUIRE(h.size <= bytes.size() - at);
        bool whole = true;
        for (std::size_t i = sizeof(h); i < h.size; ++i) { whole = whole && bytes[at + i] == filler(h, i); }
        CHECK(whole);
        ++seen[{h.client, h.number}];
        CHECK(h.number >= next[h.client]);
        next[h.client] = h.number + 1;
        at += h.size;
    }
    for (const auto& [which, acknowledged] : log.tried) {
        const unsigned count = seen[which];
        CHECK(count <= 1);
        if (acknowledged) { CHECK(count == 1); }
    }
}

task<status> append_in_trouble(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& deaths) {
    runtime::call_context& context = co_await runtime::current_context();
    append_log log;
    BFS_CO_TRY(file f, co_await servers.fs(0).open("/log", open_flags::read_write | open_flags::create));
    {
        runtime::task_scope work(context);
        for (unsigned c = 0; c < appenders; ++c) { work.spawn(append_records(servers, w, log, c)); }
        work.spawn(trouble(servers, w, log, graves, deaths));
        BFS_CO_CHECK(co_await work.join());
    }
    co_await w.rest(10s); // whatever was held back has arrived
    std::vector<std::byte> bytes(appenders * records_each * (largest_record + sizeof(record_head)));
    BFS_CO_TRY(const std::size_t got, co_await f.read(bytes, 0));
    bytes.resize(got);
    check_log(bytes, log);
    co_return ok();
}

constexpr std::size_t piece = 8 * 1024;
constexpr unsigned fenced_chunk = 16 * 1024;

task<status> append_piece(file f, std::byte what, status& outcome) {
    const std::vector<std::byte> bytes(piece, what);
    const result<std::size_t> done = co_await f.write(bytes, 0);
    outcome = done ? errc::ok : done.error();
    co_return ok();
}

/// Server 1 has not yet stored an append's bytes when their sender, the file's home, dies; the next home gives
/// their place to another append.
task<status> append_after_death(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    constexpr open_flags how = open_flags::read_write | open_flags::append | open_flags::create;
    std::string path;
    for (unsigned i = 0; path.empty(); ++i) {
        BFS_CO_TRY(file made, co_await servers.fs(0).open("/f" + std::to_string(i), how));
        const bool fits =
            made.id().home() == server_id{0} && servers.fs(0).server_of_chunk(made.id(), 1) == server_id{1};
        if (!fits) { continue; }
        path = "/f" + std::to_string(i);
        const std::vector<std::byte> first(fenced_chunk, std::byte{'0'});
        BFS_CO_TRY(const std::size_t wrote, co_await made.write(first, 0));
        CHECK(wrote == first.size());
    }
    BFS_CO_TRY(file one, co_await servers.fs(0).open(path, how));
    BFS_CO_TRY(file other, co_await servers.fs(1).open(path, how));
    status a = errc::busy;
    status b = errc::busy;
    servers.net().part(servers.calling_host(1), servers.server_host(0), 500ms); // it asks about the file first
    runtime::task_scope work(context);
    work.spawn(append_piece(one, std::byte{'a'}, a));
    co_await w.rest(w.between(1ms, 5ms));
    servers.crash(0, false, graves);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    work.spawn(append_piece(other, std::byte{'b'}, b));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(1s);
    std::vector<std::byte> back(fenced_chunk + 3 * piece);
    BFS_CO_TRY(const std::size_t got, co_await other.read(back, 0));
    std::string pieces;
    for (std::size_t at = fenced_chunk; at + piece <= got; at += piece) {
        const auto from = back.begin() + static_cast<std::ptrdiff_t>(at);
        CHECK(std::count(from, from + piece, *from) == piece);
        pieces += static_cast<char>(*from);
    }
    INFO(pieces << " after " << name(a.error()) << " and " << name(b.error()));
    CHECK(got == fenced_chunk + pieces.size() * piece);
    CHECK(std::ranges::count(pieces, 'a') <= (a || a.error() == errc::outcome_unknown ? 1 : 0));
    CHECK(std::ranges::count(pieces, 'b') <= (b || b.error() == errc::outcome_unknown ? 1 : 0));
    if (a) { CHECK(std::ranges::count(pieces, 'a') == 1); }
    if (b) { CHECK(std::ranges::count(pieces, 'b') == 1); }
    co_return ok();
}

} // namespace

TEST_CASE("what a killed server sent for an append does not cover what its successor appends") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = fenced_chunk;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) { play(seed, plan, append_after_death); }
}

TEST_CASE("what several clients append is in the file once, whole and in order, whoever dies meanwhile") {
    for (const unsigned count : {1U, 3U}) {
        cluster_plan plan;
        plan.servers = count;
        plan.clients = appenders;
        plan.engine = "uring";
        plan.chunk_size = 16 * 1024;
        CHECK(play_each(benchfs::test::repeated(20, 3), plan, append_in_trouble) > 3);
    }
}
