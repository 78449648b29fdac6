// What every engine promises to concurrent writers and readers.
#include "conformance.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>
#include <functional>

namespace benchfs::storage {
namespace {

/// One of several writers of a chunk: every byte it writes is its tag.
struct tagged_write {
    std::uint32_t offset;
    std::uint32_t size;
    std::byte tag;
    bool abandoned;
};

runtime::task<status> write_slowly(chunk_store& store, chunk_id chunk, const tagged_write& w,
                                   std::uint64_t seed) {
    prng random(seed);
    write_slot slot;
    slot.chunk = chunk;
    slot.offset = w.offset;
    slot.size = w.size;
    BFS_CO_CHECK(co_await store.prepare(slot));
    const std::uint64_t first = random.below(4);
    for (std::uint64_t i = 0; i < first; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    segment_cursor<byte_span> cursor(slot.target);
    const byte_vector bytes(w.size, w.tag);
    const std::size_t half = w.abandoned ? 0 : w.size / 2;
    cursor.copy_in(bytes.data(), half);
    const std::uint64_t second = random.below(4);
    for (std::uint64_t i = 0; i < second; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    if (w.abandoned) {
        store.abandon(slot);
        co_return ok();
    }
    cursor.copy_in(bytes.data() + half, w.size - half);
    co_return co_await store.commit(slot, {});
}

runtime::task<status> write_all_of(runtime::task_scope& scope, chunk_store& store, chunk_id chunk,
                                   const std::vector<tagged_write>& writes) {
    for (std::size_t i = 0; i < writes.size(); ++i) { scope.spawn(write_slowly(store, chunk, writes[i], i)); }
    co_return ok();
}

} // namespace

TEST_CASE("after concurrent writes each byte is what one of them wrote there") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        prng random(11);
        const chunk_id chunk = chunk_number(3);
        for (int round = 0; round < 60; ++round) {
            std::vector<tagged_write> writes;
            const std::uint32_t span = round % 3 == 0 ? 20'000 : 400'000;
            for (std::uint32_t i = 0; i < 10; ++i) {
                tagged_write w{static_cast<std::uint32_t>(random.below(span)),
                               static_cast<std::uint32_t>(1 + random.below(span / 2)),
                               static_cast<std::byte>(i + 1), random.below(5) == 0};
                if (random.below(2) == 0) { w.offset -= w.offset % block_size; }
                if (random.below(2) == 0) { w.size = (w.size + block_size - 1) / block_size * block_size; }
                writes.push_back(w);
            }
            CO_REQUIRE(co_await runtime::with_scope(&write_all_of, std::ref(store), chunk, std::cref(writes)));
            std::uint32_t length = 0;
            for (const tagged_write& w : writes) {
                if (!w.abandoned) { length = std::max(length, w.offset + w.size); }
            }
            REQUIRE(store.length(chunk) == length);
            std::vector<std::uint16_t> possible(length, 0); // bit per writer
            for (const tagged_write& w : writes) {
                if (w.abandoned) { continue; }
                const auto bit = static_cast<std::uint16_t>(1U << static_cast<unsigned>(w.tag));
                for (std::uint32_t at = w.offset; at < w.offset + w.size; ++at) {
                    possible[at] = static_cast<std::uint16_t>(possible[at] | bit);
                }
            }
            if (length != 0) {
                const result<byte_vector> got = co_await read_chunk(store, chunk, 0, length);
                REQUIRE(got);
                std::size_t wrong = 0;
                for (std::uint32_t at = 0; at < length; ++at) {
                    const unsigned tag = static_cast<unsigned>((*got)[at]);
                    const bool fine = possible[at] == 0 ? tag == 0 : (possible[at] >> tag & 1) != 0 && tag != 0;
                    wrong += fine ? 0 : 1;
                }
                REQUIRE(wrong == 0);
            }
            if (round % 2 == 0) {
                CO_REQUIRE(co_await store.remove(chunk));
                REQUIRE(store.stats().bytes_used == 0);
            } else {
                CO_REQUIRE(co_await store.remove(chunk));
            }
        }
        REQUIRE(store.stats().chunks == 0);
    });
}

namespace {

runtime::task<status> read_often(chunk_store& store, chunk_id chunk, const byte_vector& bytes) {
    prng random(5);
    for (int i = 0; i < 60; ++i) {
        const auto offset = static_cast<std::uint32_t>(random.below(bytes.size()));
        read_slot slot;
        slot.chunk = chunk;
        slot.offset = offset;
        slot.size = static_cast<std::uint32_t>(bytes.size()) - offset;
        BFS_CO_CHECK(co_await store.read(slot));
        BFS_CO_CHECK(co_await runtime::yield());
        const byte_vector got = collect(slot);
        store.release(slot);
        std::size_t wrong = 0;
        for (std::size_t at = 0; at < got.size(); ++at) {
            wrong += got[at] == bytes[offset + at] || got[at] == std::byte{0} ? 0 : 1;
        }
        REQUIRE(wrong == 0);
    }
    co_return ok();
}

runtime::task<status> cut_often(chunk_store& store, chunk_id chunk, const byte_vector& bytes) {
    prng random(6);
    for (int i = 0; i < 30; ++i) {
        BFS_CO_CHECK(co_await store.truncate(chunk, static_cast<std::uint32_t>(random.below(bytes.size()))));
        BFS_CO_CHECK(co_await runtime::yield());
        const auto from = static_cast<std::uint32_t>(random.below(bytes.size()));
        BFS_CO_CHECK(co_await write_chunk(store, chunk, from, const_byte_span(bytes).subspan(from)));
        BFS_CO_CHECK(co_await runtime::yield());
    }
    co_return ok();
}

runtime::task<status> read_and_cut(runtime::task_scope& scope, chunk_store& store, chunk_id chunk,
                                   const byte_vector& bytes) {
    scope.spawn(read_often(store, chunk, bytes));
    scope.spawn(read_often(store, chunk, bytes));
    scope.spawn(cut_often(store, chunk, bytes));
    co_return ok();
}

} // namespace

TEST_CASE("reads beside truncates and writes see old bytes, new bytes or holes") {
    for_every_engine([](chunk_store& store) -> runtime::task<void> {
        const byte_vector bytes = pattern(180'000, 21);
        CO_REQUIRE(co_await write_chunk(store, chunk_number(0), 0, bytes));
        REQUIRE(
            co_await runtime::with_scope(&read_and_cut, std::ref(store), chunk_number(0), std::cref(bytes)));
        CO_REQUIRE(co_await store.remove(chunk_number(0)));
        REQUIRE(store.stats().bytes_used == 0);
    });
}

} // namespace benchfs::storage
