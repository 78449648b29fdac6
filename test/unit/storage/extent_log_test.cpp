// What the io_uring engine tells its log, and when space is free again.
#include "extent_rig.hpp"

#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

/// Durable only when forced; fails the n-th record when told to.
class test_log final : public change_log {
public:
    struct state {
        log_position last = 0;
        log_position durable = 0;
        int forced = 0;
        std::uint64_t fail_record = 0;
        runtime::event* meanwhile = nullptr; // what happens before make_durable() returns
        std::vector<std::uint32_t> lengths;
    };
    explicit test_log(state& s) noexcept : s_(s) {}

    result<log_position> record_extents(const extent_record& record) override {
        if (s_.fail_record != 0 && --s_.fail_record == 0) { return errc::io_error; }
        std::uint32_t blocks = 0;
        for (const disk_extent& run : record.runs) { blocks += run.count; }
        REQUIRE(blocks == record.crcs.size());
        s_.lengths.push_back(record.length);
        return ++s_.last;
    }
    result<log_position> record_truncate(chunk_id, std::uint32_t) override {
        if (s_.fail_record != 0 && --s_.fail_record == 0) { return errc::io_error; }
        return ++s_.last;
    }
    bool durable(log_position position) const noexcept override { return position <= s_.durable; }
    runtime::task<status> make_durable(log_position position) override {
        BFS_CO_CHECK(co_await runtime::yield());
        ++s_.forced;
        s_.durable = std::max(s_.durable, position);
        if (s_.meanwhile != nullptr) { co_return co_await s_.meanwhile->wait(); }
        co_return ok();
    }
    log_position newest() const noexcept override { return s_.last; }

private:
    state& s_;
};

} // namespace

TEST_CASE("freed space is reused only once the record that freed it is durable") {
    test_log::state log;
    memory_rig r;
    r.open(std::make_unique<test_log>(log), 2 * MiB);
    const byte_vector first = pattern(512 * KiB, 0);
    REQUIRE(r.write(0, first));
    // Three more fit beside what is retired; their old space must stay as it is.
    for (std::uint64_t n = 1; n <= 3; ++n) { REQUIRE(r.write(0, pattern(512 * KiB, n))); }
    REQUIRE(log.forced == 0);
    const auto& disk = r.image.files.begin()->second.bytes;
    REQUIRE(std::search(disk.begin(), disk.end(), first.begin(), first.begin() + 64) != disk.end());
    // Low space forces the log.
    REQUIRE(r.write(0, pattern(512 * KiB, 4)));
    REQUIRE(log.forced == 1);
    REQUIRE(r.content() == pattern(512 * KiB, 4));
    REQUIRE(r.loop.run(r.store->remove(chunk_number(0))));
    REQUIRE(r.store->stats().bytes_used == 0); // what is retired counts as free: it can be had
    REQUIRE(r.loop.run(r.store->close()));
}

namespace {

const byte_vector larger = pattern(1 * MiB, 3);
const byte_vector smaller = pattern(256 * KiB, 5);

runtime::task<status> rewrite_meanwhile(extent_store& store, test_log::state& log) {
    while (log.forced == 0) { BFS_CO_CHECK(co_await runtime::yield()); }
    const status written = co_await write_chunk(store, chunk_number(1), 0, smaller);
    log.meanwhile->set();
    co_return written;
}

runtime::task<status> write_beside(runtime::task_scope& scope, extent_store& store, test_log::state& log) {
    scope.spawn(write_chunk(store, chunk_number(2), 0, larger));
    scope.spawn(rewrite_meanwhile(store, log));
    co_return ok();
}

} // namespace

TEST_CASE("space that another call has reclaimed is found, though that call retired some itself") {
    test_log::state log;
    runtime::event meanwhile;
    memory_rig r;
    r.open(std::make_unique<test_log>(log), 2 * MiB);
    REQUIRE(r.write(0, pattern(1 * MiB, 1)));
    REQUIRE(r.write(0, pattern(512 * KiB, 2), 1));
    REQUIRE(r.loop.run(r.store->remove(chunk_number(0))));
    log.meanwhile = &meanwhile;
    REQUIRE(r.loop.run(runtime::with_scope(&write_beside, std::ref(*r.store), std::ref(log))));
    REQUIRE(log.forced == 1);
    REQUIRE(r.content(2) == larger);
    log.meanwhile = nullptr;
    for (const std::uint32_t chunk : {1U, 2U}) { REQUIRE(r.loop.run(r.store->remove(chunk_number(chunk)))); }
    REQUIRE(r.loop.run(r.store->close()));
}

TEST_CASE("a change that cannot be recorded is not made") {
    test_log::state log;
    memory_rig r;
    r.open(std::make_unique<test_log>(log));
    const byte_vector old = pattern(10'000, 1);
    REQUIRE(r.write(0, old));
    log.fail_record = 1;
    REQUIRE(r.write(500, pattern(20'000, 2)).error() == errc::io_error);
    log.fail_record = 1;
    REQUIRE(r.loop.run(r.store->truncate(chunk_number(0), 10)).error() == errc::io_error);
    log.fail_record = 1;
    REQUIRE(r.write(0, pattern(20'000, 2), 1).error() == errc::io_error);
    REQUIRE(r.store->stats().chunks == 1);
    REQUIRE(r.content() == old);
    REQUIRE(r.write(9'000, pattern(2000, 2)));
    REQUIRE(log.lengths == std::vector<std::uint32_t>{10'000, 11'000});
    log.durable = ~log_position{0};
    r.finish();
}

} // namespace benchfs::storage
