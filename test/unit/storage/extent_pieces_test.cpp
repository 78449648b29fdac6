// Bytes that come and go in pieces: the same as all at once, whatever is in the page cache.
#include "extent_rig.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <functional>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t some = 160 * KiB;

struct pieces_rig : memory_rig {
    pieces_rig() { image.faults.copies = true; }

    write_slot prepared(std::uint32_t offset, std::uint32_t size) {
        write_slot slot;
        slot.chunk = chunk_number(0);
        slot.offset = offset;
        slot.size = size;
        slot.can_put = true;
        REQUIRE(loop.run(store->prepare(slot)));
        return slot;
    }
    read_slot begun(std::uint32_t offset, std::uint32_t size) {
        read_slot slot;
        slot.chunk = chunk_number(0);
        slot.offset = offset;
        slot.size = size;
        slot.can_get = slot.caller_verifies = true;
        REQUIRE(loop.run(store->read(slot)));
        return slot;
    }
};

} // namespace

TEST_CASE("transfers in pieces agree with the model, with a cold cache and short transfers, too") {
    for (const std::uint32_t cold : {0U, 30U, 100U}) {
        for (const std::size_t short_bytes : {~std::size_t{0}, std::size_t{3000}}) {
            pieces_rig r;
            r.image.faults.cold_percent = cold;
            r.image.faults.short_bytes = short_bytes;
            r.image.faults.delay_turns = 3;
            r.open();
            r.loop.run(random_operations(*r.store, 7 + cold, 400, 1 << 20));
            r.finish();
        }
    }
}

TEST_CASE("which transfers go in pieces") {
    pieces_rig r;
    r.open();
    REQUIRE(r.write(0, pattern(some, 1)));
    for (const auto& [offset, size, expected] : {std::tuple{0U, some, true}, std::tuple{4096U, 8192U, true},
                                                 std::tuple{1U, some, false}, std::tuple{0U, 4097U, false}}) {
        write_slot w = r.prepared(offset, size);
        REQUIRE(w.puts == expected);
        REQUIRE((w.target.count() == 0) == expected);
        r.store->abandon(w);
    }
    for (const auto& [offset, size, expected] :
         {std::tuple{0U, some, true}, std::tuple{8192U, 4096U, true}, std::tuple{1U, some, false},
          std::tuple{0U, 4097U, false}, std::tuple{some - 4096, 8192U, true}}) {
        read_slot s = r.begun(offset, size);
        REQUIRE(s.gets == expected);
        REQUIRE((s.source.count() == 0) == expected);
        r.store->release(s);
    }
    // Of a block that was cut its bytes on the device are not the chunk's.
    REQUIRE(r.loop.run(r.store->truncate(chunk_number(0), 10'000)));
    REQUIRE(r.write(20'480, pattern(4096, 2)));
    read_slot s = r.begun(0, 24'576);
    REQUIRE(!s.gets);
    r.store->release(s);
    // Through the ring, or to a device of its own: nothing is in memory.
    r.image.faults.copies = false;
    write_slot w = r.prepared(0, some);
    REQUIRE(!w.puts);
    r.store->abandon(w);
    r.finish();
}

TEST_CASE("a write in pieces that is too long, too short, crooked or damaged changes nothing") {
    const quiet q;
    pieces_rig r;
    r.open();
    const byte_vector old = pattern(some, 1);
    const byte_vector fresh = pattern(some, 2);
    REQUIRE(r.write(0, old));
    const std::uint64_t used = r.store->stats().bytes_used;

    write_slot w = r.prepared(0, some);
    REQUIRE(r.store->put(w, const_byte_span(fresh).first(5000)).error() == errc::bad_frame);
    REQUIRE(r.store->put(w, const_byte_span(fresh).first(8192)));
    REQUIRE(r.store->put(w, fresh).error() == errc::bad_frame);
    SECTION("too short") { REQUIRE(r.loop.run(r.store->commit(w, {})).error() == errc::invalid_argument); }
    SECTION("damaged") {
        REQUIRE(r.store->put(w, const_byte_span(fresh).subspan(8192)));
        std::vector<std::uint32_t> sums = block_sums(0, fresh);
        sums[17] ^= 1U;
        REQUIRE(r.loop.run(r.store->commit(w, sums)).error() == errc::io_error);
    }
    SECTION("abandoned") { r.store->abandon(w); }
    SECTION("the device fails") {
        r.image.faults.fail_call = 1;
        REQUIRE(r.store->put(w, const_byte_span(fresh).subspan(8192)).error() == errc::io_error);
        r.store->abandon(w);
    }
    REQUIRE((r.content() == old));
    REQUIRE(r.store->stats().bytes_used == used);
    r.finish();
}

namespace {

runtime::task<status> fill_up(chunk_store& store, std::uint32_t& filled) {
    const byte_vector bytes = pattern(64 * KiB, 99);
    while (co_await write_chunk(store, chunk_number(1), filled, bytes)) { filled += 64 * KiB; }
    co_return ok();
}

runtime::task<status> read_late(chunk_store& store, read_slot& slot, byte_span to,
                                const std::uint32_t& filled) {
    for (std::uint32_t before = ~0U; before != filled;) { // until the writer waits
        before = filled;
        for (int i = 0; i < 100; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    }
    co_return co_await get_all(store, slot, to);
}

runtime::task<status> fill_beside_read(runtime::task_scope& scope, chunk_store& store, read_slot& slot,
                                       byte_span to, std::uint32_t& filled) {
    scope.spawn(fill_up(store, filled));
    scope.spawn(read_late(store, slot, to, filled));
    co_return ok();
}

} // namespace

TEST_CASE(
    "a read in pieces keeps its bytes while they are overwritten, and gives way to who needs their space") {
    pieces_rig r;
    r.open(std::make_unique<null_change_log>(), 2 * MiB);
    const byte_vector old = pattern(some, 1);
    REQUIRE(r.write(0, old));
    read_slot s = r.begun(0, some);
    REQUIRE(s.gets);
    byte_vector got(some);
    REQUIRE(r.store->get(s, byte_span(got).first(64 * KiB)));
    REQUIRE(r.write(0, pattern(some, 2)));
    const bool cold = GENERATE(false, true);
    if (cold) { r.image.faults.cold_percent = 100; }
    std::uint32_t filled = 0;
    REQUIRE(r.loop.run(runtime::with_scope(&fill_beside_read, std::ref(*r.store), std::ref(s),
                                           byte_span(got).subspan(64 * KiB), std::ref(filled))));
    REQUIRE((got == old));
    // All that chunk 0 does not use, with what the read kept.
    REQUIRE(filled + some > 2 * MiB - 128 * KiB);
    r.store->release(s);
    REQUIRE(r.loop.run(r.store->remove(chunk_number(1))));
    r.finish();
}

TEST_CASE("a read in pieces whose device fails says so, and can be released") {
    const quiet q;
    pieces_rig r;
    r.open();
    REQUIRE(r.write(0, pattern(some, 1)));
    read_slot s = r.begun(0, some);
    REQUIRE(s.gets);
    byte_vector got(some);
    REQUIRE(r.store->get(s, byte_span(got).first(4096)));
    REQUIRE(r.store->get(s, byte_span(got).first(100)).error() == errc::invalid_argument);
    r.image.faults.cold_percent = 100;
    REQUIRE(r.store->get(s, byte_span(got).first(4096)).error() == errc::try_again);
    r.image.faults.fail_call = 1;
    REQUIRE(r.loop.run(r.store->fetch(s)).error() == errc::io_error);
    r.store->release(s);
    r.finish();
}

} // namespace benchfs::storage
