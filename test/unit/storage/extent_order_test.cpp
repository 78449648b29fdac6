// Concurrent changes and reads of the same blocks.
#include "extent_rig.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>
#include <functional>

namespace benchfs::storage {
namespace {

runtime::task<status> overwrite(chunk_store& store, std::byte first, bool& done) {
    for (int i = 0; i < 20; ++i) {
        const byte_vector bytes(64 * KiB, static_cast<std::byte>(static_cast<int>(first) + i));
        BFS_CO_CHECK(co_await write_chunk(store, chunk_number(0), 0, bytes));
    }
    done = true;
    co_return ok();
}

runtime::task<status> read_versions(chunk_store& store, const bool& done, int& mixed) {
    while (!done) {
        const auto got = co_await read_chunk(store, chunk_number(0), 0, 64 * KiB);
        if (!got) { co_return got.error(); }
        const byte_vector& bytes = *got;
        mixed += std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == bytes[0]; }) ? 0 : 1;
        BFS_CO_CHECK(co_await runtime::yield());
    }
    co_return ok();
}

runtime::task<status> overwrite_and_read(runtime::task_scope& scope, chunk_store& store, bool& done,
                                         int& mixed) {
    scope.spawn(overwrite(store, std::byte{10}, done));
    scope.spawn(overwrite(store, std::byte{100}, done));
    for (int i = 0; i < 4; ++i) { scope.spawn(read_versions(store, done, mixed)); }
    co_return ok();
}

} // namespace

TEST_CASE("a read beside writes sees one version, and the space of an older one is not reused under it") {
    memory_rig r;
    r.image.faults.delay_turns = 6;
    r.image.faults.short_bytes = 9000;
    r.open(std::make_unique<null_change_log>(), 2 * MiB);
    REQUIRE(r.write(0, byte_vector(64 * KiB, std::byte{1})));
    bool done = false;
    int mixed = 0;
    REQUIRE(r.loop.run(
        runtime::with_scope(&overwrite_and_read, std::ref(*r.store), std::ref(done), std::ref(mixed))));
    REQUIRE(mixed == 0);
    r.finish();
}

namespace {

runtime::task<status> commit_filled(chunk_store& store, write_slot& slot) { return store.commit(slot, {}); }

runtime::task<status> commit_in_order(runtime::task_scope& scope, chunk_store& store,
                                      std::vector<write_slot>& slots) {
    for (write_slot& slot : slots) { scope.spawn(commit_filled(store, slot)); }
    scope.spawn(store.truncate(chunk_number(0), 20'000));
    co_return ok();
}

} // namespace

TEST_CASE("commits and cuts of the same blocks take effect in the order of the calls") {
    memory_rig r;
    r.image.faults.delay_turns = 10;
    r.open();
    prng random(8);
    for (int round = 0; round < 40; ++round) {
        store_model model;
        std::vector<write_slot> slots(8);
        std::vector<byte_vector> bytes;
        for (write_slot& slot : slots) {
            slot.chunk = chunk_number(0);
            slot.offset = static_cast<std::uint32_t>(random.below(30'000));
            slot.size = static_cast<std::uint32_t>(1 + random.below(15'000));
            REQUIRE(r.loop.run(r.store->prepare(slot)));
        }
        for (write_slot& slot : slots) {
            const byte_vector content = pattern(slot.size, random.next());
            fill(slot, content);
            model.write(slot.chunk, slot.offset, content);
        }
        model.truncate(chunk_number(0), 20'000);
        REQUIRE(r.loop.run(runtime::with_scope(&commit_in_order, std::ref(*r.store), std::ref(slots))));
        r.loop.run(require_equal(*r.store, model));
        REQUIRE(r.loop.run(r.store->remove(chunk_number(0))));
    }
    r.finish();
}

namespace {

runtime::task<status> commit_and_stop(runtime::task_scope& scope, chunk_store& store,
                                      std::vector<write_slot>& slots) {
    for (write_slot& slot : slots) { scope.spawn(commit_filled(store, slot)); }
    scope.request_stop();
    co_return ok();
}

} // namespace

TEST_CASE("commits that are stopped while they wait for their turn leave nothing behind") {
    memory_rig r;
    r.image.faults.delay_turns = 10;
    r.open();
    std::vector<write_slot> slots(6);
    for (write_slot& slot : slots) {
        slot.chunk = chunk_number(0);
        slot.size = 10'000;
        REQUIRE(r.loop.run(r.store->prepare(slot)));
        fill(slot, pattern(10'000, 1));
    }
    REQUIRE(!r.loop.run(runtime::with_scope(&commit_and_stop, std::ref(*r.store), std::ref(slots))));
    r.finish();
}

} // namespace benchfs::storage
