#include "catch.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/runtime/huge_pages.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/storage/memory_pool.hpp"
#include "benchfs/storage/memory_store.hpp"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <vector>

namespace benchfs::storage {
namespace {

std::unique_ptr<memory_pool> make_pool(std::uint64_t limit, std::uint64_t ahead) {
    auto made = memory_pool::create(limit, ahead);
    REQUIRE(made);
    return std::move(*made);
}

} // namespace

TEST_CASE("blocks of the pool don't overlap and all come back") {
    const auto pool = make_pool(4 * MiB, 0);
    prng random(1);
    struct taken {
        block_ref block;
        std::byte mark;
    };
    std::vector<taken> held;
    for (int step = 0; step < 20'000; ++step) {
        if (random.below(2) == 0) {
            const std::size_t sizes[] = {1, 4096, 4097, 16384, 16385, 65536};
            const std::size_t bytes = sizes[random.below(6)];
            const block_ref block = pool->take(bytes);
            if (block == no_block) { continue; }
            REQUIRE(pool->size(block) >= bytes);
            const auto mark = static_cast<std::byte>(step);
            std::memset(pool->data(block), static_cast<int>(mark), pool->size(block));
            REQUIRE(pool->block_of(pool->data(block) + pool->size(block) - 1) == block);
            held.push_back({block, mark});
        } else if (!held.empty()) {
            std::swap(held[random.below(held.size())], held.back());
            const taken t = held.back();
            held.pop_back();
            const std::byte* data = pool->data(t.block);
            const std::byte* end = data + pool->size(t.block);
            REQUIRE(std::all_of(data, end, [&](std::byte b) { return b == t.mark; }));
            pool->free(t.block);
        }
    }
    for (const taken& t : held) { pool->free(t.block); }
    REQUIRE(pool->stats().used == 0);
    // Nothing was lost to fragmentation: the whole arena can be taken as granules.
    for (int i = 0; i < 64; ++i) { REQUIRE(pool->take(granule_size) != no_block); }
    REQUIRE(pool->take(1) == no_block);
}

TEST_CASE("a pinned block is reused only after its last pin is gone") {
    const auto pool = make_pool(granule_size, 0);
    const block_ref block = pool->take(granule_size);
    pool->pin(block);
    pool->pin(block);
    pool->free(block);
    REQUIRE(pool->take(granule_size) == no_block);
    pool->unpin(block);
    REQUIRE(pool->stats().used == granule_size);
    REQUIRE(pool->take(granule_size) == no_block);
    pool->unpin(block);
    REQUIRE(pool->stats().used == 0);
    REQUIRE(pool->take(granule_size) == block);
}

TEST_CASE("steps touch memory ahead of need and stop when enough is warm") {
    const auto pool = make_pool(8 * MiB, 1 * MiB);
    REQUIRE(pool->stats().warm == 0);
    int steps = 0;
    while (pool->warm_step()) { ++steps; }
    REQUIRE(steps == 7); // 128 KiB each; the eighth says that it was the last
    REQUIRE(pool->stats().warm == 1 * MiB);
    REQUIRE(!pool->warm_step());
    // The kernel has the pages.
    unsigned char present[16];
    const block_ref first = pool->take(granule_size);
    REQUIRE(::mincore(pool->data(first), granule_size, present) == 0);
    REQUIRE(std::all_of(present, present + 16, [](unsigned char p) { return (p & 1) != 0; }));
    REQUIRE(pool->stats().warm == 1 * MiB - granule_size);
    REQUIRE(!pool->warm_step()); // one step makes up for it
    REQUIRE(pool->stats().warm >= 1 * MiB);
    // What comes back is warm and taken first.
    pool->free(first);
    REQUIRE(pool->take(granule_size) == first);
}

TEST_CASE("warming ends at the limit") {
    const auto pool = make_pool(5 * granule_size, 1 * GiB);
    while (pool->warm_step()) {}
    REQUIRE(pool->stats().warm == 5 * granule_size);
    REQUIRE(pool->stats().limit == 5 * granule_size);
}

TEST_CASE("a large arena is touched a huge page at a time, where there are any") {
    constexpr std::uint64_t page = runtime::huge_page_size;
    const auto pool = make_pool(33 * page + 3 * granule_size, 3 * page);
    const block_ref first = pool->take(granule_size); // ahead of all steps
    REQUIRE(first != no_block);
    CHECK(reinterpret_cast<std::uintptr_t>(pool->data(first)) % page == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(pool->zeros()) % 4096 == 0);
    while (pool->warm_step()) {}
    CHECK(pool->stats().warm >= 3 * page);
    CHECK(pool->stats().warm < 4 * page);
    // To the end of the arena, which is no whole huge page; every granule is memory of its own.
    std::uint64_t taken = granule_size;
    for (block_ref b = pool->take(granule_size); b != no_block; b = pool->take(granule_size)) {
        std::memset(pool->data(b), 1, granule_size);
        taken += granule_size;
    }
    CHECK(taken == 33 * page + 3 * granule_size);
    CHECK(!pool->warm_step());
}

namespace {

runtime::task<status> wait_until_warm(memory_store& store, std::uint64_t bytes) {
    for (int i = 0; i < 1000 && store.stats().bytes_warm < bytes; ++i) {
        BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(5)));
    }
    co_return ok();
}

} // namespace

TEST_CASE("idle turns of the loop fill a memory store's pool") {
    runtime::loop loop;
    auto made = memory_store::create(loop, 16 * MiB, 2 * MiB);
    REQUIRE(made);
    memory_store& store = **made;
    REQUIRE(loop.run(wait_until_warm(store, 2 * MiB)));
    REQUIRE(store.stats().bytes_warm == 2 * MiB);
    REQUIRE(loop.run(store.close()));
}

} // namespace benchfs::storage
