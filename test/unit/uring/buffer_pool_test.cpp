#include "fixture.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <list>
#include <optional>
#include <vector>

namespace benchfs::uring::testing {
namespace {

ring_options with_buffers(unsigned count) {
    ring_options options = small_options();
    options.buffer_count = count;
    options.buffer_size = 16 * KiB;
    return options;
}

int table_refused(::io_uring*, unsigned) { return -EINVAL; }
int all_refused(::io_uring*, const ::iovec*, unsigned) { return -ENOMEM; }

std::size_t unlimited() { return SIZE_MAX; }

/// The real kernel without the limit of this machine's user.
kernel_calls generous_kernel() {
    kernel_calls calls = liburing_calls();
    calls.lockable_bytes = unlimited;
    return calls;
}

template <unsigned Allowed>
int locks_few(::io_uring* ring, unsigned slot, const ::iovec* buffer) {
    return slot < Allowed ? liburing_calls().set_buffer(ring, slot, buffer) : -ENOMEM;
}

long resident_pages() {
    std::ifstream statm("/proc/self/statm");
    long size = 0;
    long resident = 0;
    statm >> size >> resident;
    return resident;
}

runtime::task<void> round_trip(uring::ring& r, int fd) {
    registered_buffer out = r.buffers().try_acquire();
    registered_buffer in = r.buffers().try_acquire();
    REQUIRE(out);
    REQUIRE(in);
    for (std::size_t i = 0; i < out.span().size(); ++i) { out.span()[i] = static_cast<std::byte>(i * 13 + 1); }
    const status written = co_await write_all(r, fd, out.span(), 0, out.index());
    REQUIRE(written);
    // A part of a registered buffer may be used as well.
    const result<std::size_t> n = co_await read_exact(r, fd, in.span().subspan(512, 4096), 8192, in.index());
    REQUIRE(n);
    REQUIRE(*n == 4096);
    REQUIRE(std::memcmp(in.span().data() + 512, out.span().data() + 8192, 4096) == 0);
}

runtime::task<status> take_turn(buffer_pool& pool, int number, std::vector<int>& order, errc& outcome) {
    result<registered_buffer> mine = co_await pool.acquire();
    outcome = mine.error();
    if (mine) {
        order.push_back(number);
        co_await turns(3);
    }
    co_return ok();
}

runtime::task<void> queue_up(buffer_pool& pool, std::vector<int>& order) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    registered_buffer held = pool.try_acquire();
    std::array<errc, 5> outcomes{};
    for (int i = 0; i < 5; ++i) {
        scope.spawn(take_turn(pool, i, order, outcomes[static_cast<std::size_t>(i)]));
    }
    co_await turns(5);
    const bool nobody_yet = order.empty();
    held.release();
    registered_buffer barging = pool.try_acquire(); // it is promised to the first in the queue
    const bool overtaken = static_cast<bool>(barging);
    barging.release();
    const status joined = co_await scope.join();
    REQUIRE(joined);
    REQUIRE(nobody_yet);
    REQUIRE_FALSE(overtaken);
}

runtime::task<void> stop_a_waiter(buffer_pool& pool, errc& stopped, errc& other) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    runtime::task_scope inner(context);
    std::vector<int> order;
    registered_buffer held = pool.try_acquire();
    inner.spawn(take_turn(pool, 0, order, stopped));
    scope.spawn(take_turn(pool, 1, order, other));
    co_await turns(2);
    inner.request_stop(errc::timed_out);
    [[maybe_unused]] const status first = co_await inner.join();
    held.release();
    [[maybe_unused]] const status second = co_await scope.join();
}

runtime::task<result<registered_buffer>> acquire_as_task(buffer_pool& pool) {
    co_return co_await pool.acquire();
}

} // namespace

TEST_CASE("registered buffers are written and read by index") {
    scratch_file file;
    machine m(with_buffers(4));
    registered_buffer one = m.ring->buffers().try_acquire();
    REQUIRE(one.index() >= 0);
    REQUIRE(one.span().size() == 16 * KiB);
    REQUIRE(reinterpret_cast<std::uintptr_t>(one.span().data()) % 4096 == 0);
    one.release();
    REQUIRE(one.index() == -1);
    REQUIRE(one.span().empty());
    m.loop.run(round_trip(*m.ring, file.fd));
    REQUIRE(m.ring->buffers().available() == 4);
}

