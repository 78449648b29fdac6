// What the log did not do is not done later, either: a sync that failed is remembered whoever asked for it, and
// a change that was refused does not come with the next one.
#include "wal_rig.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace benchfs::storage {
namespace {

/// A checkpoint of which one disk call fails, and with `die` all after it.
void checkpoint_with_fault(wal_rig& r, number_set& numbers, std::uint64_t call, bool die) {
    begin(r, numbers);
    for (std::uint64_t n = 0; n < 50; ++n) {
        numbers.add(n);
        REQUIRE(r.store->log()->flush());
    }
    r.image.faults.fail_call = call;
    r.image.faults.die = die;
    (void)r.loop.run(r.store->log()->checkpoint()); // some faults it can do without
}

/// How many syncs there were until this call of a checkpoint; nothing when it makes fewer calls.
std::optional<std::uint64_t> syncs_before(std::uint64_t call) {
    wal_rig r;
    number_set numbers;
    checkpoint_with_fault(r, numbers, call, true);
    if (!r.image.faults.dead) { return {}; }
    return r.image.syncs;
}

} // namespace

TEST_CASE("when a sync of a checkpoint fails, nothing is called durable any more") {
    const quiet q;
    unsigned syncs = 0;
    std::optional<std::uint64_t> after = syncs_before(1);
    for (std::uint64_t call = 1;; ++call) {
        const std::optional<std::uint64_t> before = std::exchange(after, syncs_before(call + 1));
        if (!after) { break; }
        if (before == after) { continue; } // it is no sync
        INFO("call " << call);
        ++syncs;
        wal_rig r;
        number_set numbers;
        checkpoint_with_fault(r, numbers, call, false);
        wal& log = *r.store->log();
        const std::uint64_t value = 1000;
        const result<log_position> at = log.stage(record_list::kind, {bytes_of(value)});
        const status later = at ? r.loop.run(log.make_durable(*at)) : status(at.error());
        CHECK(later.error() == errc::io_error);
    }
    CHECK(syncs > 0);
}

TEST_CASE("a write that meets a full log is in it if it was called done, and only then") {
    const quiet q;
    wal_rig r;
    r.open();
    REQUIRE(r.write(0, 0, pattern(1 << 20, 1))); // room for data
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.loop.run(r.store->sync()));
    r.image.faults.byte_budget = r.image.total_bytes();
    // Others have been admitted before, and are not written yet: together they are too many.
    wal& log = *r.store->log();
    const std::vector<std::byte> body(1024);
    for (int i = 0; i < 300; ++i) { (void)log.stage(record_list::kind, {const_byte_span(body)}); }
    REQUIRE(log.flush().error() == errc::no_space);
    const status done = r.loop.run(write_chunk(*r.store, chunk_number(1), 0, pattern(4096, 2)));
    // Then there is room again.
    r.image.faults = {};
    for (int i = 0; i < 200 && !log.flush(); ++i) { REQUIRE(r.loop.run(nap(2))); }
    CHECK(r.write(2, 0, pattern(4096, 3)));
    r.crash();
    record_list others;
    r.open(&others);
    CHECK(r.store->length(chunk_number(1)) == (done ? 4096 : 0));
    CHECK(r.store->length(chunk_number(2)) == 4096);
    r.close();
}

} // namespace benchfs::storage
