// Room in the log: files ahead of need, writers that wait instead of being refused, and checkpoints of which
// each one is paid for by changes. A device that is full: wal_full_test.cpp.
#include "repetitions.hpp"
#include "wal_rig.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::storage {
namespace {

/// Live values that take more of the log than half of its capacity.
constexpr std::uint64_t many = 30'000;

/// Changes `count` values that are there already, as fast as the log admits them.
runtime::task<status> change_values(number_set& set, wal& log, std::uint64_t count) {
    for (std::uint64_t done = 0; done < count;) {
        const status may = log.admit(false);
        if (!may) {
            if (may.error() != errc::try_again) { co_return may; }
            BFS_CO_CHECK(co_await nap(1));
            continue;
        }
        for (int i = 0; i < 50; ++i, ++done) { set.add(done % many); }
        BFS_CO_CHECK(log.flush());
        BFS_CO_CHECK(co_await runtime::yield());
    }
    co_return ok();
}

void begin_with_many(wal_rig& r, number_set& numbers) {
    begin(r, numbers);
    REQUIRE(r.loop.run(change_values(numbers, *r.store->log(), many)));
    REQUIRE(comes_to_rest(r));
}

void require_recovered(wal_rig& r, const number_set& numbers) {
    r.crash();
    number_set found;
    begin(r, found);
    REQUIRE(found.values == numbers.values);
    r.close();
}

/// Values that stay, until the device has no more room and no checkpoint makes any; gives the next value.
std::uint64_t fill_device(wal_rig& r, number_set& numbers) {
    r.image.faults.byte_budget = r.image.total_bytes();
    std::uint64_t next = many;
    int waits = 0;
    do {
        while (r.store->log()->admit(false)) {
            numbers.add(next++);
            REQUIRE(r.store->log()->flush());
        }
        REQUIRE(++waits < 1000);
        REQUIRE(comes_to_rest(r));
    } while (r.store->log()->admit(false).error() != errc::no_space);
    return next;
}

/// The same for the same values, whatever was done to get them.
class set_print {
public:
    void change(std::uint64_t value) noexcept { print_ ^= prng(value + 1).next(); } // adds or removes
    static std::uint64_t of(const std::set<std::uint64_t>& values) {
        set_print sum;
        for (const std::uint64_t v : values) { sum.change(v); }
        return sum.print_;
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return print_; }

private:
    std::uint64_t print_ = 0;
};

/// Frames of many changes each, until the disk dies in a call of its choice: far more is live than the log
/// should hold, so files are added and checkpoints run all the time.
struct growing_log {
    wal_rig r;
    prng random;
    number_set numbers;
    std::vector<std::uint64_t> prints; // after each frame of this life
    std::size_t synced = 0;            // the oldest of them that may be what is left
    std::uint64_t checkpoints = 0;
    std::uint64_t unfinished = 0; // lives that ended while the log had more files in use than it will keep

    explicit growing_log(std::uint64_t seed, bool power_loss) : random(seed) {
        r.capacity = 256 * KiB;
        r.image.track_unsynced = power_loss;
        r.image.random = prng(seed + 1);
    }

    bool change() {
        wal& log = *r.store->log();
        for (int waits = 0; !log.admit(false); ++waits) {
            REQUIRE(waits < 5000);
            if (r.image.faults.dead) { return false; }
            REQUIRE(r.loop.run(waits < 50 ? give_turns(10) : nap(1)));
        }
        set_print print;
        const std::uint64_t before = prints.back();
        for (int i = 0; i < 60; ++i) {
            const std::uint64_t value = random.below(12'000);
            const bool there = numbers.values.contains(value);
            if (there && random.below(4) == 0) {
                numbers.remove(value);
                print.change(value);
            } else {
                numbers.add(value);
                if (!there) { print.change(value); }
            }
        }
        prints.push_back(before ^ print.value()); // it may be there although flush() failed
        if (!log.flush()) { return false; }
        if (random.below(40) == 0) {
            const std::size_t now = prints.size() - 1;
            if (!r.loop.run(log.make_durable(log.newest()))) { return false; }
            synced = now;
        }
        return r.loop.run(give_turns(random.below(12))).has_value();
    }

    void live(bool power_loss) {
        r.image.faults.delay_turns = static_cast<std::uint32_t>(random.below(30));
        numbers.values.clear();
        begin(r, numbers);
        const std::uint64_t found = set_print::of(numbers.values);
        // After a kill: everything that was flushed, and perhaps the frame that was being written.
        const std::size_t first = power_loss || prints.size() < 2 ? synced : prints.size() - 2;
        REQUIRE((prints.empty() || std::find(prints.begin() + static_cast<std::ptrdiff_t>(first), prints.end(),
                                             found) != prints.end()));
        prints.assign(1, found);
        synced = 0;
        r.image.faults.die = true;
        r.image.faults.fail_call = 1 + random.below(3000);
        for (int i = 0; i < 1500 && change(); ++i) {}
        checkpoints += r.store->log()->stats().checkpoints;
        unfinished += r.store->log()->stats().used_bytes > r.capacity ? 1U : 0U;
        r.crash();
        if (power_loss) { r.image.lose_power(random); }
    }
};

void run_growing(std::uint64_t first_seed, bool power_loss) {
    const quiet q;
    std::uint64_t checkpoints = 0;
    std::uint64_t unfinished = 0;
    const std::uint64_t seeds = test::repeated(15, 5);
    for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
        INFO("seed " << seed << (power_loss ? ", power loss" : ", kill"));
        growing_log one(seed, power_loss);
        for (int life = 0; life < 5; ++life) { one.live(power_loss); }
        checkpoints += one.checkpoints;
        unfinished += one.unfinished;
    }
    REQUIRE(checkpoints > 3 * seeds);
    REQUIRE(unfinished > seeds);
}

} // namespace

