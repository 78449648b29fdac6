// Room in the log: files ahead of need, writers that wait instead of being refused, and checkpoints of which
// each one is paid for by changes.
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

/// Until the log does nothing by itself any more; false if it goes on and on.
bool comes_to_rest(wal_rig& r) {
    std::uint64_t before = r.store->log()->stats().bytes;
    for (int i = 0, quiet = 0; i < 300; ++i) {
        REQUIRE(r.loop.run(nap(2)));
        const std::uint64_t now = r.store->log()->stats().bytes;
        quiet = now == before ? quiet + 1 : 0;
        before = now;
        if (quiet == 25) { return true; } // longer than a checkpoint ever pauses
    }
    return false;
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

runtime::task<status> give_turns(std::uint64_t turns) {
    for (std::uint64_t i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    co_return ok();
}

/// Adds values until the device has no more room, many to a frame: nearly all of the log is live.
void fill_densely(wal_rig& r, number_set& numbers) {
    for (int waits = 0;;) {
        const status may = r.store->log()->admit(false);
        if (may.error() == errc::no_space) { return; }
        if (!may) {
            INFO(numbers.values.size() << " values, " << r.store->log()->stats().checkpoints << " checkpoints");
            REQUIRE(++waits < 3000);
            REQUIRE(r.loop.run(nap(1)));
            continue;
        }
        for (int i = 0; i < 200; ++i) { numbers.add(numbers.values.size()); }
        REQUIRE(r.store->log()->flush());
        REQUIRE(r.loop.run(give_turns(1)));
    }
}

/// Removes all of them, a few at a time as clients do; false if that is refused.
bool remove_all(wal_rig& r, number_set& numbers) {
    for (int waits = 0; !numbers.values.empty();) {
        const status may = r.store->log()->admit(true);
        if (may.error() == errc::no_space || (!may && ++waits > 10'000)) { return false; }
        if (!may) {
            REQUIRE(may.error() == errc::try_again);
            REQUIRE(r.loop.run(nap(1)));
            continue;
        }
        for (int i = 0; i < 3 && !numbers.values.empty(); ++i) { numbers.remove(*numbers.values.begin()); }
        REQUIRE(r.store->log()->flush());
    }
    return true;
}

/// What the log says to a change that is tried again for as long as it asks for that.
errc insist(wal_rig& r) {
    errc may = r.store->log()->admit(false).error();
    for (int waits = 0; may == errc::try_again; may = r.store->log()->admit(false).error()) {
        REQUIRE(++waits < 3000);
        REQUIRE(r.loop.run(nap(1)));
    }
    return may;
}

/// There is room for data, and for so many more files of the log.
void fill_device(wal_rig& r, std::uint64_t more) {
    REQUIRE(r.write(0, 0, pattern(4 * MiB, 1))); // room for data
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.loop.run(r.store->sync()));
    r.image.faults.byte_budget = r.image.total_bytes() + more * r.segment_size;
}

/// What removes is let in, sooner or later.
void remove_all(wal_rig& r, std::uint32_t chunks) {
    for (std::uint32_t i = 0, waits = 0; i < chunks;) {
        const status may = r.store->log()->admit(true);
        INFO(i << " of " << chunks << " chunks are gone");
        REQUIRE(may.error() != errc::no_space);
        if (may) {
            REQUIRE(r.truncate(i++, 0));
        } else {
            REQUIRE(++waits < 10'000);
            REQUIRE(r.loop.run(nap(1)));
        }
    }
}

/// Kills the server; the device is as full for the next one.
void restart_full(wal_rig& r, number_set& numbers) {
    const std::uint64_t budget = r.image.faults.byte_budget;
    r.crash();
    numbers.values.clear();
    r.image.faults.byte_budget = budget;
    begin(r, numbers);
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

TEST_CASE("a device may be full at any time: all that is in the log can be removed") {
    const quiet q;
    const bool restart = GENERATE(false, true);
    const std::uint64_t most_room = test::repeated(20, 3);
    for (std::uint64_t more = 0; more < most_room; more = more < 3 ? more + 1 : 2 * more) {
        INFO("room for " << more << " more files" << (restart ? ", and a restart" : ""));
        wal_rig r;
        number_set numbers;
        begin(r, numbers);
        r.image.faults.byte_budget = r.image.total_bytes() + more * r.segment_size;
        fill_densely(r, numbers);
        const std::size_t most = numbers.values.size();
        REQUIRE(most > 2000);
        if (restart) {
            restart_full(r, numbers);
            REQUIRE(numbers.values.size() == most);
        }
        REQUIRE(remove_all(r, numbers));
        // And then there is room for others.
        fill_densely(r, numbers);
        REQUIRE(3 * numbers.values.size() > most); // more is kept on a device that is known to be full
        REQUIRE(remove_all(r, numbers));
        r.crash();
        number_set found;
        begin(r, found);
        REQUIRE(found.values.empty());
        r.close();
    }
}

TEST_CASE("a kill on a full device leaves room for changes: little is live") {
    const quiet q;
    for (std::uint64_t more = 0; more < 5; more += 2) {
        for (std::uint64_t live = 1; live < 2500; live *= 36) {
            wal_rig r;
            r.capacity = 16 * r.segment_size; // as a server has it
            number_set numbers;
            begin(r, numbers);
            r.image.faults.byte_budget = r.image.total_bytes() + more * r.segment_size;
            for (std::uint64_t frames = 1, next = 0; frames < 700; frames = 3 * frames + 1) {
                INFO("room for " << more << " more files, " << live << " values, " << frames << " frames");
                for (std::uint64_t i = 0; i < frames; ++i) {
                    REQUIRE(insist(r) == errc::ok);
                    for (int k = 0; k < 20; ++k) { numbers.add(next++ % live); }
                    REQUIRE(r.store->log()->flush());
                }
                REQUIRE(comes_to_rest(r));
                restart_full(r, numbers);
                REQUIRE(comes_to_rest(r));
                REQUIRE(insist(r) == errc::ok);
            }
            r.close();
        }
    }
}

TEST_CASE("a few removals that free much of a full log let others in") {
    const quiet q;
    const bool restart = GENERATE(false, true);
    for (std::uint64_t more = 2; more < 8; ++more) {
        INFO("room for " << more << " more files" << (restart ? ", and a restart" : ""));
        wal_rig r;
        number_set numbers;
        begin(r, numbers);
        fill_device(r, more);
        std::uint32_t chunks = 0;
        while (insist(r) == errc::ok) {
            REQUIRE(r.write(chunks, 1 * MiB, pattern(4096, chunks)));
            ++chunks;
        }
        REQUIRE(chunks > 30);
        if (restart) { restart_full(r, numbers); }
        remove_all(r, chunks);
        REQUIRE(insist(r) == errc::ok);
        r.close();
    }
}

TEST_CASE("a checkpoint of holes takes more room than the writes: that is kept, too") {
    const quiet q;
    const bool restart = GENERATE(false, true);
    for (std::uint64_t more = 2; more < 12; ++more) {
        INFO("room for " << more << " more files" << (restart ? ", and a restart" : ""));
        wal_rig r;
        number_set numbers;
        begin(r, numbers);
        fill_device(r, more);
        std::uint32_t chunks = 0;
        for (int waits = 0; waits < 10'000;) {
            const status may = r.store->log()->admit(false);
            if (may.error() == errc::no_space) { break; }
            if (may) {
                REQUIRE(r.write(chunks, 1 * MiB, pattern(4096, chunks)));
                ++chunks;
            } else {
                ++waits;
                REQUIRE(r.loop.run(nap(1)));
            }
        }
        REQUIRE(chunks > 30);
        if (restart) { restart_full(r, numbers); }
        remove_all(r, chunks);
        r.close();
    }
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
