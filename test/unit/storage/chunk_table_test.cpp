#include "catch.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/storage/chunk_table.hpp"

#include <map>

namespace benchfs::storage {
namespace {

struct entry {
    chunk_id id;
    std::uint32_t next = 0;
    int value = 0;
};

chunk_id numbered(std::uint64_t n) { return {file_id{n / 3}, static_cast<std::uint32_t>(n % 3)}; }

} // namespace

TEST_CASE("the chunk table behaves like a map while it grows and shrinks") {
    chunk_table<entry> table;
    std::map<std::uint64_t, int> model;
    prng random(3);
    for (int step = 0; step < 60'000; ++step) {
        // Grows for the first two thirds, then shrinks.
        const std::uint64_t n = random.below(20'000);
        entry* found = table.find(numbered(n));
        REQUIRE((found != nullptr) == (model.count(n) != 0));
        if (found != nullptr) { REQUIRE(found->value == model[n]); }
        if (random.below(3) != (step < 40'000 ? 0U : 1U) && step < 50'000) {
            table.find_or_insert(numbered(n)).value = step;
            model[n] = step;
        } else if (found != nullptr) {
            table.erase(*found);
            model.erase(n);
        }
        REQUIRE(table.size() == model.size());
    }
    std::size_t seen = 0;
    table.for_each([&](entry& e) {
        ++seen;
        REQUIRE(model.at(e.id.file.value * 3 + e.id.index) == e.value);
    });
    REQUIRE(seen == model.size());
    REQUIRE(seen > 1000);
}

TEST_CASE("records keep their address while the chunk table grows") {
    chunk_table<entry> table;
    entry& first = table.find_or_insert(numbered(0));
    for (std::uint64_t n = 1; n < 10'000; ++n) { (void)table.find_or_insert(numbered(n)); }
    REQUIRE(table.find(numbered(0)) == &first);
}

} // namespace benchfs::storage
