// One suite for every engine.
#include "conformance.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

bool all_zero(const_byte_span bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

/// Which chunks a walk has shown.
class seen_chunks final : public chunk_visitor {
public:
    void chunk(chunk_id id, std::uint32_t length) override { lengths[id] = length; }
    std::map<chunk_id, std::uint32_t> lengths;
};

} // namespace

TEST_CASE("an interrupted walk shows every chunk that is there throughout") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        constexpr std::uint32_t stay = 900; // and so many more come that a table of them grows
        const byte_vector bytes = pattern(10, 3);
        for (std::uint32_t n = 0; n < 2 * stay; ++n) {
            CO_REQUIRE(co_await write_chunk(store, chunk_number(n), n % 100, bytes));
        }
        seen_chunks seen;
        std::size_t part = 0;
        for (; store.visit_part(part, seen); ++part) {
            if (part >= stay) { continue; }
            const auto n = static_cast<std::uint32_t>(part);
            CO_REQUIRE(co_await store.remove(chunk_number(stay + n)));
            CO_REQUIRE(co_await write_chunk(store, chunk_number(2 * stay + n), 0, bytes));
        }
        REQUIRE_FALSE(store.visit_part(part + 1, seen));
        for (std::uint32_t n = 0; n < stay; ++n) {
            const auto found = seen.lengths.find(chunk_number(n));
            REQUIRE(found != seen.lengths.end());
            REQUIRE(found->second == n % 100 + 10);
        }
    });
}

TEST_CASE("random operations on a store give what a vector of bytes gives") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        co_await random_operations(store, 1, 260, 300'000);
        co_await random_operations(store, 2, 50, max_transfer);
    });
}

TEST_CASE("sizes around blocks and granules are kept exactly") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        store_model model;
        std::uint32_t n = 0;
        static constexpr std::uint32_t edges[] = {1U, 4096U, 16384U, 65536U, 131072U, 1U << 20, max_transfer};
        for (const std::uint32_t edge : edges) {
            const std::uint32_t sizes[] = {edge - 1, edge, edge + 1};
            for (const std::uint32_t size : sizes) {
                if (size == 0 || size > max_transfer) { continue; }
                const byte_vector bytes = pattern(size, size);
                const chunk_id chunk = chunk_number(++n);
                const std::uint32_t offset = n % 3 == 0 ? edge - 1 : 0;
                CO_REQUIRE(co_await write_chunk(store, chunk, offset, bytes));
                model.write(chunk, offset, bytes);
            }
        }
        co_await require_equal(store, model);
        for (const auto& [chunk, bytes] : model.chunks) { CO_REQUIRE(co_await store.remove(chunk)); }
        REQUIRE(store.stats().bytes_used == 0);
    });
}

TEST_CASE("holes read as zeros and cut bytes do not come back") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        const chunk_id chunk = chunk_number(1);
        const byte_vector bytes = pattern(300'000, 7);
        CO_REQUIRE(co_await write_chunk(store, chunk, 700'001, bytes));
        result<byte_vector> got = co_await read_chunk(store, chunk, 0, 700'001);
        REQUIRE(got);
        REQUIRE(got->size() == 700'001);
        REQUIRE(all_zero(*got));
        static constexpr std::uint32_t cuts[] = {900'000U, 800'123U, 700'005U, 4096U, 17U};
        for (const std::uint32_t cut : cuts) {
            CO_REQUIRE(co_await store.truncate(chunk, cut));
            REQUIRE(store.length(chunk) == cut);
            const byte_vector end = pattern(10, 8);
            CO_REQUIRE(co_await write_chunk(store, chunk, 1'000'000, end));
            got = co_await read_chunk(store, chunk, cut, 1'000'000 - cut);
            REQUIRE(got);
            REQUIRE(all_zero(*got));
        }
        CO_REQUIRE(co_await store.remove(chunk));
        REQUIRE(store.length(chunk) == 0);
        got = co_await read_chunk(store, chunk, 0, 100);
        REQUIRE(got);
        REQUIRE(got->empty());
        REQUIRE(store.stats().chunks == 0);
        REQUIRE(store.stats().bytes_used == 0);
    });
}

TEST_CASE("requests out of range are refused") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        write_slot w;
        w.chunk = chunk_number(0);
        CO_REQUIRE_ERROR(errc::invalid_argument, co_await store.prepare(w));
        w.size = max_transfer + 1;
        CO_REQUIRE_ERROR(errc::invalid_argument, co_await store.prepare(w));
        w.size = 2;
        w.offset = max_chunk - 1;
        CO_REQUIRE_ERROR(errc::file_too_large, co_await store.prepare(w));
        w.offset = 0xffffffff;
        CO_REQUIRE_ERROR(errc::file_too_large, co_await store.prepare(w));
        store.abandon(w); // empty: nothing happens
        CO_REQUIRE_ERROR(errc::invalid_argument, co_await store.commit(w, {}));
        read_slot r;
        r.size = 0;
        CO_REQUIRE_ERROR(errc::invalid_argument, co_await store.read(r));
        CO_REQUIRE(co_await store.truncate(chunk_number(9), 100)); // there is none
        REQUIRE(store.stats().chunks == 0);
    });
}

