#include "allocation_count.hpp"
#include "catch.hpp"
#include "store_driver.hpp"

#include "benchfs/storage/memory_store.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool frames_are_pooled = false;
#elif defined(__has_feature)
constexpr bool frames_are_pooled = !__has_feature(address_sanitizer);
#else
constexpr bool frames_are_pooled = true;
#endif

using body = runtime::task<void> (*)(memory_store&);

void with_store(std::uint64_t limit, body run) {
    runtime::loop loop;
    auto made = memory_store::create(loop, limit, 0);
    REQUIRE(made);
    loop.run(run(**made));
    REQUIRE(loop.run((*made)->close()));
}

write_slot slot_for(std::uint32_t chunk, std::uint32_t offset, std::uint32_t size) {
    write_slot slot;
    slot.chunk = chunk_number(chunk);
    slot.offset = offset;
    slot.size = size;
    return slot;
}

runtime::task<void> write_and_check(memory_store& store, store_model& model, std::uint32_t chunk,
                                    std::uint32_t offset, std::uint32_t size) {
    const byte_vector bytes = pattern(size, size);
    CO_REQUIRE(co_await write_chunk(store, chunk_number(chunk), offset, bytes));
    model.write(chunk_number(chunk), offset, bytes);
    co_await require_equal(store, model);
}

} // namespace

