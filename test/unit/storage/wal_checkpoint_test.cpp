// Checkpoints: the log stays bounded, recovery from one gives what there was, and a full device is survived.
#include "wal_rig.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

std::size_t log_bytes(const disk_image& image) {
    std::size_t sum = 0;
    for (const auto& [name, file] : image.files) { sum += name.starts_with("log-") ? file.bytes.size() : 0; }
    return sum;
}

/// Some random changes of chunks and numbers, each flushed.
void change_things(wal_rig& r, store_model& model, number_set& numbers, prng& random, int steps) {
    for (int i = 0; i < steps; ++i) {
        const auto chunk = static_cast<std::uint32_t>(random.below(12));
        if (random.below(4) == 0) {
            const auto size = static_cast<std::uint32_t>(random.below(3) == 0 ? 0 : random.below(60'000));
            REQUIRE(r.truncate(chunk, size));
            model.truncate(chunk_number(chunk), size);
        } else {
            const auto offset = static_cast<std::uint32_t>(random.below(50'000));
            const byte_vector bytes = pattern(1 + random.below(20'000), random.next());
            REQUIRE(r.write(chunk, offset, bytes));
            model.write(chunk_number(chunk), offset, bytes);
        }
        if (random.below(3) == 0) {
            numbers.remove(random.below(400));
        } else {
            numbers.add(random.below(400));
        }
        REQUIRE(r.store->log()->flush());
    }
}

/// The log's own work gets turns until it has made room, as it would while clients think.
void let_it_make_room(wal_rig& r) {
    const auto has_room = [&] {
        return r.store->log()->admit(false) && 4 * r.store->log()->stats().used_bytes <= 3 * r.capacity;
    };
    for (int i = 0; i < 5000 && !has_room(); ++i) { REQUIRE(r.loop.run(nap(1))); }
    REQUIRE(has_room());
}

runtime::task<status> keep_changing(number_set& set, wal& log, prng& random, const bool& over) {
    while (!over) {
        for (int i = 0; i < 5; ++i) {
            set.add(random.below(100'000));
            set.remove(random.below(100'000));
            if (!set.values.empty()) { set.remove(*set.values.begin()); }
        }
        BFS_CO_CHECK(log.flush());
        BFS_CO_CHECK(co_await runtime::yield());
    }
    co_return ok();
}

runtime::task<status> checkpoint_while_changing(number_set& set, wal& log, prng& random) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    bool over = false;
    scope.spawn(keep_changing(set, log, random, over));
    const status done = co_await log.checkpoint();
    over = true;
    const status joined = co_await scope.join();
    co_return done ? joined : done;
}

} // namespace

TEST_CASE("a checkpoint and what follows it give what there was") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        wal_rig r;
        prng random(seed);
        store_model model;
        number_set numbers;
        begin(r, numbers);
        for (int round = 0; round < 4; ++round) {
            change_things(r, model, numbers, random, 60);
            if (random.below(2) == 0) { REQUIRE(r.loop.run(r.store->log()->checkpoint())); }
            change_things(r, model, numbers, random, 20);
            r.crash();
            number_set found;
            begin(r, found);
            REQUIRE(found.values == numbers.values);
            r.require_content(model);
            numbers.values = found.values;
            numbers.log = r.store->log();
            // The rig's source must be the one that changes.
            r.crash();
            number_set same;
            same.values.clear();
            begin(r, numbers);
            REQUIRE(numbers.values == found.values);
        }
        r.close();
    }
}

TEST_CASE("a power failure while a checkpoint ends may tear what it writes then") {
    for (const std::size_t torn_from : {0U, 1U, 14U, 24U}) {
        wal_rig r;
        prng random(3);
        store_model model;
        number_set numbers;
        begin(r, numbers);
        change_things(r, model, numbers, random, 60);
        const auto before = r.image.files;
        REQUIRE(r.loop.run(r.store->log()->checkpoint()));
        r.crash();
        const std::string name = r.newest_log_file();
        std::vector<std::byte>& now = r.image.files[name].bytes;
        // What differs from the header that the segment began with is all that may be torn.
        wal_segment_header header;
        REQUIRE(read_header(now, header) == header_state::good);
        const std::vector<std::byte>& old = before.at(name).bytes;
        const auto at = static_cast<std::ptrdiff_t>(wal_second_header);
        std::copy(old.begin() + at + static_cast<std::ptrdiff_t>(torn_from), old.begin() + at + 512,
                  now.begin() + at + static_cast<std::ptrdiff_t>(torn_from));
        // Then nothing that lies before was used again.
        for (const auto& [other, file] : before) {
            wal_segment_header earlier;
            const bool log =
                other.starts_with("log-") && read_header(file.bytes, earlier) == header_state::good;
            if (log && earlier.generation < header.start_generation) {
                r.image.files[other].bytes = file.bytes;
            }
        }
        wal_segment_header left;
        REQUIRE(read_header(now, left) == header_state::good);
        REQUIRE(left.generation == header.generation);
        REQUIRE(left.start_generation < header.start_generation);
        number_set found;
        begin(r, found);
        REQUIRE(found.values == numbers.values);
        r.require_content(model);
        r.close();
    }
}

TEST_CASE("the log makes its own checkpoints and stays bounded") {
    wal_rig r;
    prng random(3);
    store_model model;
    number_set numbers;
    begin(r, numbers);
    std::size_t most = 0;
    for (int round = 0; round < 80; ++round) {
        change_things(r, model, numbers, random, 20);
        for (std::uint64_t i = 0; i < 1500; ++i) { numbers.add(i); }
        REQUIRE(r.store->log()->flush());
        let_it_make_room(r);
        most = std::max(most, log_bytes(r.image));
    }
    REQUIRE(r.store->log()->stats().bytes > 3 * r.capacity);
    REQUIRE(r.store->log()->stats().checkpoints >= 2);
    REQUIRE(most <= 3 * r.capacity);
    r.crash();
    number_set found;
    begin(r, found);
    REQUIRE(found.values == numbers.values);
    r.require_content(model);
    r.close();
}

TEST_CASE("a checkpoint in slices is right although everything changes meanwhile") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        wal_rig r;
        prng random(seed);
        number_set numbers;
        r.capacity = 4 * MiB;
        begin(r, numbers);
        for (std::uint64_t i = 0; i < 5000; ++i) { numbers.add(random.below(100'000)); }
        REQUIRE(r.store->log()->flush());
        REQUIRE(r.loop.run(checkpoint_while_changing(numbers, *r.store->log(), random)));
        REQUIRE(r.store->log()->stats().checkpoints >= 1); // the log may have made its own, too
        r.crash();
        number_set found;
        begin(r, found);
        REQUIRE(found.values == numbers.values);
        r.close();
    }
}

TEST_CASE("on a full device the log goes on in the files it has") {
    const quiet q;
    wal_rig r;
    r.capacity = 64 * MiB;
    number_set numbers;
    begin(r, numbers);
    r.image.faults.byte_budget = r.image.total_bytes() + 3 * r.segment_size;
    for (int round = 0; round < 5000; ++round) {
        for (std::uint64_t i = 0; i < 20; ++i) { numbers.add(i); }
        REQUIRE(r.store->log()->flush());
        if (!r.store->log()->admit(false)) { let_it_make_room(r); }
    }
    REQUIRE(r.store->log()->stats().checkpoints > 2);
    r.crash();
    number_set found;
    begin(r, found);
    REQUIRE(found.values == numbers.values);
    r.close();
}

TEST_CASE("a log whose next file is on its way asks writers to wait, and refuses nothing") {
    wal_rig r;
    number_set numbers;
    begin(r, numbers);
    std::uint64_t value = 0;
    const auto fill = [&] { // the loop does not run meanwhile: the disk is slow
        status admitted = ok();
        while (admitted) {
            numbers.add(++value);
            REQUIRE(r.store->log()->flush());
            REQUIRE(value < 100'000);
            admitted = r.store->log()->admit(false);
        }
        return admitted.error();
    };
    CHECK(fill() == errc::try_again);
    CHECK(r.store->log()->admit(true));
    let_it_make_room(r);
    CHECK(fill() == errc::try_again);
    r.crash();
    number_set found;
    begin(r, found);
    CHECK(found.values == numbers.values);
    r.close();
}

TEST_CASE("a log without room refuses changes, and those that free space last") {
    const quiet q;
    wal_rig r;
    number_set numbers;
    begin(r, numbers);
    // Nothing is ever removed: a checkpoint wins nothing.
    r.image.faults.byte_budget = r.image.total_bytes();
    std::uint64_t value = 0;
    int waits = 0;
    for (status admitted = ok(); admitted.error() != errc::no_space; admitted = r.store->log()->admit(false)) {
        if (!admitted) { // a checkpoint runs, or it may still find another file, or that there is none
            REQUIRE(++waits < 10'000);
            REQUIRE(r.loop.run(nap(1)));
            continue;
        }
        numbers.add(++value);
        REQUIRE(r.store->log()->flush());
        REQUIRE(value < 100'000);
    }
    REQUIRE(r.store->log()->admit(true));
    r.crash();
    number_set found;
    begin(r, found); // no room for another segment
    REQUIRE(found.values == numbers.values);
    r.close();
}

} // namespace benchfs::storage
