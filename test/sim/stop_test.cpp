// A server is asked to stop while writes wait for a truncation that another server has not confirmed.
#include "story.hpp"

#include "benchfs/runtime/sleep.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned writers = 6;

/// Until the server is gone; what it answers is of no interest.
task<status> keep_writing(file_system& fs, std::string path, bool appends, const bool& over) {
    const open_flags flags = appends ? open_flags::write | open_flags::append : open_flags::write;
    BFS_CO_TRY(file f, co_await fs.open(path, flags));
    const std::vector<std::byte> bytes(3000, std::byte{7});
    while (!over) { (void)co_await f.write(bytes, 0); }
    (void)co_await f.close();
    co_return ok();
}

task<status> cut(file_system& fs, std::string path) { co_return co_await fs.truncate(path, 100); }

/// A file of three chunks at server 0, of which server 1 has one.
task<result<std::string>> make_file(file_system& fs) {
    for (unsigned i = 0; i < 64; ++i) {
        std::string path = "/f" + std::to_string(i);
        BFS_CO_TRY(file f, co_await fs.open(path, open_flags::write | open_flags::create));
        BFS_CO_TRY(const attributes about, co_await f.stat());
        const std::vector<std::byte> bytes(40 * KiB, std::byte{1});
        BFS_CO_TRY(const std::size_t written, co_await f.write(bytes, 0));
        BFS_CO_CHECK(co_await f.close());
        if (written == bytes.size() && about.id.home() == server_id{0}) { co_return path; }
    }
    co_return errc::not_found;
}

task<status> stop_in_the_middle(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    runtime::call_context& context = co_await runtime::current_context();
    task<result<std::string>> making = make_file(servers.fs(0));
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    servers.crash(1, false, graves);
    bool over = false;
    runtime::task_scope work(context, false);
    for (unsigned i = 0; i < writers; ++i) { work.spawn(keep_writing(servers.fs(i), path, i % 2 != 0, over)); }
    co_await w.rest(20ms);
    work.spawn(cut(servers.fs(writers), path));
    co_await w.rest(30ms);
    over = true;
    // Returns, or the simulated world ends with a message about what waits for ever.
    servers.leave(0, graves);
    (void)co_await graves.join();
    work.request_stop();
    (void)co_await work.join();
    co_return ok();
}

} // namespace

TEST_CASE("a server stops though a truncation is still owed to another one") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = writers + 1;
    plan.engine = "uring";
    for (std::uint64_t seed = 1; seed <= 20; ++seed) { play(seed, plan, stop_in_the_middle); }
}
