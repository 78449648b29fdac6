#include "fixture.hpp"

#include "benchfs/runtime/with_timeout.hpp"

#include <array>
#include <chrono>
#include <list>
#include <poll.h>
#include <vector>

namespace benchfs::uring::testing {
namespace {

runtime::task<result<std::size_t>> read_as_task(uring::ring& r, int fd, byte_span to) {
    co_return co_await uring::read(r, fd, to, 0);
}

runtime::task<void> stop_reads(uring::ring& r, int fd, std::size_t count,
                               std::vector<result<std::size_t>>& outcomes, int turns_before) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    std::vector<std::byte> buffer(count);
    for (std::size_t i = 0; i < count; ++i) {
        scope.spawn(read_into(r, fd, byte_span(buffer).subspan(i, 1), outcomes[i]));
    }
    co_await turns(turns_before);
    scope.request_stop(errc::shutting_down);
    [[maybe_unused]] const status joined = co_await scope.join();
}

void expect_all(const std::vector<result<std::size_t>>& outcomes, errc expected) {
    for (const auto& outcome : outcomes) { REQUIRE(outcome.error() == expected); }
}

/// One race of a byte that arrives against a stop; nothing may get lost, whoever wins.
runtime::task<void> race(uring::ring& r, const pipe_pair& p, int variant, int& cancelled) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    std::array<std::byte, 1> buffer{};
    result<std::size_t> outcome = errc::io_error;
    scope.spawn(read_into(r, p.reader, buffer, outcome));
    co_await turns(variant % 4);
    if (variant % 3 == 0) { p.put("x"); }
    co_await turns(variant % 2);
    scope.request_stop();
    co_await turns(variant % 5);
    if (variant % 3 != 0) { p.put("x"); }
    [[maybe_unused]] const status joined = co_await scope.join();
    if (outcome) {
        REQUIRE(*outcome == 1);
        REQUIRE(buffer[0] == std::byte{'x'});
    } else {
        REQUIRE(outcome.error() == errc::cancelled);
        ++cancelled;
        char left = 0;
        REQUIRE(::read(p.reader, &left, 1) == 1); // it is still in the pipe
    }
}

runtime::task<status> note_close(uring::ring& r, int fd, status& outcome) {
    outcome = co_await uring::close(r, fd);
    co_return ok();
}

runtime::task<void> start_stopped(uring::ring& r, int pipe_fd, int doomed_fd, result<std::size_t>& read_outcome,
                                  status& close_outcome) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.request_stop(errc::timed_out);
    std::array<std::byte, 1> buffer{};
    scope.spawn(read_into(r, pipe_fd, buffer, read_outcome));
    scope.spawn(note_close(r, doomed_fd, close_outcome));
    [[maybe_unused]] const status joined = co_await scope.join();
}

runtime::task<status> write_file(uring::ring& r, int fd, const_byte_span from, status& outcome) {
    outcome = co_await write_all(r, fd, from, 0);
    co_return ok();
}

/// Stops a large write right after it was submitted: it either completes or says it was cancelled, and its
/// buffer is not touched any more once it has returned.
runtime::task<void> stop_write(uring::ring& r, int fd, status& outcome) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    auto data = std::make_unique<std::vector<std::byte>>(4 * MiB);
    scope.spawn(write_file(r, fd, *data, outcome));
    co_await turns(1);
    scope.request_stop();
    [[maybe_unused]] const status joined = co_await scope.join();
    data.reset();
}

} // namespace

TEST_CASE("a read of an empty pipe times out") {
    pipe_pair p;
    machine m;
    std::array<std::byte, 8> buffer{};
    auto outcome = m.loop.run(
        runtime::with_timeout(std::chrono::milliseconds(20), read_as_task(*m.ring, p.reader, buffer)));
    REQUIRE(outcome.error() == errc::timed_out);
    REQUIRE(m.ring->pending() == 0);
    p.put("late");
    REQUIRE(buffer[0] == std::byte{0});
}

TEST_CASE("a read in flight gives the reason of the stop") {
    pipe_pair p;
    machine m;
    std::vector<result<std::size_t>> outcomes(1, result<std::size_t>(errc::io_error));
    m.loop.run(stop_reads(*m.ring, p.reader, 1, outcomes, 10));
    expect_all(outcomes, errc::shutting_down);
}

TEST_CASE("a read that is queued but not submitted is cancelled too") {
    pipe_pair p;
    machine m;
    std::vector<result<std::size_t>> outcomes(1, result<std::size_t>(errc::io_error));
    m.loop.run(stop_reads(*m.ring, p.reader, 1, outcomes, 0));
    expect_all(outcomes, errc::shutting_down);
}

TEST_CASE("a hundred reads in a ring of one entry are all cancelled, parked or not") {
    ring_options options = small_options();
    options.queue_size = 1;
    pipe_pair p;
    machine m(options);
    for (const int wait : {0, 10}) {
        std::vector<result<std::size_t>> outcomes(100, result<std::size_t>(errc::io_error));
        m.loop.run(stop_reads(*m.ring, p.reader, 100, outcomes, wait));
        expect_all(outcomes, errc::shutting_down);
    }
    REQUIRE(m.ring->stats().parked >= 2 * (100 - m.ring->max_in_flight()));
    REQUIRE(m.ring->pending() == 0);
}

TEST_CASE("a completion that races a cancel loses no data") {
    pipe_pair p;
    machine m;
    int cancelled = 0;
    for (int variant = 0; variant < 600; ++variant) { m.loop.run(race(*m.ring, p, variant, cancelled)); }
    REQUIRE(cancelled > 0);
    REQUIRE(cancelled < 600);
}

TEST_CASE("in a stopped tree an operation does not start, but close does") {
    pipe_pair p;
    p.put("x");
    const int doomed = ::dup(p.writer);
    machine m;
    result<std::size_t> read_outcome = errc::io_error;
    status close_outcome = errc::io_error;
    m.loop.run(start_stopped(*m.ring, p.reader, doomed, read_outcome, close_outcome));
    REQUIRE(read_outcome.error() == errc::timed_out);
    REQUIRE(close_outcome);
    REQUIRE(::fcntl(doomed, F_GETFD) == -1);
    REQUIRE(m.ring->stats().submitted == 1);
    char left = 0;
    REQUIRE(::read(p.reader, &left, 1) == 1);
}

TEST_CASE("a stopped write keeps its buffer until the kernel is done with it") {
    scratch_file file;
    machine m;
    for (int i = 0; i < 20; ++i) {
        status outcome = errc::io_error;
        m.loop.run(stop_write(*m.ring, file.fd, outcome));
        const bool known = outcome.has_value() || outcome.error() == errc::cancelled;
        REQUIRE(known);
    }
}

} // namespace benchfs::uring::testing