TEST_CASE("while a checkpoint waits for a slow disk the log grows, and nobody is refused") {
    wal_rig r;
    number_set numbers;
    begin(r, numbers);
    r.image.faults.delay_turns = 400;
    REQUIRE(r.loop.run(change_values(numbers, *r.store->log(), 300'000)));
    REQUIRE(r.store->log()->stats().checkpoints >= 2);
    r.image.faults = {};
    require_recovered(r, numbers);
}

TEST_CASE("what is live may be more than half of the log: without changes there is no checkpoint") {
    wal_rig r;
    number_set numbers;
    begin_with_many(r, numbers);
    REQUIRE(r.store->log()->stats().used_bytes > r.capacity / 2);
    require_recovered(r, numbers);
}

TEST_CASE("a checkpoint writes no more than what changed since the one before") {
    wal_rig r;
    number_set numbers;
    begin_with_many(r, numbers);
    const wal_stats before = r.store->log()->stats();
    constexpr std::uint64_t changes = 400'000;
    REQUIRE(r.loop.run(change_values(numbers, *r.store->log(), changes)));
    REQUIRE(comes_to_rest(r));
    const wal_stats after = r.store->log()->stats();
    REQUIRE(after.checkpoints > before.checkpoints + 2);
    constexpr std::uint64_t one = sizeof(wal_record_header) + sizeof(std::uint64_t);
    constexpr std::uint64_t frames = changes / 50 * sizeof(wal_frame_header);
    // One checkpoint may just have been made.
    REQUIRE(after.bytes - before.bytes < 2 * (changes * one + frames) + many * one);
    REQUIRE(after.used_bytes < 6 * many * one);
    require_recovered(r, numbers);
}

TEST_CASE("after a restart, too, the log grows before it is written again") {
    wal_rig r;
    number_set numbers;
    begin_with_many(r, numbers);
    REQUIRE(r.loop.run(r.store->log()->checkpoint()));
    r.crash();
    number_set found;
    begin(r, found);
    REQUIRE(comes_to_rest(r));
    REQUIRE(r.store->log()->stats().checkpoints == 0);
    REQUIRE(r.loop.run(change_values(found, *r.store->log(), 5 * many)));
    REQUIRE(comes_to_rest(r));
    REQUIRE(r.store->log()->stats().checkpoints >= 2);
    require_recovered(r, found);
}

TEST_CASE("a full log on a full device rests, and goes on when the device has room again") {
    const quiet q;
    wal_rig r;
    number_set numbers;
    begin_with_many(r, numbers);
    std::uint64_t next = fill_device(r, numbers);
    r.image.faults.byte_budget = ~0ULL;
    // Who is refused makes the log look again: nothing else happens to it.
    for (int waits = 0; !r.store->log()->admit(false); ++waits) {
        REQUIRE(waits < 2000);
        REQUIRE(r.loop.run(nap(1)));
    }
    numbers.add(next);
    REQUIRE(r.store->log()->flush());
    require_recovered(r, numbers);
}

TEST_CASE("a hole that is cut off takes no more room, however often it is made again") {
    wal_rig r;
    number_set numbers;
    begin(r, numbers);
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto chunk = static_cast<std::uint32_t>(i % 3);
        REQUIRE(r.write(chunk, 8 * MiB, pattern(4096, i)));
        REQUIRE(r.truncate(chunk, 0));
        if (i % 500 == 0) { REQUIRE(r.loop.run(nap(20))); }
        std::uint64_t bytes = 0;
        for (const auto& [name, file] : r.image.files) {
            bytes += name.starts_with("log-") ? file.bytes.size() : 0;
        }
        most = std::max(most, bytes);
    }
    REQUIRE(most <= 3 * r.capacity);
    r.close();
}

TEST_CASE("killed at any call while the log grows, everything that was flushed is there") {
    run_growing(1, false);
}

TEST_CASE("when power is lost while the log grows, some state since the last sync is there as a whole") {
    run_growing(500, true);
}

} // namespace benchfs::storage
