// A trace keeps the last calls, ends by itself, and is one at a time.
#include "benchfs/rpc/tracer.hpp"

#include "benchfs/runtime/sleep.hpp"

#include "catch.hpp"

namespace benchfs::rpc {
namespace {

trace_control::request wanted(std::uint64_t id, std::uint32_t spans, std::uint64_t limit_ns = 1'000'000'000) {
    return {id, limit_ns, trace_control::begin, spans};
}

void record(tracer& t, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t i = first; i < end; ++i) {
        wire_span s;
        s.start_ns = i;
        t.record(s);
    }
}

runtime::task<status> until_off(tracer& t) {
    while (t.on()) { BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(2))); }
    co_return ok();
}

} // namespace

TEST_CASE("a trace keeps its last spans and gives them in pages") {
    runtime::loop loop;
    tracer t(loop);
    CHECK(t.skip_mask() == 31);
    REQUIRE(t.begin(wanted(7, 10)));
    CHECK(t.skip_mask() == 0);
    CHECK(t.page(7, 0, 4).error() == errc::busy);
    record(t, 0, 3);
    CHECK(t.figures().recorded == 3);
    CHECK(t.figures().lost == 0);
    record(t, 3, 27);
    REQUIRE(t.end(7));
    CHECK(t.skip_mask() == 31);
    CHECK(t.figures().recorded == 27);
    CHECK(t.figures().lost == 17);
    std::uint64_t next = 17;
    for (std::uint64_t from = 0; from < 10; from += 4) {
        const auto page = t.page(7, from, 4);
        REQUIRE(page);
        CHECK(page->size() == (from == 8 ? 2 : 4));
        for (const wire_span& s : *page) { CHECK(s.start_ns == next++); }
    }
    CHECK(next == 27);
    CHECK(t.page(7, 10, 4)->empty());
    CHECK(t.page(7, ~std::uint64_t{0}, 4)->empty());
    REQUIRE(t.drop(7));
    CHECK(t.page(7, 0, 4).error() == errc::not_found);
}

TEST_CASE("a server has one trace at a time") {
    runtime::loop loop;
    tracer t(loop);
    REQUIRE(t.begin(wanted(7, 10)));
    record(t, 0, 3);
    CHECK(t.begin(wanted(8, 10)).error() == errc::busy);
    REQUIRE(t.begin(wanted(7, 10))); // a repeat
    CHECK(t.figures().recorded == 3);
    CHECK(t.end(8).error() == errc::not_found);
    CHECK(t.drop(8).error() == errc::not_found);
    REQUIRE(t.end(7));
    REQUIRE(t.end(7));
    REQUIRE(t.begin(wanted(8, 5))); // takes the place of one that has ended
    CHECK(t.page(7, 0, 4).error() == errc::not_found);
    CHECK(t.figures().recorded == 0);
    REQUIRE(t.drop(8)); // also one that is on
    CHECK_FALSE(t.on());
}

TEST_CASE("a trace that nobody ends does it by itself") {
    runtime::loop loop;
    tracer t(loop);
    REQUIRE(t.begin(wanted(7, 10, 20'000'000)));
    record(t, 0, 3);
    REQUIRE(loop.run(until_off(t)));
    CHECK(t.skip_mask() == 31);
    CHECK(t.page(7, 0, 10)->size() == 3);
}

TEST_CASE("a trace has limits") {
    runtime::loop loop;
    tracer t(loop);
    CHECK(t.begin(wanted(0, 10)).error() == errc::invalid_argument);
    CHECK(t.begin(wanted(7, 0)).error() == errc::invalid_argument);
    CHECK(t.begin(wanted(7, trace_control::spans_max + 1)).error() == errc::invalid_argument);
    CHECK(t.begin(wanted(7, 10, 0)).error() == errc::invalid_argument);
    CHECK(t.begin(wanted(7, 10, trace_control::limit_max_ns + 1)).error() == errc::invalid_argument);
    CHECK_FALSE(t.on());
    CHECK(t.end(0).error() == errc::not_found);
    CHECK(t.page(0, 0, 10).error() == errc::not_found);
}

} // namespace benchfs::rpc
