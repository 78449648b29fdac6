#include "fixture.hpp"

#include <algorithm>
#include <poll.h>
#include <vector>

namespace benchfs::uring::testing {
namespace {

runtime::task<status> write_number(uring::ring* r, int fd, std::uint64_t i) {
    const std::uint64_t value = i * 1000003;
    co_return co_await write_all(*r, fd, bytes_of(value), i * sizeof value);
}

runtime::task<status> write_numbers(runtime::task_scope& scope, uring::ring* r, int fd, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) { scope.spawn(write_number(r, fd, i)); }
    co_return ok();
}

runtime::task<status> poll_once(uring::ring* r, int fd, std::vector<int>* order, int i) {
    const result<short> events = co_await uring::poll(*r, fd, POLLOUT);
    order->push_back(i);
    co_return events ? errc::ok : events.error();
}

runtime::task<status> poll_many(runtime::task_scope& scope, uring::ring* r, int fd, std::vector<int>* order,
                                int count) {
    for (int i = 0; i < count; ++i) { scope.spawn(poll_once(r, fd, order, i)); }
    co_return ok();
}

void check_numbers(int fd, std::uint64_t count) {
    std::vector<std::uint64_t> seen(count);
    REQUIRE(::pread(fd, seen.data(), count * 8, 0) == static_cast<ssize_t>(count * 8));
    for (std::uint64_t i = 0; i < count; ++i) {
        if (seen[i] != i * 1000003) { FAIL("number " << i << " is " << seen[i]); }
    }
}

} // namespace

TEST_CASE("ten thousand operations at once go through a ring of eight entries") {
    scratch_file file;
    machine m;
    REQUIRE(m.loop.run(runtime::with_scope(write_numbers, m.ring.get(), file.fd, std::uint64_t{10000})));
    check_numbers(file.fd, 10000);
    REQUIRE(m.ring->stats().completed == 10000);
    REQUIRE(m.ring->stats().parked >= 10000 - m.ring->max_in_flight());
    REQUIRE(m.ring->stats().cq_overflows == 0);
}

TEST_CASE("the smallest ring works") {
    ring_options options = small_options();
    options.queue_size = 1;
    options.submit_depth = 1;
    scratch_file file;
    machine m(options);
    REQUIRE(m.loop.run(runtime::with_scope(write_numbers, m.ring.get(), file.fd, std::uint64_t{500})));
    check_numbers(file.fd, 500);
    REQUIRE(m.ring->stats().cq_overflows == 0);
}

TEST_CASE("parked operations start in the order they came") {
    pipe_pair p;
    machine m;
    std::vector<int> order;
    REQUIRE(m.loop.run(runtime::with_scope(poll_many, m.ring.get(), p.writer, &order, 300)));
    REQUIRE(order.size() == 300);
    REQUIRE(std::is_sorted(order.begin(), order.end())); // a poll of a writable pipe completes at once
    REQUIRE(m.ring->stats().parked > 0);
}

TEST_CASE("what is queued in a turn is handed over in one system call") {
    ring_options options = small_options();
    options.queue_size = 128;
    options.submit_depth = 128;
    pipe_pair p;
    machine m(options);
    std::vector<int> order;
    REQUIRE(m.loop.run(runtime::with_scope(poll_many, m.ring.get(), p.writer, &order, 100)));
    REQUIRE(m.ring->stats().submitted == 100);
    REQUIRE(m.ring->stats().enters <= 3);
}

TEST_CASE("the submit depth hands over in mid-turn") {
    ring_options options = small_options();
    options.queue_size = 128;
    options.submit_depth = 10;
    pipe_pair p;
    machine m(options);
    std::vector<int> order;
    REQUIRE(m.loop.run(runtime::with_scope(poll_many, m.ring.get(), p.writer, &order, 100)));
    REQUIRE(m.ring->stats().enters >= 10);
}

TEST_CASE("turns without operations enter the kernel never") {
    machine m;
    const auto before = m.ring->stats().enters;
    m.loop.run(turns(1000));
    REQUIRE(m.ring->stats().enters == before);
}

TEST_CASE("options out of range are refused") {
    const quiet hidden;
    runtime::loop loop;
    ring_options options = small_options();
    options.queue_size = 0;
    REQUIRE(ring::create(loop, options).error() == errc::invalid_argument);
    options.queue_size = 16385;
    REQUIRE(ring::create(loop, options).error() == errc::invalid_argument);
    options.queue_size = 8;
    options.submit_depth = 0;
    REQUIRE(ring::create(loop, options).error() == errc::invalid_argument);
    REQUIRE(loop.poller() == nullptr);
}

TEST_CASE("a loop has one ring at a time") {
    const quiet hidden;
    machine m;
    REQUIRE(ring::create(m.loop, small_options()).error() == errc::busy);
    m.ring.reset();
    REQUIRE(m.loop.poller() == nullptr);
    auto second = ring::create(m.loop, small_options());
    REQUIRE(second);
}

} // namespace benchfs::uring::testing
