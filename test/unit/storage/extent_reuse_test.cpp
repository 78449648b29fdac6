// When blocks that a change freed are overwritten: at once, if nobody counts on what they held.
#include "repetitions.hpp"
#include "wal_rig.hpp"

#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>
#include <functional>

namespace benchfs::storage {
namespace {

const byte_vector old_bytes = pattern(64 * KiB, 1);
const byte_vector new_bytes = pattern(64 * KiB, 2);

/// The machine's time, and some more.
class shifted_clock final : public clock {
public:
    [[nodiscard]] time_point now() const noexcept override { return real_.now() + by; }
    duration by{0};

private:
    steady_clock real_;
};

bool on_disk(const wal_rig& r, const byte_vector& bytes) {
    const std::vector<std::byte>& disk = r.image.files.at("seg-000000.dat").bytes;
    return std::search(disk.begin(), disk.end(), bytes.begin(), bytes.begin() + 64) != disk.end();
}

} // namespace

TEST_CASE("space that was filled a moment ago is used again at once") {
    wal_rig r;
    r.open();
    REQUIRE(r.write(0, 0, old_bytes));
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.write(1, 0, new_bytes));
    REQUIRE(!on_disk(r, old_bytes));
    // What replaces a part of it, too.
    REQUIRE(r.write(1, 0, old_bytes));
    REQUIRE(r.write(1, 0, old_bytes));
    REQUIRE(!on_disk(r, new_bytes));
    REQUIRE(r.image.syncs != 0);
    const std::uint64_t syncs = r.image.syncs;
    for (std::uint64_t n = 0; n < 100; ++n) {
        REQUIRE(r.write(2, 0, new_bytes));
        REQUIRE(r.truncate(2, 0));
    }
    REQUIRE(r.image.syncs == syncs); // nothing had to be made durable for its space
    r.close();
}

TEST_CASE("space of what was synced is not used again before its removal is") {
    wal_rig r;
    r.open();
    REQUIRE(r.write(0, 0, old_bytes));
    REQUIRE(r.loop.run(r.store->sync()));
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.write(1, 0, new_bytes));
    REQUIRE(on_disk(r, old_bytes));
    REQUIRE(r.loop.run(r.store->sync()));
    REQUIRE(r.write(2, 0, new_bytes));
    REQUIRE(!on_disk(r, old_bytes));
    r.close();
}

TEST_CASE("space is not used again before the log has its removal: a kill would bring it back") {
    wal_rig r;
    r.open();
    REQUIRE(r.write(0, 0, old_bytes));
    REQUIRE(r.loop.run(r.store->remove(chunk_number(0))));
    REQUIRE(r.loop.run(write_chunk(*r.store, chunk_number(1), 0, new_bytes)));
    REQUIRE(on_disk(r, old_bytes));
    r.crash();
    r.open();
    store_model model;
    model.write(chunk_number(0), 0, old_bytes);
    r.require_content(model);
    r.close();
}

TEST_CASE("space of what is some seconds old waits, lest power loss costs more than the last seconds") {
    shifted_clock time;
    wal_rig r(&time);
    r.open();
    REQUIRE(r.write(0, 0, old_bytes));
    REQUIRE(r.write(1, 0, new_bytes));
    time.by += std::chrono::seconds(6);
    REQUIRE(r.write(1, 0, new_bytes)); // somebody has to look at the clock
    time.by += std::chrono::seconds(6);
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.write(2, 0, new_bytes));
    REQUIRE(on_disk(r, old_bytes));
    // After a long time without any change everything is old.
    const byte_vector third = pattern(64 * KiB, 3);
    REQUIRE(r.write(3, 0, third));
    time.by += std::chrono::hours(1);
    REQUIRE(r.truncate(3, 0));
    REQUIRE(r.write(4, 0, new_bytes));
    REQUIRE(on_disk(r, third));
    r.close();
}

namespace {

runtime::task<status> replace_meanwhile(extent_store& store, std::uint64_t turns) {
    for (std::uint64_t i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    BFS_CO_CHECK(co_await store.remove(chunk_number(0)));
    BFS_CO_CHECK(store.log()->flush());
    BFS_CO_CHECK(co_await write_chunk(store, chunk_number(1), 0, new_bytes));
    co_return store.log()->flush();
}

runtime::task<status> sync_beside(runtime::task_scope& scope, extent_store& store, std::uint64_t turns) {
    scope.spawn(store.sync());
    scope.spawn(replace_meanwhile(store, turns));
    co_return ok();
}

} // namespace

TEST_CASE("what a sync covers that has begun keeps its space, whatever power loss leaves of its removal") {
    const quiet q;
    int kept = 0;
    for (std::uint64_t seed = 0; seed < test::repeated(200, 40); ++seed) {
        INFO("seed " << seed);
        prng random(seed);
        wal_rig r;
        r.image.track_unsynced = true;
        r.image.random = prng(seed + 1);
        r.open();
        REQUIRE(r.write(0, 0, old_bytes));
        REQUIRE(r.write(2, 0, new_bytes)); // later, but before the sync
        r.image.faults.delay_turns = 12;
        REQUIRE(r.loop.run(runtime::with_scope(&sync_beside, std::ref(*r.store), random.below(40))));
        r.crash();
        r.image.lose_power(random);
        r.open();
        const auto old = r.loop.run(read_chunk(*r.store, chunk_number(0), 0, 64 * KiB));
        REQUIRE(old);
        const auto fresh = r.loop.run(read_chunk(*r.store, chunk_number(1), 0, 64 * KiB));
        REQUIRE(fresh);
        const auto synced = r.loop.run(read_chunk(*r.store, chunk_number(2), 0, 64 * KiB));
        REQUIRE(synced);
        REQUIRE((*synced == new_bytes));
        REQUIRE((*old == old_bytes || old->empty()));
        REQUIRE((*fresh == new_bytes || fresh->empty()));
        REQUIRE((old->empty() || fresh->empty()));
        kept += old->empty() ? 0 : 1;
        r.close();
    }
    REQUIRE(kept > 0);
}

} // namespace benchfs::storage
