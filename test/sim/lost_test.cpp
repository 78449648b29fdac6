// A server comes back with an empty store. What it had of other servers' files is lost, and said to be: it does
// not read as a hole.
#include "story.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned lost_chunk_size = 16 * 1024;
constexpr unsigned lost_chunks_in_file = 6;

/// A file of server 0 with chunks on both servers.
task<result<file>> make_wide_file(file_system& fs, std::string stem, bool sparse) {
    for (unsigned i = 0; i < 64; ++i) {
        BFS_CO_TRY(file f,
                   co_await fs.open(stem + std::to_string(i), open_flags::read_write | open_flags::create));
        if (f.id().home() != server_id{0}) { continue; }
        const std::vector<std::byte> sevens(lost_chunks_in_file * lost_chunk_size, std::byte{7});
        if (sparse) {
            BFS_CO_CHECK(co_await f.truncate(sevens.size()));
            co_return f;
        }
        BFS_CO_TRY(const std::size_t wrote, co_await f.write(sevens, 0));
        if (wrote == sevens.size()) { co_return f; }
    }
    co_return errc::not_found;
}

/// Files of both servers that nobody writes: what they read as.
task<result<std::vector<std::byte>>> read_new_files(file_system& fs) {
    std::vector<std::byte> all;
    for (unsigned i = 0; i < 16; ++i) {
        BFS_CO_TRY(file f,
                   co_await fs.open("/new" + std::to_string(i), open_flags::read_write | open_flags::create));
        std::vector<std::byte> bytes(lost_chunks_in_file * lost_chunk_size);
        BFS_CO_CHECK(co_await f.truncate(bytes.size()));
        BFS_CO_TRY(const std::size_t got, co_await f.read(bytes, 0));
        all.insert(all.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(got));
    }
    co_return all;
}

/// Several files of each server, with chunks on both.
task<status> fill_files(file_system& fs) {
    const std::vector<std::byte> nines(lost_chunks_in_file * lost_chunk_size, std::byte{9});
    for (unsigned i = 0; i < 16; ++i) {
        BFS_CO_TRY(file f,
                   co_await fs.open("/old" + std::to_string(i), open_flags::write | open_flags::create));
        BFS_CO_TRY(const std::size_t wrote, co_await f.write(nines, 0));
        if (wrote != nines.size()) { co_return errc::io_error; }
    }
    co_return ok();
}

task<status> come_back_empty(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    task<result<file>> making = make_wide_file(fs, "/wide", false);
    BFS_CO_TRY(file wide, co_await std::move(making));
    task<result<file>> making_sparse = make_wide_file(fs, "/sparse", true);
    BFS_CO_TRY(file sparse, co_await std::move(making_sparse));
    task<status> filling = fill_files(fs);
    BFS_CO_CHECK(co_await std::move(filling));
    servers.crash(1, false, graves);
    servers.disk(1).files.clear();
    co_await w.rest(50ms);
    task<status> again = servers.start_at_last(1, 60, false);
    BFS_CO_CHECK(co_await std::move(again));
    std::vector<std::byte> back(lost_chunks_in_file * lost_chunk_size);
    unsigned lost = 0;
    for (unsigned c = 0; c < lost_chunks_in_file; ++c) {
        const byte_span part = byte_span(back).subspan(std::size_t{c} * lost_chunk_size, lost_chunk_size);
        const result<std::size_t> got = co_await wide.read(part, std::uint64_t{c} * lost_chunk_size);
        const bool here = fs.server_of_chunk(wide.id(), c) == server_id{0};
        CHECK(got.error() == (here ? errc::ok : errc::io_error));
        lost += here ? 0 : 1;
    }
    CHECK(lost != 0);
    const result<std::size_t> all = co_await wide.read(back, 0);
    CHECK(all.error() == errc::io_error);
    // Nor does what it makes now have the chunks that server 0 keeps of its earlier files.
    task<result<std::vector<std::byte>>> reading_new = read_new_files(fs);
    BFS_CO_TRY(const std::vector<std::byte> made_again, co_await std::move(reading_new));
    CHECK((made_again == std::vector<std::byte>(made_again.size())));
    // Holes are holes still, also in files that are made now, and what is written again can be read.
    const result<std::size_t> zeros = co_await sparse.read(back, 0);
    CHECK((zeros && *zeros == back.size() && back == std::vector<std::byte>(back.size())));
    task<result<file>> making_other = make_wide_file(fs, "/other", true);
    BFS_CO_TRY(file other, co_await std::move(making_other));
    const result<std::size_t> other_zeros = co_await other.read(back, 0);
    CHECK((other_zeros && *other_zeros == back.size()));
    const std::vector<std::byte> eights(back.size(), std::byte{8});
    BFS_CO_TRY(const std::size_t wrote, co_await wide.write(eights, 0));
    const result<std::size_t> rewritten = co_await wide.read(back, 0);
    CHECK((wrote == back.size() && rewritten && back == eights));
    // Cut to nothing it may have holes again.
    BFS_CO_CHECK(co_await wide.truncate(0));
    BFS_CO_CHECK(co_await wide.truncate(back.size()));
    const result<std::size_t> empty = co_await wide.read(back, 0);
    CHECK((empty && back == std::vector<std::byte>(back.size())));
    co_return ok();
}

} // namespace

