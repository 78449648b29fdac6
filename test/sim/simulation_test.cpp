// The simulator itself: it repeats what it did, and it finds the faults that are planted.
#include "catch.hpp"
#include "repetitions.hpp"
#include "run.hpp"

#include <set>

using namespace benchfs::sim;

namespace {

constexpr std::uint64_t seeds_at_most = 200;
constexpr std::uint64_t seeds_to_look_at = benchfs::test::repeated(30, 10);
constexpr std::uint64_t seeds_to_repeat = benchfs::test::repeated(30, 3);

/// The first seed that notices the fault, and is content without it; 0 if none does.
std::uint64_t found_by(plant planted) {
    for (std::uint64_t seed = 1; seed <= seeds_at_most; ++seed) {
        run_options options;
        options.seed = seed;
        options.planted = planted;
        if (run(options).failure.empty()) { continue; }
        options.armed = false;
        if (run(options).failure.empty()) { return seed; }
    }
    return 0;
}

} // namespace

TEST_CASE("the same seed gives the same trace, another seed another one") {
    std::set<std::uint64_t> traces;
    for (std::uint64_t seed = 1; seed <= seeds_to_repeat; ++seed) {
        run_options options;
        options.seed = seed;
        const run_report first = run(options);
        const run_report second = run(options);
        CHECK(first.trace == second.trace);
        CHECK(first.operations == second.operations);
        CHECK(first.failure == second.failure);
        traces.insert(first.trace);
    }
    CHECK(traces.size() == seeds_to_repeat);
}

TEST_CASE("a run does what it is for: answers, unknown outcomes, faults and crashes") {
    run_report sum;
    const auto rare = [&] {
        const window_counts& w = sum.windows;
        return w.late != 0 && w.partial != 0 && w.dropped != 0 && w.stalls != 0;
    };
    std::uint64_t seeds = 0;
    while (seeds < seeds_to_look_at || (!rare() && seeds < 10 * seeds_to_look_at)) {
        const std::uint64_t seed = ++seeds;
        run_options options;
        options.seed = seed;
        const run_report r = run(options);
        sum.answered += r.answered;
        sum.unknown += r.unknown;
        sum.faults += r.faults;
        sum.crashes += r.crashes;
        sum.windows += r.windows;
    }
    CHECK(sum.answered > 60 * seeds);
    CHECK(sum.unknown > seeds / 3);
    CHECK(sum.faults > 3 * seeds);
    CHECK(sum.crashes > seeds / 3);
    CHECK(sum.windows.pieces > 20 * seeds);
    CHECK(sum.windows.late != 0);
    CHECK(sum.windows.partial != 0);
    CHECK(sum.windows.dropped != 0);
    CHECK(sum.windows.stalls != 0);
}

TEST_CASE("a skipped fsync is found") { CHECK(found_by(plant::skip_sync) != 0); }
TEST_CASE("a lost reply record is found") { CHECK(found_by(plant::lose_reply) != 0); }
TEST_CASE("a torn log record that is accepted is found") { CHECK(found_by(plant::torn_log) != 0); }
TEST_CASE("two swapped chunks are found") { CHECK(found_by(plant::swap_chunks) != 0); }
TEST_CASE("a retry that is done again is found") { CHECK(found_by(plant::repeat_retry) != 0); }
