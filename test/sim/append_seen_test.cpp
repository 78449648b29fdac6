// Appends that end beside something else: somebody makes the file longer over their place, removes it, cuts it,
// or the home goes away. What the client hears agrees with what can be seen, and nothing is left behind.
#include "append_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

task<status> truncate_to(file_system& fs, std::string path, std::uint64_t size, status& outcome) {
    outcome = co_await fs.truncate(path, size);
    co_return ok();
}
task<status> unlink_path(file_system& fs, std::string path, status& outcome) {
    outcome = co_await fs.unlink(path);
    co_return ok();
}
task<status> write_behind(file f, std::uint64_t at, status& outcome) {
    outcome = co_await write_late(f, std::byte{'b'}, late_piece, at);
    co_return ok();
}

/// What an append did that was asked for once, when all is quiet. `most`: pieces that it has.
task<status> judge_append(world& w, file f, status outcome, std::ptrdiff_t most, unsigned& seen) {
    co_await w.rest(20s);
    BFS_CO_TRY(const std::string pieces, co_await late_pieces(f));
    const auto there = std::ranges::count(pieces, 'a');
    INFO(pieces << " after an append: " << name(outcome.error()));
    CHECK(there <= most);
    if (outcome) { CHECK(there == most); }
    if (!outcome && outcome.error() != errc::outcome_unknown) { CHECK(there == 0); }
    seen += there != 0 ? 1 : 0;
    co_return ok();
}

/// While its bytes are on their way, its home loses sight of server 1 for so long.
task<status> part_in_append(sim_cluster& servers, world& w, runtime::task_scope& work, late_append& it,
                            duration away) {
    work.spawn(append_late(it.appended, std::byte{'a'}, it.outcome));
    co_await w.rest(w.between(50us, 1500us));
    servers.net().part(servers.calling_host(0), servers.server_host(1), away);
    co_return ok();
}

/// Its bytes are at server 1, somebody writes behind them, and then the home is killed: its client asks again.
task<status> kill_home_behind(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& seen) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_append>> preparing = prepare_append(servers);
    BFS_CO_TRY(late_append it, co_await std::move(preparing));
    runtime::task_scope work(context, false);
    task<status> beginning = part_in_append(servers, w, work, it, 5s);
    BFS_CO_CHECK(co_await std::move(beginning));
    BFS_CO_CHECK(co_await write_late(it.written, std::byte{'b'}, late_piece, late_place + late_piece));
    task<status> restarting = restart(servers, w, graves, 0);
    BFS_CO_CHECK(co_await std::move(restarting));
    BFS_CO_CHECK(co_await work.join());
    task<status> judging = judge_append(w, it.written, it.outcome, 1, seen);
    co_return co_await std::move(judging);
}

/// The same of one server alone: some of the bytes are in its log, and their size is not.
task<status> kill_alone_behind(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& seen) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_append>> preparing = prepare_append(servers, 0);
    BFS_CO_TRY(late_append it, co_await std::move(preparing));
    runtime::task_scope work(context, false);
    constexpr std::size_t pieces = 6;
    work.spawn(append_late(it.appended, std::byte{'a'}, it.outcome, pieces * late_piece));
    status behind = errc::busy;
    work.spawn(write_behind(it.written, 3 * late_chunk, behind));
    co_await w.rest(w.between(100us, 1000us));
    task<status> restarting = restart(servers, w, graves, 0);
    BFS_CO_CHECK(co_await std::move(restarting));
    BFS_CO_CHECK(co_await work.join());
    task<status> judging = judge_append(w, it.written, it.outcome, pieces, seen);
    co_return co_await std::move(judging);
}

/// An append fails; a truncation that waited for it makes the file longer, and is owed to a server that is
/// away; the home is asked to stop, and comes back.
task<status> stop_home_behind(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& seen) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<late_append>> preparing = prepare_append(servers);
    BFS_CO_TRY(late_append it, co_await std::move(preparing));
    runtime::task_scope work(context, false);
    task<status> beginning = part_in_append(servers, w, work, it, 11s);
    BFS_CO_CHECK(co_await std::move(beginning));
    status cut = errc::busy;
    work.spawn(truncate_to(servers.fs(1), it.path, late_chunk + 4 * late_piece, cut));
    // The home has given up the append, and owes the truncation; or not yet.
    co_await w.rest(w.chance(50) ? 9s : w.between(100ms, 9s));
    servers.leave(0, graves);
    status up = errc::busy;
    for (int i = 0; i < 200 && up.error() == errc::busy; ++i) {
        co_await w.rest(50ms);
        task<status> starting = servers.start(0);
        up = co_await std::move(starting);
    }
    CHECK(name(up.error()) == "ok");
    BFS_CO_CHECK(co_await work.join());
    INFO("truncation: " << name(cut.error()));
    task<status> judging = judge_append(w, it.written, it.outcome, 1, seen);
    co_return co_await std::move(judging);
}