TEST_CASE("chunks of a server that comes back empty are lost, not holes") {
    for (const char* engine : {"memory", "uring"}) {
        cluster_plan plan;
        plan.servers = 2;
        plan.clients = 1;
        plan.engine = engine;
        plan.chunk_size = lost_chunk_size;
        for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, plan, come_back_empty); }
    }
}

namespace {

/// Directories of the other servers are usable again, and none of them goes with what is in it.
task<status> forget_all_directories(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    file_system& fs = servers.fs(0);
    std::vector<std::string> elsewhere;
    for (unsigned i = 0; i < 12; ++i) {
        const std::string path = "/d" + std::to_string(i);
        BFS_CO_CHECK(co_await fs.mkdir(path));
        BFS_CO_TRY(const attributes d, co_await fs.stat(path));
        // Its name is where it lives.
        if (d.id.home() == server_id{0}) { continue; }
        BFS_CO_TRY(file f, co_await fs.open(path + "/f", open_flags::write | open_flags::create));
        BFS_CO_CHECK(co_await f.close());
        if (f.id().home() != server_id{0}) { elsewhere.push_back(path); }
    }
    CHECK(elsewhere.size() > 1);
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    task<status> again = servers.start_at_last(0, 40, false);
    BFS_CO_CHECK(co_await std::move(again));
    for (const std::string& path : elsewhere) {
        const status removed = co_await fs.rmdir(path);
        CHECK(name(removed.error()) == "not_empty");
        const auto listed = co_await fs.readdir(path);
        CHECK((listed && listed->size() == 1));
        BFS_CO_CHECK(co_await fs.unlink(path + "/f"));
        BFS_CO_CHECK(co_await fs.rmdir(path));
    }
    co_return ok();
}

} // namespace

TEST_CASE("directories that server 0 has lost with all it had come back from where they live") {
    for (const char* engine : {"memory", "uring"}) {
        cluster_plan plan;
        plan.servers = 3;
        plan.clients = 1;
        plan.engine = engine;
        for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, plan, forget_all_directories); }
    }
}

namespace {

/// Server 1 is started twice, empty each time. What the first of these starts had to say may come after what the
/// second one said, and after what was written since.
task<status> begin_empty_twice(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& twice) {
    file_system& fs = servers.fs(0);
    task<result<file>> making = make_wide_file(fs, "/wide", false);
    BFS_CO_CHECK(co_await std::move(making));
    servers.crash(1, false, graves);
    co_await w.rest(5ms);
    servers.net().slow(servers.server_host(0), 400, 400ms);
    task<status> first = servers.start(1);
    BFS_CO_CHECK(co_await std::move(first));
    co_await w.rest(w.between(20ms, 300ms));
    servers.crash(1, false, graves);
    servers.net().slow(servers.server_host(0), 1, 1ms);
    task<status> second = servers.start(1);
    BFS_CO_CHECK(co_await std::move(second));
    const auto met = co_await fs.usage();
    BFS_CO_CHECK(status(met.error()));
    task<result<file>> making_sparse = make_wide_file(fs, "/sparse", true);
    BFS_CO_TRY(file sparse, co_await std::move(making_sparse));
    const std::vector<std::byte> eights(lost_chunk_size, std::byte{8});
    for (unsigned c = 0; c < lost_chunks_in_file; ++c) { // one chunk on server 1, and holes
        if (fs.server_of_chunk(sparse.id(), c) != server_id{1}) { continue; }
        BFS_CO_TRY(const std::size_t wrote, co_await sparse.write(eights, std::uint64_t{c} * lost_chunk_size));
        CHECK(wrote == eights.size());
        break;
    }
    ++twice;
    co_await w.rest(3s);
    std::vector<std::byte> back(lost_chunks_in_file * lost_chunk_size);
    const result<std::size_t> got = co_await sparse.read(back, 0);
    CHECK(name(got.error()) == "ok");
    co_return ok();
}

} // namespace

TEST_CASE("files that are made after a server began empty have no lost chunks, whatever is said late") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 1;
    plan.engine = "memory";
    plan.chunk_size = lost_chunk_size;
    CHECK(play_each(400, plan, begin_empty_twice) > 200);
}