TEST_CASE("unregistered buffers do the same through the same interface") {
    ring_options options = with_buffers(4);
    options.register_buffers = false;
    scratch_file file;
    machine m(options);
    registered_buffer one = m.ring->buffers().try_acquire();
    REQUIRE(one);
    REQUIRE(one.index() == -1);
    one.release();
    m.loop.run(round_trip(*m.ring, file.fd));
}

TEST_CASE("beyond the memlock limit buffers go unregistered") {
    const quiet hidden;
    kernel_calls calls = generous_kernel();
    calls.set_buffer = locks_few<1>;
    ring_options options = with_buffers(3);
    options.kernel = &calls;
    scratch_file file;
    machine m(options);
    std::array<registered_buffer, 3> all;
    for (auto& one : all) { one = m.ring->buffers().try_acquire(); }
    REQUIRE(all[0].index() == 0);
    REQUIRE(all[1].index() == -1);
    REQUIRE(all[2].index() == -1);
    for (auto& one : all) { one.release(); }
    m.loop.run(round_trip(*m.ring, file.fd));
}

TEST_CASE("only a part of the lockable memory is taken") {
    const quiet hidden;
    kernel_calls calls = liburing_calls();
    calls.lockable_bytes = [] { return 40 * KiB; };
    ring_options options = with_buffers(4);
    options.kernel = &calls;
    scratch_file file;
    {
        machine m(options);
        std::array<registered_buffer, 4> all;
        for (auto& one : all) { one = m.ring->buffers().try_acquire(); }
        REQUIRE(std::count_if(all.begin(), all.end(), [](const auto& one) { return one.index() >= 0; }) == 2);
        for (auto& one : all) { one.release(); }
        m.loop.run(round_trip(*m.ring, file.fd));
    }
    calls.lockable_bytes = [] { return std::size_t{0}; };
    machine m(options);
    REQUIRE(m.ring->buffers().try_acquire().index() == -1);
    m.loop.run(round_trip(*m.ring, file.fd));
}

TEST_CASE("kernels without an empty table register all buffers at once, or none") {
    const quiet hidden;
    kernel_calls calls = generous_kernel();
    calls.register_table = table_refused;
    ring_options options = with_buffers(3);
    options.kernel = &calls;
    scratch_file file;
    {
        machine m(options);
        REQUIRE(m.ring->buffers().try_acquire().index() >= 0);
        m.loop.run(round_trip(*m.ring, file.fd));
    }
    calls.register_buffers = all_refused;
    machine m(options);
    REQUIRE(m.ring->buffers().try_acquire().index() == -1);
    m.loop.run(round_trip(*m.ring, file.fd));
}

TEST_CASE("when all buffers are out, who waits first is served first") {
    machine m(with_buffers(1));
    std::vector<int> order;
    m.loop.run(queue_up(m.ring->buffers(), order));
    REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4});
    REQUIRE(m.ring->buffers().available() == 1);
}

TEST_CASE("waiting for a buffer ends with a stop and loses no buffer") {
    machine m(with_buffers(1));
    errc stopped = errc::io_error;
    errc other = errc::io_error;
    m.loop.run(stop_a_waiter(m.ring->buffers(), stopped, other));
    REQUIRE(stopped == errc::timed_out);
    REQUIRE(other == errc::ok);
    REQUIRE(m.ring->buffers().available() == 1);
}

TEST_CASE("a pool of no buffers says so") {
    machine m;
    REQUIRE_FALSE(m.ring->buffers().try_acquire());
    REQUIRE(m.loop.run(acquire_as_task(m.ring->buffers())).error() == errc::not_supported);
}

TEST_CASE("a pool costs no memory before it is used") {
    ring_options options = small_options();
    options.buffer_count = 64;
    options.buffer_size = 16 * MiB;
    const long before = resident_pages();
    machine m(options);
    REQUIRE(resident_pages() - before < 16 * 256); // 16 MiB of 1 GiB
    REQUIRE(m.ring->buffers().try_acquire());
}

} // namespace benchfs::uring::testing
