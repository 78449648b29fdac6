// Appends that fail because the server of their place is away: what they have sent may arrive later, and
// somebody may have written behind that place meanwhile. It covers nothing that was written since, and is not
// there twice.
#include "name_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned late_chunk = 16 * 1024;
constexpr std::size_t late_piece = 4096;
constexpr open_flags late_how = open_flags::read_write | open_flags::create;

task<status> append_late(file f, std::byte what, status& outcome) {
    const std::vector<std::byte> bytes(late_piece, what);
    const result<std::size_t> done = co_await f.write(bytes, 0);
    outcome = done ? errc::ok : done.error();
    co_return ok();
}

/// One that lives at server 0 and has its first chunk, and no more; the second one's place is at server 1.
task<result<std::string>> file_of_two(file_system& fs) {
    for (unsigned i = 0;; ++i) {
        std::string path = "/f" + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(path, late_how));
        if (made.id().home() != server_id{0} || fs.server_of_chunk(made.id(), 1) != server_id{1}) { continue; }
        const std::vector<std::byte> first(late_chunk, std::byte{'0'});
        BFS_CO_TRY(const std::size_t wrote, co_await made.write(first, 0));
        CHECK(wrote == first.size());
        co_return path;
    }
}

/// The home (server 0) cannot reach server 1 for a while, everybody else can.
task<status> late_bytes(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& wrong) {
    runtime::call_context& context = co_await runtime::current_context();
    BFS_CO_TRY(const std::string path, co_await file_of_two(servers.fs(0)));
    BFS_CO_TRY(file one, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_TRY(file other, co_await servers.fs(1).open(path, late_how));
    // so that home and server 1 are connected, and server 1 has joined the file
    status warm;
    task<status> warming = append_late(one, std::byte{'w'}, warm);
    BFS_CO_CHECK(co_await std::move(warming));
    CHECK(warm);
    status a = errc::busy;
    const std::uint64_t place = late_chunk + late_piece;
    servers.net().part(servers.calling_host(0), servers.server_host(1), 9s);
    runtime::task_scope work(context, false);
    work.spawn(append_late(one, std::byte{'a'}, a));
    co_await w.rest(100ms);
    const std::vector<std::byte> behind(late_piece, std::byte{'b'});
    BFS_CO_TRY(const std::size_t wrote_b, co_await other.write(behind, place + late_piece));
    CHECK(wrote_b == late_piece);
    // The appending client is gone, or hears nothing: it does not come again.
    servers.net().part(servers.client_host(0), servers.server_host(0), 60s);
    co_await w.rest(6s); // the home has given the append up, and its note away
    // Written after that, where it was, and acknowledged.
    const std::vector<std::byte> later(late_piece, std::byte{'c'});
    const result<std::size_t> wrote_c = co_await other.write(later, place);
    CHECK(wrote_c);
    BFS_CO_TRY(const attributes mid, co_await other.stat());
    co_await w.rest(9s);
    BFS_CO_CHECK(co_await work.join());
    std::vector<std::byte> back(late_chunk + 8 * late_piece);
    BFS_CO_TRY(const std::size_t got, co_await other.read(back, 0));
    std::string pieces;
    for (std::size_t at = late_chunk; at + late_piece <= got; at += late_piece) {
        pieces += static_cast<char>(back[at] == std::byte{0} ? std::byte{'-'} : back[at]);
    }
    BFS_CO_TRY(const attributes last, co_await other.stat());
    INFO("size " << mid.size << " then " << last.size);
    INFO(pieces << " append at last " << name(a.error()));
    CHECK(pieces.substr(0, 3) == "wcb");
    CHECK(std::ranges::count(pieces, 'a') <= 1);
    wrong += pieces.substr(0, 3) == "wcb" ? 0 : 1;
    co_return ok();
}

/// The same place, seen twice: its client asks again and is told of another one.
task<status> seen_twice(sim_cluster& servers, world& w, runtime::task_scope&, unsigned& wrong) {
    runtime::call_context& context = co_await runtime::current_context();
    BFS_CO_TRY(const std::string path, co_await file_of_two(servers.fs(0)));
    BFS_CO_TRY(file one, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_TRY(file other, co_await servers.fs(1).open(path, late_how));
    status warm;
    task<status> warming = append_late(one, std::byte{'w'}, warm);
    BFS_CO_CHECK(co_await std::move(warming));
    status a = errc::busy;
    const std::uint64_t place = late_chunk + late_piece;
    servers.net().part(servers.calling_host(0), servers.server_host(1), 5s);
    runtime::task_scope work(context, false);
    work.spawn(append_late(one, std::byte{'a'}, a));
    co_await w.rest(100ms);
    const std::vector<std::byte> behind(late_piece, std::byte{'b'});
    BFS_CO_TRY(const std::size_t wrote_b, co_await other.write(behind, place + late_piece));
    CHECK(wrote_b == late_piece);
    BFS_CO_CHECK(co_await work.join());
    co_await w.rest(9s);
    std::vector<std::byte> back(late_chunk + 8 * late_piece);
    BFS_CO_TRY(const std::size_t got, co_await other.read(back, 0));
    std::string pieces;
    for (std::size_t at = late_chunk; at + late_piece <= got; at += late_piece) {
        pieces += static_cast<char>(back[at] == std::byte{0} ? std::byte{'-'} : back[at]);
    }
    INFO(pieces << " append at last " << name(a.error()));
    CHECK(std::ranges::count(pieces, 'a') <= 1);
    wrong += std::ranges::count(pieces, 'a') > 1 ? 1 : 0;
    co_return ok();
}

} // namespace

TEST_CASE("what a failed append has sent does not cover what was written after it") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = late_chunk;
    CHECK(play_each(40, plan, late_bytes) == 0);
}

TEST_CASE("an append that was made once is there once, also when somebody wrote behind its place") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = late_chunk;
    CHECK(play_each(40, plan, seen_twice) == 0);
}