TEST_CASE("a small chunk takes a small block and is promoted as it grows") {
    with_store(1 * MiB, [](memory_store& store) -> runtime::task<void> {
        store_model model;
        co_await write_and_check(store, model, 0, 0, 3000);
        REQUIRE(store.stats().bytes_used == 4 * KiB);
        co_await write_and_check(store, model, 0, 3000, 5000);
        REQUIRE(store.stats().bytes_used == 16 * KiB);
        co_await write_and_check(store, model, 0, 8000, 30'000);
        REQUIRE(store.stats().bytes_used == 64 * KiB);
        co_await write_and_check(store, model, 0, 38'000, 100'000);
        REQUIRE(store.stats().bytes_used == 3 * 64 * KiB);
        // Sixteen small ones share a granule.
        for (std::uint32_t n = 1; n <= 16; ++n) { co_await write_and_check(store, model, n, 0, 100 * n); }
        REQUIRE(store.stats().bytes_used == 4 * 64 * KiB);
        for (std::uint32_t n = 0; n <= 16; ++n) { CO_REQUIRE(co_await store.remove(chunk_number(n))); }
        REQUIRE(store.stats().bytes_used == 0);
    });
}

TEST_CASE("a large write in pieces goes straight to its granules") {
    with_store(4 * MiB, [](memory_store& store) -> runtime::task<void> {
        store_model model;
        const byte_vector bytes = pattern(700'001, 3);
        write_slot slot = slot_for(0, 5000, 700'001);
        slot.can_put = true;
        CO_REQUIRE(co_await store.prepare(slot));
        REQUIRE(slot.puts);
        // Whatever the transport's pieces are, granules begin somewhere else.
        for (const_byte_span rest(bytes); !rest.empty();) {
            const const_byte_span piece = rest.first(std::min<std::size_t>(rest.size(), 100'000));
            REQUIRE(store.put(slot, piece));
            rest = rest.subspan(piece.size());
        }
        const std::byte more{};
        REQUIRE(store.put(slot, {&more, 1}).error() == errc::bad_frame);
        CO_REQUIRE(co_await store.commit(slot, {}));
        model.write(chunk_number(0), 5000, bytes);
        co_await require_equal(store, model);
    });
}

TEST_CASE("a write in pieces of which some are missing is refused") {
    with_store(4 * MiB, [](memory_store& store) -> runtime::task<void> {
        write_slot slot = slot_for(0, 0, 1 * MiB);
        slot.can_put = true;
        CO_REQUIRE(co_await store.prepare(slot));
        REQUIRE(store.put(slot, pattern(1 * MiB - 4096, 1)));
        const status done = co_await store.commit(slot, {});
        REQUIRE(done.error() == errc::invalid_argument);
        REQUIRE(slot.target.count() == 0);
        REQUIRE(store.length(chunk_number(0)) == 0);
        REQUIRE(store.stats().bytes_used == 0);
        // A small one is not worth it.
        write_slot small = slot_for(0, 0, 64 * KiB);
        small.can_put = true;
        CO_REQUIRE(co_await store.prepare(small));
        REQUIRE(!small.puts);
        store.abandon(small);
    });
}

TEST_CASE("a write that was out while its block was promoted is not lost") {
    with_store(1 * MiB, [](memory_store& store) -> runtime::task<void> {
        write_slot slot = slot_for(0, 0, 4096);
        CO_REQUIRE(co_await store.prepare(slot));
        const byte_vector later = pattern(4096, 2);
        CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 4096, later)); // promotes
        const byte_vector first = pattern(4096, 1);
        fill(slot, first);
        CO_REQUIRE(co_await store.commit(slot, {}));
        store_model model;
        model.write(chunk_number(0), 0, first);
        model.write(chunk_number(0), 4096, later);
        co_await require_equal(store, model);
        CO_REQUIRE(co_await store.remove(chunk_number(0)));
        REQUIRE(store.stats().bytes_used == 0);
    });
}

TEST_CASE("overlapping writes into fresh memory keep what was committed when the other is abandoned") {
    with_store(1 * MiB, [](memory_store& store) -> runtime::task<void> {
        static constexpr bool answers[] = {true, false};
        for (const bool first_commits : answers) {
            write_slot a = slot_for(0, 0, 65536);
            write_slot b = slot_for(0, 1000, 30'000);
            CO_REQUIRE(co_await store.prepare(a));
            CO_REQUIRE(co_await store.prepare(b));
            const byte_vector bytes_a = pattern(65536, 1);
            const byte_vector bytes_b = pattern(30'000, 2);
            fill(b, bytes_b);
            store_model model;
            if (first_commits) {
                fill(a, bytes_a);
                CO_REQUIRE(co_await store.commit(a, {}));
                store.abandon(b);
                model.write(chunk_number(0), 0, bytes_a);
            } else {
                CO_REQUIRE(co_await store.commit(b, {}));
                store.abandon(a); // received nothing: the rest stays zeros
                model.write(chunk_number(0), 1000, bytes_b);
            }
            co_await require_equal(store, model);
            CO_REQUIRE(co_await store.remove(chunk_number(0)));
            REQUIRE(store.stats().bytes_used == 0);
        }
    });
}

TEST_CASE("a commit that runs out of memory half-way leaves a chunk that can be removed") {
    with_store(3 * granule_size, [](memory_store& store) -> runtime::task<void> {
        write_slot slot = slot_for(0, 0, 2 * granule_size);
        CO_REQUIRE(co_await store.prepare(slot));
        const byte_vector bytes = pattern(2 * granule_size, 1);
        fill(slot, bytes);
        CO_REQUIRE(co_await store.remove(chunk_number(0))); // the write keeps its memory, one granule is left
        CO_REQUIRE_ERROR(errc::no_space, co_await store.commit(slot, {}));
        store_model model;
        model.write(chunk_number(0), 0, const_byte_span(bytes).first(granule_size));
        co_await require_equal(store, model);
        REQUIRE(store.stats().bytes_used == granule_size);
        CO_REQUIRE(co_await store.remove(chunk_number(0)));
        REQUIRE(store.stats().bytes_used == 0);
        REQUIRE(store.stats().chunks == 0);
    });
}

TEST_CASE("memory that held another chunk never shows") {
    with_store(256 * KiB, [](memory_store& store) -> runtime::task<void> {
        // Every granule has been full of something.
        const byte_vector full = pattern(4 * granule_size, 1);
        CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, full));
        CO_REQUIRE(co_await store.remove(chunk_number(0)));

        write_slot unfilled = slot_for(1, 0, 2 * granule_size);
        CO_REQUIRE(co_await store.prepare(unfilled));
        const byte_vector end = pattern(10, 2);
        CO_REQUIRE(co_await write_chunk(store, chunk_number(1), 2 * granule_size + 500, end));
        // While the other write is out, its range is a hole ...
        store_model model;
        model.write(chunk_number(1), 2 * granule_size + 500, end);
        co_await require_equal(store, model);
        store.abandon(unfilled); // ... and so it stays.
        co_await require_equal(store, model);
    });
}

TEST_CASE("a read of many blocks that are being written fits into its segments") {
    with_store(4 * MiB, [](memory_store& store) -> runtime::task<void> {
        // Every second block committed, the others prepared and not filled, over many granules.
        constexpr std::uint32_t count = 128;
        store_model model;
        std::vector<write_slot> out;
        for (std::uint32_t b = 0; b < 2 * count; b += 2) {
            const byte_vector bytes = pattern(block_size, b);
            write_slot hole = slot_for(0, b * block_size, block_size);
            CO_REQUIRE(co_await store.prepare(hole));
            out.push_back(hole);
            CO_REQUIRE(co_await write_chunk(store, chunk_number(0), (b + 1) * block_size, bytes));
            model.write(chunk_number(0), (b + 1) * block_size, bytes);
        }
        co_await require_equal(store, model);
        for (std::uint32_t i = 0; i < count; ++i) {
            const byte_vector bytes = pattern(block_size, 1000 + i);
            fill(out[i], bytes);
            CO_REQUIRE(co_await store.commit(out[i], {}));
            model.write(chunk_number(0), 2 * i * block_size, bytes);
        }
        co_await require_equal(store, model);
        CO_REQUIRE(co_await store.remove(chunk_number(0)));
        REQUIRE(store.stats().bytes_used == 0);
    });
}

namespace {

runtime::task<status> same_work(memory_store& store, const byte_vector& bytes) {
    for (std::uint32_t n = 0; n < 20; ++n) {
        static constexpr std::uint32_t sizes[] = {1000U, 40'000U, 2'000'000U};
        for (const std::uint32_t size : sizes) {
            write_slot w;
            w.chunk = chunk_number(n);
            w.offset = n * 1000;
            w.size = size;
            BFS_CO_CHECK(co_await store.prepare(w));
            segment_cursor<byte_span> cursor(w.target);
            cursor.copy_in(bytes.data(), size);
            BFS_CO_CHECK(co_await store.commit(w, {}));
            read_slot r;
            r.chunk = w.chunk;
            r.size = size;
            BFS_CO_CHECK(co_await store.read(r));
            store.release(r);
        }
    }
    for (std::uint32_t n = 0; n < 20; ++n) { BFS_CO_CHECK(co_await store.remove(chunk_number(n))); }
    co_return ok();
}

} // namespace

TEST_CASE("a warm memory store allocates nothing") {
    with_store(64 * MiB, [](memory_store& store) -> runtime::task<void> {
        const byte_vector bytes = pattern(2'000'000, 1);
        CO_REQUIRE(co_await same_work(store, bytes));
        const std::uint64_t before = allocations();
        const status done = co_await same_work(store, bytes);
        const std::uint64_t made = allocations() - before;
        REQUIRE(done);
        if (frames_are_pooled) { REQUIRE(made == 0); }
        REQUIRE(allocations() > 0); // the counter works
    });
}

TEST_CASE("a memory store gives the same memory again while it is warm") {
    with_store(64 * MiB, [](memory_store& store) -> runtime::task<void> {
        const byte_vector bytes = pattern(granule_size, 1);
        std::byte* last = nullptr;
        for (int i = 0; i < 100; ++i) {
            write_slot slot = slot_for(0, 0, granule_size);
            CO_REQUIRE(co_await store.prepare(slot));
            std::byte* here = slot.target[0].data();
            fill(slot, bytes);
            CO_REQUIRE(co_await store.commit(slot, {}));
            CO_REQUIRE(co_await store.remove(chunk_number(0)));
            REQUIRE((last == nullptr || last == here));
            last = here;
        }
    });
}

} // namespace benchfs::storage
