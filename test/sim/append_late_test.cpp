// Appends that fail half-way, because the server of their place cannot be reached or has been forgotten: what
// they have sent may still arrive, or lie there already. It covers nothing that was written since, is not there
// twice, and is not seen where nothing was appended.
#include "append_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

/// The file's home cannot reach server 1 for a while, everybody else can: client 1 writes behind the place.
task<status> append_to_nowhere(sim_cluster& servers, world& w, duration away, runtime::task_scope& work,
                               late_append& it) {
    servers.net().part(servers.calling_host(0), servers.server_host(1), away);
    work.spawn(append_late(it.appended, std::byte{'a'}, it.outcome));
    co_await w.rest(100ms);
    co_return co_await write_late(it.written, std::byte{'b'}, late_piece, late_place + late_piece);
}

/// What was sent arrives after another write to the same place.
task<status> arrive_late(sim_cluster& servers, world& w, runtime::task_scope&) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_append>> preparing = prepare_append(servers);
    BFS_CO_TRY(late_append it, co_await std::move(preparing));
    runtime::task_scope work(context, false);
    task<status> appending = append_to_nowhere(servers, w, 9s, work, it);
    BFS_CO_CHECK(co_await std::move(appending));
    servers.net().part(servers.client_host(0), servers.server_host(0), 60s); // it does not come again
    co_await w.rest(6s);                                                     // the home has given it up
    BFS_CO_CHECK(co_await write_late(it.written, std::byte{'c'}, late_piece, late_place));
    co_await w.rest(9s);
    BFS_CO_CHECK(co_await work.join());
    BFS_CO_TRY(const std::string pieces, co_await late_pieces(it.written));
    INFO("append: " << name(it.outcome.error()));
    CHECK(pieces.substr(0, 3) == "wcb");
    CHECK(std::ranges::count(pieces, 'a') <= 1);
    co_return ok();
}

/// Its client asks again, and is given another place: what was sent to the first one can be seen as well, since
/// somebody has written behind it.
task<status> ask_again(sim_cluster& servers, world& w, runtime::task_scope&) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_append>> preparing = prepare_append(servers);
    BFS_CO_TRY(late_append it, co_await std::move(preparing));
    runtime::task_scope work(context, false);
    task<status> appending = append_to_nowhere(servers, w, 5s, work, it);
    BFS_CO_CHECK(co_await std::move(appending));
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(9s);
    BFS_CO_TRY(const std::string pieces, co_await late_pieces(it.written));
    INFO(pieces << " after an append: " << name(it.outcome.error()));
    CHECK(std::ranges::count(pieces, 'a') <= 1);
    if (it.outcome) { CHECK(std::ranges::count(pieces, 'a') == 1); }
    co_return ok();
}

/// The home has lost, with its power, that server 1 has chunks of the file, and server 1 cannot tell it. An
/// append of two parts fails, as server 2 is away; its first part is at server 1. Counts how often it was lost.
task<status> forget_who_has_chunks(sim_cluster& servers, world& w, runtime::task_scope& graves,
                                   unsigned& lost) {
    constexpr std::size_t part = 1024;
    task<result<std::string>> making = make_late_file(servers.fs(0), {1, 2, 0});
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_CHECK(co_await servers.fs(0).sync());
    BFS_CO_TRY(file appended, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_TRY(file written, co_await servers.fs(1).open(path, late_how));
    BFS_CO_CHECK(co_await write_late(written, std::byte{'m'}, late_chunk - part, late_chunk));
    servers.crash(2, false, graves);
    task<status> restarting = restart(servers, w, graves, 0, true);
    BFS_CO_CHECK(co_await std::move(restarting));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 25s);
    BFS_CO_TRY(const attributes after, co_await servers.fs(1).stat(path));
    if (after.size != 0) { co_return ok(); }
    ++lost;
    if (!co_await write_late(written, std::byte{'m'}, late_chunk - part, late_chunk)) { co_return ok(); }
    const status failed = co_await write_late(appended, std::byte{'a'}, late_piece, 0);
    CHECK(!failed);
    // The file goes on behind its place.
    status behind = errc::try_again;
    for (int i = 0; i < 20 && !behind; ++i) {
        behind = co_await write_late(written, std::byte{'z'}, 100, 3 * late_chunk);
    }
    CHECK(name(behind.error()) == "ok");
    co_await w.rest(40s);
    task<status> starting = servers.start(2);
    BFS_CO_CHECK(co_await std::move(starting));
    co_await w.rest(5s);
    std::vector<std::byte> back(part);
    BFS_CO_TRY(const std::size_t got, co_await written.read(back, 2 * late_chunk - part));
    CHECK(got == part);
    INFO("append: " << name(failed.error()));
    CHECK(std::ranges::count(back, std::byte{'a'}) == 0);
    co_return ok();
}

} // namespace

TEST_CASE("what a failed append has sent does not cover what was written after it") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) { play(seed, late_plan(2), arrive_late); }
}

TEST_CASE("an append that was made once is there once, also when somebody wrote behind its place") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) { play(seed, late_plan(2), ask_again); }
}

TEST_CASE("a failed append leaves nothing at a server that its file's home has forgotten with its power") {
    CHECK(play_each(40, late_plan(3), forget_who_has_chunks) > 3);
}
