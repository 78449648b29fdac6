// Each disk call of each operation fails once.
#include "extent_rig.hpp"

namespace benchfs::storage {
namespace {

struct change {
    const char* name;
    std::uint32_t offset;
    std::uint32_t size; // 0: a truncate to `offset`
};

} // namespace

TEST_CASE("whichever disk call fails, a chunk holds the old bytes or the new ones") {
    const quiet q;
    const change changes[] = {
        {"aligned", 4096, 8192},         {"unaligned", 5000, 10'000},  {"inside one block", 100, 50},
        {"append", 50'000, 9000},        {"past the end", 90'000, 10}, {"everything", 0, 60'000},
        {"needs a segment", 0, 3 << 20}, {"cut", 20'001, 0},           {"remove", 0, 0}};
    const std::size_t short_sizes[] = {~std::size_t{0}, 3000};
    for (const change& c : changes) {
        for (const std::size_t short_bytes : short_sizes) {
            DYNAMIC_SECTION(c.name << (short_bytes == 3000 ? ", short" : "")) {
                bool passed = false;
                int failures = 0;
                for (std::uint64_t n = 1; !passed; ++n) {
                    REQUIRE(n < 5000);
                    memory_rig r;
                    r.open();
                    store_model model;
                    const byte_vector old = pattern(50'000, 1);
                    REQUIRE(r.write(0, old));
                    model.write(chunk_number(0), 0, old);
                    const byte_vector fresh = pattern(c.size, 2);
                    if (c.size != 0) {
                        model.write(chunk_number(0), c.offset, fresh);
                    } else {
                        model.truncate(chunk_number(0), c.offset);
                    }
                    r.image.faults.short_bytes = short_bytes;
                    // With short writes a large write makes many calls: a part of them will do.
                    r.image.faults.fail_call = n <= 20 ? n : n + (n - 20) * 40;
                    const status done = c.size != 0 ? r.write(c.offset, fresh)
                                                    : r.loop.run(r.store->truncate(chunk_number(0), c.offset));
                    passed = r.image.faults.fail_call != 0;
                    r.image.faults = {};
                    failures += done ? 0 : 1;
                    if (passed) { REQUIRE(done); }
                    const byte_vector now = r.content();
                    const byte_vector& after = model.chunks[chunk_number(0)];
                    REQUIRE((now == (done ? after : old)));
                    REQUIRE(r.store->length(chunk_number(0)) == now.size());
                    r.finish();
                }
                if (c.size != 0) { REQUIRE(failures > 0); }
            }
        }
    }
}

TEST_CASE("a read that fails says so and can be repeated") {
    const quiet q;
    memory_rig r;
    r.open();
    const byte_vector bytes = pattern(100'000, 1);
    for (std::uint32_t at = 0; at < 100'000; at += 10'000) { // scattered
        REQUIRE(r.write(at, byte_vector(bytes.begin() + at, bytes.begin() + at + 10'000)));
    }
    bool passed = false;
    for (std::uint64_t n = 1; !passed; ++n) {
        r.image.faults.fail_call = n;
        const auto got = r.read(0, 100'000);
        passed = r.image.faults.fail_call != 0;
        r.image.faults = {};
        if (got) { REQUIRE((*got == bytes)); }
        if (!got) { REQUIRE(got.error() == errc::io_error); }
        REQUIRE(got.has_value() == passed);
        REQUIRE(r.content() == bytes);
    }
    r.finish();
}

TEST_CASE("interrupted disk calls are repeated") {
    memory_rig r;
    r.open();
    for (const errc error : {errc::interrupted, errc::try_again}) {
        r.image.faults.fail_call = 1;
        r.image.faults.error = error;
        REQUIRE(r.write(0, pattern(5000, 1)));
        r.image.faults.fail_call = 1;
        REQUIRE(r.content() == pattern(5000, 1));
    }
    r.finish();
}

TEST_CASE("opening a store that fails at any disk call leaves nothing behind") {
    const quiet q;
    bool passed = false;
    for (std::uint64_t n = 1; !passed; ++n) {
        memory_rig r;
        r.image.faults.fail_call = n;
        auto opened = r.try_open(std::make_unique<null_change_log>());
        passed = opened.has_value();
        r.image.faults = {};
        for (const auto& [name, file] : r.image.files) { REQUIRE(file.locked == passed); }
        if (passed) { REQUIRE(r.loop.run((*opened)->close())); }
        if (!passed) { REQUIRE(opened.error() == errc::io_error); }
    }
}

TEST_CASE("a failed fsync is never forgotten") {
    const quiet q;
    memory_rig r;
    r.open();
    REQUIRE(r.write(0, pattern(5000, 1)));
    REQUIRE(r.loop.run(r.store->sync()));
    REQUIRE(r.image.syncs == 1);
    REQUIRE(r.loop.run(r.store->sync()));
    REQUIRE(r.image.syncs == 1); // nothing was written since
    REQUIRE(r.write(0, pattern(5000, 2)));
    r.image.faults.fail_call = 1;
    REQUIRE(r.loop.run(r.store->sync()).error() == errc::io_error);
    REQUIRE(r.loop.run(r.store->sync()).error() == errc::io_error);
    REQUIRE(r.write(0, pattern(5000, 3)));
    REQUIRE(r.loop.run(r.store->sync()).error() == errc::io_error);
    r.finish();
}

} // namespace benchfs::storage
