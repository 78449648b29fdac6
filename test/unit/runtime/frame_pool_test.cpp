#include "benchfs/runtime/frame_pool.hpp"

#include "benchfs/runtime/channel.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <cstring>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;

namespace {

task<status> leaf(channel<int>& c) {
    BFS_CO_CHECK(co_await yield());
    BFS_CO_CHECK(co_await c.send(1));
    BFS_CO_TRY([[maybe_unused]] const int got, co_await c.receive());
    co_return ok();
}

task<status> timed_leaf(channel<int>& c) { co_return co_await with_timeout(std::chrono::seconds(1), leaf(c)); }

struct body {
    channel<int>* c;
    task<status> operator()(std::size_t) const { return timed_leaf(*c); }
};

task<status> tree(channel<int>& c) {
    body b{&c};
    co_return co_await parallel_for(40, 8, b);
}

} // namespace

TEST_CASE("a warm call tree takes no frame from the heap") {
    if (test::under_asan) { return; } // the pool steps aside there
    test::virtual_loop v;
    channel<int> c(16);
    for (int i = 0; i < 3; ++i) { REQUIRE(v.loop.run(tree(c))); }
    const frame_pool_stats before = pool_stats();
    for (int i = 0; i < 10; ++i) { REQUIRE(v.loop.run(tree(c))); }
    CHECK(pool_stats().allocated == before.allocated);
    CHECK(pool_stats().reused > before.reused);
}

TEST_CASE("frames of all sizes are aligned and don't overlap") {
    struct piece {
        void* memory;
        std::size_t bytes;
    };
    std::vector<piece> pieces;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t bytes = 1; bytes < 6000; bytes += 53) {
            void* memory = allocate_frame(bytes);
            REQUIRE(reinterpret_cast<std::uintptr_t>(memory) % 16 == 0);
            std::memset(memory, static_cast<int>(bytes & 0xff), bytes);
            pieces.push_back({memory, bytes});
        }
        for (const piece& p : pieces) {
            const auto* bytes = static_cast<const unsigned char*>(p.memory);
            for (std::size_t i = 0; i < p.bytes; ++i) { REQUIRE(bytes[i] == (p.bytes & 0xff)); }
            free_frame(p.memory, p.bytes);
        }
        pieces.clear();
    }
}
