// Random work on a store whose disk dies at a random write: whatever is left, the restarted store holds every
// acknowledged change after a kill, and every synced one after a power failure.
#include "repetitions.hpp"
#include "wal_rig.hpp"

#include <algorithm>
#include <optional>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t chunks = 4;

/// What the chunks held after each acknowledged step, and which of those states was synced last.
struct history {
    std::vector<store_model> states{1};
    std::size_t synced = 0;
    // The step that was running when the disk died.
    struct open_step {
        std::uint32_t chunk = 0;
        bool cut = false;
        std::uint32_t offset = 0;
        byte_vector bytes;
    };
    std::optional<open_step> open;
};

/// One random step; false when the disk died in it.
bool take_step(wal_rig& r, history& h, prng& random) {
    const std::uint64_t what = random.below(12);
    if (what == 0) {
        if (!r.loop.run(r.store->sync())) { return false; }
        h.synced = h.states.size() - 1;
        return true;
    }
    if (what == 1) { return r.loop.run(r.store->log()->checkpoint()).has_value(); }
    history::open_step step;
    step.chunk = static_cast<std::uint32_t>(random.below(chunks));
    step.cut = what < 4;
    step.offset = static_cast<std::uint32_t>(random.below(30'000));
    if (step.cut && random.below(3) == 0) { step.offset = 0; }
    if (!step.cut) { step.bytes = pattern(1 + random.below(12'000), random.next()); }
    h.open = step;
    const status done =
        step.cut ? r.truncate(step.chunk, step.offset) : r.write(step.chunk, step.offset, step.bytes);
    if (!done) { return false; }
    store_model next = h.states.back();
    if (step.cut) {
        next.truncate(chunk_number(step.chunk), step.offset);
    } else {
        next.write(chunk_number(step.chunk), step.offset, step.bytes);
    }
    h.states.push_back(std::move(next));
    h.open.reset();
    return true;
}

/// The chunks as the store has them.
store_model content_of(wal_rig& r) {
    store_model found;
    for (std::uint32_t c = 0; c < chunks; ++c) {
        const auto got = r.loop.run(read_chunk(*r.store, chunk_number(c), 0, max_transfer));
        REQUIRE(got);
        if (!got->empty()) { found.chunks[chunk_number(c)] = *got; }
    }
    return found;
}

bool same(const store_model& a, const store_model& b) {
    for (std::uint32_t c = 0; c < chunks; ++c) {
        const auto bytes = [&](const store_model& m) {
            const auto at = m.chunks.find(chunk_number(c));
            return at == m.chunks.end() ? byte_vector{} : at->second;
        };
        if (bytes(a) != bytes(b)) { return false; }
    }
    return true;
}

/// The state that the step would have made.
store_model with_open_step(const history& h) {
    store_model next = h.states.back();
    if (!h.open) { return next; }
    if (h.open->cut) {
        next.truncate(chunk_number(h.open->chunk), h.open->offset);
    } else {
        next.write(chunk_number(h.open->chunk), h.open->offset, h.open->bytes);
    }
    return next;
}

void run_seed(std::uint64_t seed, bool power_loss) {
    INFO("seed " << seed << (power_loss ? ", power loss" : ", kill"));
    prng random(seed);
    wal_rig r;
    r.image.track_unsynced = power_loss;
    r.image.random = prng(seed + 1);
    history h;
    for (int life = 0; life < 4; ++life) {
        r.image.faults.short_bytes = random.below(3) == 0 ? 3000 : ~std::size_t{0};
        auto opened = r.try_open();
        REQUIRE(opened);
        r.store = std::move(*opened);
        r.store->log()->let_owner_flush();
        const store_model now = content_of(r);
        if (life != 0 && !power_loss) {
            // The last step happened as a whole, or not at all.
            REQUIRE((same(now, h.states.back()) || same(now, with_open_step(h))));
        } else if (life != 0) {
            // Some state since the last sync, as a whole.
            bool known = same(now, with_open_step(h));
            for (std::size_t s = h.synced; s < h.states.size() && !known; ++s) {
                known = same(now, h.states[s]);
            }
            REQUIRE(known);
        }
        h = {};
        h.states[0] = now;
        r.image.faults.die = true;
        r.image.faults.fail_call = 1 + random.below(life == 0 ? 400 : 200);
        for (int i = 0; i < 200 && take_step(r, h, random); ++i) {}
        r.crash();
        if (power_loss) { r.image.lose_power(random); }
    }
}

} // namespace

TEST_CASE("killed at any write, a store holds every acknowledged change") {
    const quiet q;
    for (std::uint64_t seed = 1; seed <= test::repeated(40, 10); ++seed) { run_seed(seed, false); }
}

TEST_CASE("when power is lost, a store holds every synced change, and no half ones") {
    const quiet q;
    const std::uint64_t end = 1000 + test::repeated(60, 15);
    for (std::uint64_t seed = 1000; seed < end; ++seed) { run_seed(seed, true); }
}

TEST_CASE("killed in the middle of opening, a store opens the next time") {
    const quiet q;
    wal_rig written;
    store_model model;
    written.open();
    for (std::uint64_t i = 0; i < 300; ++i) {
        const byte_vector bytes = pattern(3000, i);
        const auto chunk = static_cast<std::uint32_t>(i % chunks);
        const auto offset = static_cast<std::uint32_t>(i * 100);
        REQUIRE(written.write(chunk, offset, bytes));
        model.write(chunk_number(chunk), offset, bytes);
    }
    written.crash();
    bool passed = false;
    for (std::uint64_t n = 1; !passed; ++n) {
        wal_rig r;
        r.image = written.image;
        r.image.faults.die = true;
        r.image.faults.fail_call = n;
        auto opened = r.try_open();
        passed = opened.has_value();
        if (passed) { r.store = std::move(*opened); }
        r.crash();
        r.open();
        r.require_content(model);
        r.close();
    }
}

TEST_CASE("a device without room answers no_space, and everything stays readable and can be removed") {
    const quiet q;
    wal_rig r;
    r.data_capacity = 2 * MiB;
    r.open();
    store_model model;
    std::uint32_t n = 0;
    for (;; ++n) {
        const byte_vector bytes = pattern(100'000, n);
        const status done = r.write(n, 0, bytes);
        if (!done) {
            REQUIRE(done.error() == errc::no_space);
            break;
        }
        model.write(chunk_number(n), 0, bytes);
    }
    REQUIRE(n > 10);
    r.require_content(model);
    r.crash();
    r.open();
    r.require_content(model);
    // Space that an unlink freed is there for the next write: the log is synced for it.
    REQUIRE(r.truncate(0, 0));
    model.chunks.erase(chunk_number(0));
    const byte_vector bytes = pattern(100'000, 77);
    REQUIRE(r.write(n, 0, bytes));
    model.write(chunk_number(n), 0, bytes);
    r.require_content(model);
    r.close();
}

} // namespace benchfs::storage
