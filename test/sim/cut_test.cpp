// A truncation of which a server with chunks of the file has not heard yet. Who reads or writes meanwhile waits
// for it, and is told in the end that it takes too long: nobody is told that servers are away who are there, or
// is sent away without having waited.
#include "name_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned left_in_chunk = 5000;
constexpr open_flags read_write_new = open_flags::read_write | open_flags::create;

/// A file with chunks of all servers, full of sevens, and the first chunk that lies at another server than its
/// home does.
struct wide_file {
    file f;
    unsigned home = 0;
    unsigned away = 0;
    unsigned chunk = 0;

    [[nodiscard]] std::uint64_t begin() const { return std::uint64_t{chunk} * f.chunk_size(); }
};

unsigned server_number(server_id id) { return static_cast<unsigned>(index(id)); }

task<result<wide_file>> make_cut_file(file_system& fs) {
    BFS_CO_TRY(const file made, co_await fs.open("/file", read_write_new));
    wide_file one{made};
    one.home = server_number(one.f.id().home());
    while (fs.server_of_chunk(one.f.id(), one.chunk) == one.f.id().home()) { ++one.chunk; }
    one.away = server_number(fs.server_of_chunk(one.f.id(), one.chunk));
    const std::vector<std::byte> sevens(one.begin() + one.f.chunk_size(), std::byte{7});
    BFS_CO_TRY(const std::size_t wrote, co_await one.f.write(sevens, 0));
    CHECK(wrote == sevens.size());
    co_return one;
}

task<status> cut_in_background(file f, std::uint64_t size) {
    (void)co_await f.truncate(size); // it may take longer than its client waits
    co_return ok();
}

/// Reads more than there is.
task<errc> read_cut_chunk(wide_file one) {
    std::vector<std::byte> got(one.f.chunk_size());
    const result<std::size_t> read = co_await one.f.read(got, one.begin());
    if (!read) { co_return read.error(); }
    CHECK(*read == left_in_chunk);
    CHECK(std::count(got.begin(), got.begin() + left_in_chunk, std::byte{7}) == left_in_chunk);
    co_return errc::ok;
}

/// The home and the server of the chunk meet again, after less time than a read may take or after more.
task<status> read_meanwhile(sim_cluster& servers, world& w, runtime::task_scope&, bool soon) {
    runtime::call_context& context = co_await runtime::current_context();
    BFS_CO_TRY(const wide_file one, co_await make_cut_file(servers.fs(0)));
    servers.net().part(servers.calling_host(one.home), servers.server_host(one.away), soon ? 3s : 60s);
    runtime::task_scope work(context, false);
    work.spawn(cut_in_background(one.f, one.begin() + left_in_chunk));
    co_await w.rest(50ms);
    const errc meanwhile = co_await read_cut_chunk(one);
    if (soon || meanwhile != errc::try_again) { CHECK(name(meanwhile) == (soon ? "ok" : "timed_out")); }
    co_await w.rest(70s);
    const errc after = co_await read_cut_chunk(one);
    CHECK(name(after) == "ok");
    co_return co_await work.join();
}

/// The chunk's server is down when the file is cut, and hears of it some time after it is up again.
task<status> read_after_restart(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    BFS_CO_TRY(const wide_file one, co_await make_cut_file(servers.fs(0)));
    servers.crash(one.away, false, graves);
    runtime::task_scope work(context, false);
    work.spawn(cut_in_background(one.f, one.begin() + left_in_chunk));
    co_await w.rest(w.between(100ms, 15s));
    task<status> again = servers.start(one.away);
    BFS_CO_CHECK(co_await std::move(again));
    const errc read = co_await read_cut_chunk(one);
    CHECK(name(read) == "ok");
    co_return co_await work.join();
}

cluster_plan cut_plan() {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    return plan;
}

} // namespace

TEST_CASE("a read behind a truncation that a server has not heard of waits for it") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        for (const bool soon : {true, false}) {
            play(seed, cut_plan(), [soon](sim_cluster& servers, world& w, runtime::task_scope& graves) {
                return read_meanwhile(servers, w, graves, soon);
            });
        }
    }
}

TEST_CASE("a read of a server that was killed before it heard of a truncation waits for that") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) { play(seed, cut_plan(), read_after_restart); }
}

namespace {

/// Server `third` has none of the file yet: it asks the home, which lets nobody begin before the truncation has
/// reached everybody.
task<status> write_meanwhile(sim_cluster& servers, world& w, runtime::task_scope&) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    BFS_CO_TRY(const wide_file one, co_await make_cut_file(fs));
    const unsigned third = 3 - one.home - one.away;
    unsigned chunk = 0;
    while (server_number(fs.server_of_chunk(one.f.id(), chunk)) != third || chunk < one.chunk) { ++chunk; }
    servers.net().part(servers.calling_host(one.home), servers.server_host(one.away), 60s);
    runtime::task_scope work(context, false);
    work.spawn(cut_in_background(one.f, one.begin() + left_in_chunk));
    co_await w.rest(50ms);
    file f = one.f;
    const std::vector<std::byte> nines(1000, std::byte{9});
    const time_point began = w.loop().now();
    const result<std::size_t> early = co_await f.write(nines, std::uint64_t{chunk} * f.chunk_size());
    INFO(name(early.error()));
    // Or the last of its attempts is still under way.
    const bool too_long = early.error() == errc::try_again || early.error() == errc::timed_out;
    CHECK((too_long || early.error() == errc::outcome_unknown));
    CHECK(w.loop().now() - began > 5s);
    co_await w.rest(70s);
    const result<std::size_t> late = co_await f.write(nines, std::uint64_t{chunk} * f.chunk_size());
    CHECK(name(late.error()) == "ok");
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a write beside a truncation that does not end is told that it takes too long") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { play(seed, cut_plan(), write_meanwhile); }
}
