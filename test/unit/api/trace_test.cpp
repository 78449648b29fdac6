// A trace of several servers: every call of the window is in it once, with its parts, and nothing is measured
// more than usual afterwards.
#include "loopback_cluster.hpp"

#include "benchfs/client/trace.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;
using test::loopback_cluster;

constexpr int files_made = 100;
constexpr open_flags traced_flags = open_flags::write | open_flags::create;

task<status> make_files(file_system& fs, std::string prefix) {
    const std::vector<std::byte> data(3000, std::byte{1});
    for (int i = 0; i < files_made; ++i) {
        BFS_CO_TRY(file f, co_await fs.open(prefix + std::to_string(i), traced_flags));
        BFS_CO_CHECK(co_await f.write(data, 0));
    }
    co_return ok();
}

task<status> work_a_little_later(file_system& fs) {
    BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(20)));
    task<status> making = make_files(fs, "/during");
    BFS_CO_CHECK(co_await std::move(making));
    (void)co_await fs.stat("/none");
    co_return ok();
}

task<status> trace_work(file_system& fs, trace_options options, trace_report& report, server_id& failed) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(record_trace(fs, options, report, failed));
    scope.spawn(work_a_little_later(fs));
    co_return co_await scope.join();
}

std::size_t count(const trace_report& r, std::string_view method) {
    return static_cast<std::size_t>(
        std::count_if(r.spans.begin(), r.spans.end(), [&](const trace_span& s) { return s.method == method; }));
}

std::uint64_t measured_writes(loopback_cluster& c) {
    const auto& s = c.server(server_id{0}).requests().stats(rpc::write_chunk::info.id);
    return s.latency ? s.latency->whole.count() : 0;
}

} // namespace

TEST_CASE("a trace has every call of its window from all servers") {
    loopback_cluster c(3);
    REQUIRE(c.run(make_files(c.fs(), "/before")));
    trace_options options;
    options.window = std::chrono::milliseconds(300);
    trace_report report;
    server_id failed{};
    REQUIRE(c.run(trace_work(c.fs(), options, report, failed)));
    CHECK(report.lost == 0);
    CHECK(count(report, "create") == files_made);
    CHECK(count(report, "write") == files_made);
    std::vector<bool> seen(3, false);
    std::int64_t last = report.spans.front().start_ns;
    for (const trace_span& s : report.spans) {
        seen[index(s.server)] = true;
        CHECK(s.start_ns >= last);
        last = s.start_ns;
        CHECK(s.start_ns < std::chrono::nanoseconds(std::chrono::seconds(5)).count());
        CHECK(s.queue_ns + s.network_ns <= s.whole_ns);
        CHECK(s.client != 0);
        if (s.method == "write") { CHECK(s.bytes >= 3000); }
        if (s.method == "lookup") { CHECK(s.outcome == errc::not_found); }
    }
    CHECK(count(report, "lookup") == 1);
    CHECK(seen == std::vector<bool>(3, true));

    // Off again: one call in 32 is measured, as before.
    const std::uint64_t before = measured_writes(c);
    REQUIRE(c.run(make_files(c.fs(), "/after")));
    CHECK(measured_writes(c) - before <= files_made / 32 + 1);
    for (unsigned i = 0; i < 3; ++i) {
        CHECK_FALSE(c.server(static_cast<server_id>(i)).requests().trace().on());
        CHECK(c.server(static_cast<server_id>(i)).requests().trace().figures().recorded == 0); // dropped
    }
}

TEST_CASE("a trace with little room has the last calls") {
    loopback_cluster c(1);
    trace_options options;
    options.window = std::chrono::milliseconds(300);
    options.spans = 50;
    trace_report report;
    server_id failed{};
    REQUIRE(c.run(trace_work(c.fs(), options, report, failed)));
    CHECK(report.spans.size() == 50);
    CHECK(report.lost >= 2 * files_made - 50);
}

TEST_CASE("a second trace is refused and the first one goes on") {
    loopback_cluster c(2);
    rpc::trace_control::request first{99, 1'000'000'000, rpc::trace_control::begin, 10};
    REQUIRE(c.run(c.fs().calls().call<rpc::trace_control>(server_id{1}, first)));
    trace_report report;
    server_id failed{};
    trace_options options;
    options.window = std::chrono::milliseconds(10);
    CHECK(c.run(record_trace(c.fs(), options, report, failed)).error() == errc::busy);
    CHECK(failed == server_id{1});
    CHECK(c.server(server_id{1}).requests().trace().on());
    CHECK_FALSE(c.server(server_id{0}).requests().trace().on());
}

} // namespace benchfs