TEST_CASE("a read that is out keeps its bytes when the chunk is removed and its space is written again") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        static constexpr std::uint32_t sizes[] = {100U, 10'000U, 1'000'000U};
        for (const std::uint32_t size : sizes) {
            const byte_vector bytes = pattern(size, size);
            CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, bytes));
            read_slot slot;
            slot.chunk = chunk_number(0);
            slot.size = size;
            CO_REQUIRE(co_await store.read(slot));
            CO_REQUIRE(co_await store.remove(chunk_number(0)));
            for (std::uint32_t n = 1; n < 20; ++n) {
                CO_REQUIRE(co_await write_chunk(store, chunk_number(n), 0, pattern(size, n)));
            }
            REQUIRE(collect(slot) == bytes);
            store.release(slot);
            for (std::uint32_t n = 1; n < 20; ++n) { CO_REQUIRE(co_await store.remove(chunk_number(n))); }
            REQUIRE(store.stats().bytes_used == 0);
        }
    });
}

TEST_CASE("a write prepared before its chunk was removed is later than the removal") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        static constexpr std::uint32_t offsets[] = {0U, 50U, 70'000U};
        for (const std::uint32_t offset : offsets) {
            const byte_vector old = pattern(200'000, 1);
            const byte_vector fresh = pattern(5000, 2);
            CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, old));
            write_slot slot;
            slot.chunk = chunk_number(0);
            slot.offset = offset;
            slot.size = 5000;
            CO_REQUIRE(co_await store.prepare(slot));
            fill(slot, fresh);
            CO_REQUIRE(co_await store.truncate(chunk_number(0), offset / 2));
            CO_REQUIRE(co_await store.commit(slot, {}));
            store_model model;
            model.write(chunk_number(0), 0, old);
            model.truncate(chunk_number(0), offset / 2);
            model.write(chunk_number(0), offset, fresh);
            co_await require_equal(store, model);
            CO_REQUIRE(co_await store.remove(chunk_number(0)));
            REQUIRE(store.stats().bytes_used == 0);
        }
    });
}

TEST_CASE("an abandoned write leaves nothing, not even an empty chunk") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        const byte_vector bytes = pattern(10'000, 1);
        static constexpr bool answers[] = {false, true};
        for (const bool exists : answers) {
            if (exists) { CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, bytes)); }
            const store_stats before = store.stats();
            static constexpr std::uint32_t offsets[] = {0U, 100U, 4096U, 70'000U, 3'000'001U};
            for (const std::uint32_t offset : offsets) {
                static constexpr std::uint32_t sizes[] = {1U, 4096U, 100'000U};
                for (const std::uint32_t size : sizes) {
                    write_slot slot;
                    slot.chunk = chunk_number(0);
                    slot.offset = offset + (exists ? 65'536 : 0);
                    slot.size = size;
                    CO_REQUIRE(co_await store.prepare(slot));
                    store.abandon(slot);
                    store.abandon(slot); // empty by now
                    REQUIRE(store.stats().chunks == before.chunks);
                    REQUIRE(store.stats().bytes_used == before.bytes_used);
                }
            }
        }
        REQUIRE(store.length(chunk_number(0)) == bytes.size());
        CO_REQUIRE(co_await store.remove(chunk_number(0)));
    });
}

TEST_CASE("a full store says so, keeps what it has and takes more after a removal") {
    const auto run = [](chunk_store& store) -> runtime::task<void> {
        store_model model;
        std::uint32_t n = 0;
        status last;
        while (last) {
            REQUIRE(n < 1000);
            const byte_vector bytes = pattern(300'000 + n, n);
            last = co_await write_chunk(store, chunk_number(n), 0, bytes);
            if (last) { model.write(chunk_number(n), 0, bytes); }
            ++n;
        }
        REQUIRE(last.error() == errc::no_space);
        REQUIRE(n > 20);
        co_await require_equal(store, model);
        REQUIRE(store.stats().bytes_used <= store.stats().bytes_limit);
        // What failed left nothing, or what a write may leave that was not acknowledged.
        CO_REQUIRE(co_await store.remove(chunk_number(n - 1)));
        REQUIRE(store.stats().chunks == model.chunks.size());
        for (std::uint32_t gone = 0; gone < 3; ++gone) {
            CO_REQUIRE(co_await store.remove(chunk_number(gone)));
            model.chunks.erase(chunk_number(gone));
        }
        const byte_vector bytes = pattern(600'000, 99);
        CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, bytes));
        model.write(chunk_number(0), 0, bytes);
        co_await require_equal(store, model);
        for (const auto& [chunk, content] : model.chunks) { CO_REQUIRE(co_await store.remove(chunk)); }
        REQUIRE(store.stats().bytes_used == 0);
    };
    for_every_engine(run, 8 * MiB);
}

} // namespace benchfs::storage
