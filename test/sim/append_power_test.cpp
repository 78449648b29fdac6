// The home of a file has lost, with its power, that another server has chunks of it. Until that one has said so
// again, no append may leave the home: if it failed, nobody would know where to take it back.
#include "name_stories.hpp"

#include <algorithm>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned power_chunk = 16 * 1024;

task<status> left_behind(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& seen,
                         unsigned& wrong) {
    constexpr open_flags how = open_flags::read_write | open_flags::create;
    file_system& fs = servers.fs(0);
    std::string path;
    for (unsigned i = 0; path.empty(); ++i) {
        const std::string name = "/f" + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(name, how));
        const auto at = [&](unsigned c) { return index(fs.server_of_chunk(made.id(), c)); };
        if (made.id().home() == server_id{0} && at(1) == 1 && at(2) == 2 && at(3) == 0) { path = name; }
    }
    BFS_CO_CHECK(co_await fs.sync());
    BFS_CO_TRY(file one, co_await fs.open(path, how | open_flags::append));
    BFS_CO_TRY(file other, co_await servers.fs(1).open(path, how));
    const std::vector<std::byte> most(power_chunk - 1024, std::byte{'m'});
    BFS_CO_TRY(const std::size_t wrote, co_await other.write(most, power_chunk));
    CHECK(wrote == most.size());
    servers.crash(2, false, graves);
    servers.crash(0, true, graves);
    co_await w.rest(50ms);
    task<status> starting = servers.start(0);
    BFS_CO_CHECK(co_await std::move(starting));
    servers.net().part(servers.calling_host(1), servers.server_host(0), 25s);
    BFS_CO_TRY(const attributes after, co_await servers.fs(1).stat(path));
    if (after.size != 0) { co_return ok(); } // it was not lost
    ++seen;
    const result<std::size_t> again = co_await other.write(most, power_chunk);
    if (!again) { co_return ok(); }
    const std::vector<std::byte> bytes(4096, std::byte{'a'});
    const result<std::size_t> appended = co_await one.write(bytes, 0);
    CHECK(!appended);
    const std::vector<std::byte> last(100, std::byte{'z'});
    result<std::size_t> end = errc::try_again;
    for (int i = 0; i < 20 && !end; ++i) { end = co_await other.write(last, 3 * power_chunk); }
    CHECK(end);
    co_await w.rest(40s);
    task<status> second = servers.start(2);
    BFS_CO_CHECK(co_await std::move(second));
    co_await w.rest(5s);
    std::vector<std::byte> back(1024);
    BFS_CO_TRY(const std::size_t got, co_await other.read(back, 2 * power_chunk - 1024));
    CHECK(got == back.size());
    const auto strange = std::count(back.begin(), back.end(), std::byte{'a'});
    INFO("append " << name(appended.error()) << ", bytes of it that are seen: " << strange);
    CHECK(strange == 0);
    wrong += strange != 0 ? 1 : 0;
    co_return ok();
}

} // namespace

TEST_CASE("a failed append leaves nothing at a server that its file's home has forgotten with its power") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = power_chunk;
    unsigned seen = 0;
    const auto story = [&](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& wrong) {
        return left_behind(servers, w, graves, seen, wrong);
    };
    CHECK(play_each(40, plan, story) == 0);
    CHECK(seen > 3);
}
