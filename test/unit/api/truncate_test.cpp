// Truncations on a server whose memory is full.
#include "loopback_cluster.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>

using namespace benchfs;
using runtime::task;

namespace {

constexpr std::size_t chunk = test::loopback_cluster::chunk_size;

task<status> cut(file_system& fs, bool& over, status& outcome) {
    outcome = co_await fs.truncate("/a", 100);
    over = true;
    co_return ok();
}

/// Somebody reads where a truncation ends, and there is no room for a copy of what is left there.
task<status> cut_beside_reader(test::loopback_cluster& c) {
    file_system& fs = c.fs();
    const std::vector<std::byte> bytes(2 * chunk, std::byte{7});
    BFS_CO_TRY(file a, co_await fs.open("/a", open_flags::read_write | open_flags::create));
    BFS_CO_TRY(const std::size_t written, co_await a.write(bytes, 0));
    CHECK(written == bytes.size());
    BFS_CO_TRY(file rest, co_await fs.open("/rest", open_flags::write | open_flags::create));
    result<std::size_t> more = std::size_t{0};
    for (std::uint64_t at = 0; more; at += bytes.size()) { more = co_await rest.write(bytes, at); }
    CHECK(more.error() == errc::no_space);

    storage::chunk_store& store = c.home_of(a.id()).store();
    storage::read_slot reader;
    reader.chunk = {a.id(), 0};
    reader.size = chunk;
    BFS_CO_CHECK(store.read_now(reader));
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope work(context);
    bool over = false;
    status outcome = errc::ok;
    work.spawn(cut(fs, over, outcome));
    BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(20)));
    CHECK_FALSE(over);
    store.release(reader);
    BFS_CO_CHECK(co_await work.join());
    CHECK(outcome);

    BFS_CO_CHECK(co_await fs.truncate("/a", bytes.size()));
    std::vector<std::byte> back(bytes.size(), std::byte{1});
    BFS_CO_TRY(const std::size_t got, co_await a.read(back, 0));
    CHECK(got == back.size());
    CHECK(std::count(back.begin(), back.end(), std::byte{7}) == 100);
    CHECK(std::count(back.begin() + 100, back.end(), std::byte{0}) ==
          static_cast<std::ptrdiff_t>(back.size()) - 100);
    co_return ok();
}

} // namespace

TEST_CASE("a truncation on a full server waits for who reads there, and what it cut off does not come back") {
    test::loopback_cluster c(1);
    const status done = c.run(cut_beside_reader(c));
    CHECK(name(done.error()) == "ok");
}
