// A client that is warmed up: its calls allocate nothing. (Under a sanitizer each coroutine frame comes from
// the heap, so that its end is noticed; then only the answers are checked.)
#include "allocations.hpp"
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdint>

namespace benchfs::test {
namespace {

constexpr int warm_up = 2000;
constexpr int batches = 8;
constexpr int rounds = 100;
constexpr std::size_t bytes = 4096;

/// What one kind of call allocates when it is repeated, in the best of the batches: the first time that a peer
/// on a crowded machine fell asleep, its doorbell takes a record that the pool does not have yet.
struct measured {
    status outcome = ok();
    std::uint64_t allocated = UINT64_MAX;
};

task<status> one_write(file* f, std::vector<std::byte>* data) {
    BFS_CO_TRY(const std::size_t done, co_await f->write(*data, 0));
    co_return done == bytes ? errc::ok : errc::io_error;
}

task<status> one_read(file* f, std::vector<std::byte>* data) {
    BFS_CO_TRY(const std::size_t done, co_await f->read(*data, 0));
    co_return done == bytes ? errc::ok : errc::io_error;
}

task<status> one_stat(file* f, std::vector<std::byte>*) {
    BFS_CO_TRY(const attributes about, co_await f->stat());
    co_return about.size == bytes ? errc::ok : errc::io_error;
}

task<measured> repeat(task<status> (*one)(file*, std::vector<std::byte>*), file* f,
                      std::vector<std::byte>* data) {
    measured m;
    for (int i = 0; i < warm_up && m.outcome; ++i) { m.outcome = co_await one(f, data); }
    for (int batch = 0; batch < batches; ++batch) {
        const std::uint64_t before = allocations();
        for (int i = 0; i < rounds && m.outcome; ++i) { m.outcome = co_await one(f, data); }
        m.allocated = std::min(m.allocated, allocations() - before);
    }
    co_return m;
}

task<status> all_kinds(file_system& fs) {
    const open_flags flags = open_flags::read_write | open_flags::create;
    BFS_CO_TRY(file f, co_await fs.open("/warm", flags));
    std::vector<std::byte> data = pattern(bytes, 7);
    const measured writes = co_await repeat(one_write, &f, &data);
    CHECK(outcome(writes.outcome) == "ok");
    CHECK((writes.allocated == 0 || sanitized));
    const measured reads = co_await repeat(one_read, &f, &data);
    CHECK(outcome(reads.outcome) == "ok");
    CHECK((reads.allocated == 0 || sanitized));
    CHECK(data == pattern(bytes, 7));
    const measured stats = co_await repeat(one_stat, &f, &data);
    CHECK(outcome(stats.outcome) == "ok");
    CHECK((stats.allocated == 0 || sanitized));
    // The library's allocations are seen at all:
    const std::uint64_t before = allocations();
    BFS_CO_TRY(const std::vector<directory_entry> entries, co_await fs.readdir("/"));
    CHECK(entries.size() == 1);
    CHECK(allocations() > before);
    co_return ok();
}

} // namespace

TEST_CASE("a warm client allocates nothing for a write, a read and a stat") {
    for (const char* transport : {"window", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            cluster_directory directory;
            server_process server(directory, {"--memory", "--warm"});
            REQUIRE(server.wait_until_ready());
            const auto client = mount_or_throw(client_of(directory.registry(), transport));
            CHECK(outcome(client->run(all_kinds(client->fs()))) == "ok");
            CHECK(client->fs().path_to(server_id{0}) == transport);
            CHECK(server.stop());
        }
    }
}

} // namespace benchfs::test
