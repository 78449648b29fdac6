// The log on a device that is full: what removes is let in at any time, and room that it makes is used again.
#include "repetitions.hpp"
#include "wal_rig.hpp"

namespace benchfs::storage {
namespace {

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

/// Chunks that begin with a hole, until there is no room for more; how many.
std::uint32_t fill_with_holes(wal_rig& r) {
    std::uint32_t chunks = 0;
    while (insist(r) == errc::ok) {
        REQUIRE(r.write(chunks, 1 * MiB, pattern(4096, chunks)));
        ++chunks;
    }
    REQUIRE(chunks > 30);
    return chunks;
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

} // namespace

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

// A checkpoint of holes takes more room than the writes did.
TEST_CASE("a few removals that free much of a full log let others in") {
    const quiet q;
    const bool restart = GENERATE(false, true);
    for (std::uint64_t more = 2; more < 12; ++more) {
        INFO("room for " << more << " more files" << (restart ? ", and a restart" : ""));
        wal_rig r;
        number_set numbers;
        begin(r, numbers);
        fill_device(r, more);
        const std::uint32_t chunks = fill_with_holes(r);
        if (restart) { restart_full(r, numbers); }
        remove_all(r, chunks);
        REQUIRE(insist(r) == errc::ok);
        r.close();
    }
}

} // namespace benchfs::storage