/// A file goes away beside an append of two parts, the first of which is the first of all bytes of its home:
/// that makes its segment file meanwhile. The other one's server refuses it then.
task<status> unlink_beside(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& late) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<std::string>> making = make_late_file(servers.fs(0), {1});
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_TRY(file appended, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_CHECK(co_await servers.fs(1).truncate(path, late_chunk - late_piece));
    runtime::task_scope work(context, false);
    status outcome = errc::busy;
    status gone = errc::busy;
    work.spawn(append_late(appended, std::byte{'a'}, outcome, 2 * late_piece));
    co_await w.rest(w.between(0us, 700us));
    work.spawn(unlink_path(servers.fs(1), path, gone));
    BFS_CO_CHECK(co_await work.join());
    CHECK(gone);
    late += outcome ? 0 : 1;
    co_await w.rest(20s);
    BFS_CO_TRY(const file_system_usage left, co_await servers.fs(0).usage());
    CHECK(left.files == 0);
    CHECK(left.bytes_used == 0);
    co_return ok();
}

/// So many that they take all memory for appends wait for a server that is dead, to which a truncation of their
/// file is owed then.
task<status> wait_for_the_dead(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    constexpr std::size_t big = 4 * MiB;
    constexpr std::size_t bit = 100;
    runtime::call_context& context = co_await runtime::current_context();
    task<result<std::string>> making = make_late_file(servers.fs(0), {1});
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    task<result<std::string>> again = make_late_file(servers.fs(0), {1}, "/small");
    BFS_CO_TRY(const std::string other, co_await std::move(again));
    BFS_CO_TRY(file appended, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_TRY(file small, co_await servers.fs(1).open(other, late_how | open_flags::append));
    BFS_CO_TRY(file written, co_await servers.fs(1).open(path, late_how));
    BFS_CO_CHECK(co_await write_late(written, std::byte{'0'}, big, 0));
    BFS_CO_CHECK(co_await write_late(written, std::byte{'0'}, bit, big));
    servers.crash(1, false, graves);
    runtime::task_scope work(context, false);
    std::vector<status> outcomes(64, errc::busy);
    for (status& s : outcomes) { work.spawn(append_late(appended, std::byte{'a'}, s, big - bit)); }
    co_await w.rest(300ms);
    status cut = errc::busy;
    work.spawn(truncate_to(servers.fs(1), path, 10, cut));
    servers.net().part(servers.client_host(0), servers.server_host(0),
                       60s); // they do not come again all the time
    co_await w.rest(12s);
    const status during = co_await write_late(small, std::byte{'s'}, 1 * MiB, 0);
    INFO("truncation: " << name(cut.error()) << ", appends: " << name(outcomes[0].error()));
    CHECK(name(during.error()) == "ok");
    task<status> starting = servers.start(1);
    BFS_CO_CHECK(co_await std::move(starting));
    co_return co_await work.join();
}

} // namespace

TEST_CASE("an append is there once though its home is killed and somebody wrote behind its place") {
    CHECK(play_each(60, late_plan(2), kill_home_behind) > 3);
    CHECK(play_each(100, late_plan(1), kill_alone_behind) > 3);
}

TEST_CASE("an append whose home stops says no only if nothing of it can be seen") {
    CHECK(play_each(60, late_plan(2), stop_home_behind) > 0);
}

TEST_CASE("a file that is removed beside an append leaves nothing") {
    CHECK(play_each(60, late_plan(2), unlink_beside) > 3);
}

TEST_CASE("appends to a file that is cut while a server is dead keep nobody else from appending") {
    cluster_plan plan = late_plan(2);
    plan.chunk_size = 4 * MiB;
    play(1, plan, wait_for_the_dead);
}
