#include "fixture.hpp"

#include <array>
#include <chrono>
#include <sys/resource.h>
#include <sys/wait.h>

namespace benchfs::uring::testing {
namespace {

using namespace std::chrono_literals;

duration cpu_time() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const auto spent = std::chrono::seconds(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                       std::chrono::microseconds(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    return spent;
}

runtime::task<status> rest(duration how_long) { co_return co_await runtime::sleep_for(how_long); }

runtime::task<status> write_after(const pipe_pair& p, duration how_long) {
    const status slept = co_await runtime::sleep_for(how_long);
    p.put("t");
    co_return slept;
}

runtime::task<void> read_while_timer_writes(uring::ring& r, const pipe_pair& p, result<std::size_t>& outcome) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(write_after(p, 30ms));
    std::array<std::byte, 4> buffer{};
    outcome = co_await uring::read(r, p.reader, buffer, 0);
    [[maybe_unused]] const status joined = co_await scope.join();
}

class flag_callback final : public runtime::fd_callback {
public:
    ~flag_callback() = default;
    void on_readable(errc) noexcept override { called.set(); }
    runtime::event called;
};

runtime::task<status> until_set(runtime::event& e) { co_return co_await e.wait(); }

} // namespace

TEST_CASE("another process wakes a loop that sleeps in the ring") {
    pipe_pair p;
    machine m;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::usleep(60000);
        ::_exit(::write(p.writer, "c", 1) == 1 ? 0 : 1);
    }
    std::array<std::byte, 4> buffer{};
    result<std::size_t> n = errc::io_error;
    REQUIRE(m.loop.run(read_into(*m.ring, p.reader, buffer, n)));
    int how = 0;
    REQUIRE(::waitpid(child, &how, 0) == child);
    REQUIRE(how == 0);
    REQUIRE(n);
    REQUIRE(*n == 1);
    REQUIRE(buffer[0] == std::byte{'c'});
    REQUIRE(m.loop.stats().sleeps > 0);
}

TEST_CASE("a timer wakes a loop that sleeps in the ring") {
    pipe_pair p;
    machine m;
    result<std::size_t> n = errc::io_error;
    m.loop.run(read_while_timer_writes(*m.ring, p, n));
    REQUIRE(n);
    REQUIRE(m.loop.stats().sleeps > 0);
}

TEST_CASE("a watch wakes a loop that sleeps in the ring") {
    pipe_pair p;
    machine m;
    flag_callback seen;
    m.loop.poller()->watch(p.reader, seen);
    runtime::task_scope scope(m.loop.root());
    scope.spawn(write_after(p, 30ms));
    REQUIRE(m.loop.run(until_set(seen.called)));
    REQUIRE(m.loop.run(scope.join()));
    REQUIRE(m.loop.stats().sleeps > 0);
}

TEST_CASE("wait returns at its deadline and not before") {
    machine m;
    const steady_clock clock;
    const time_point begin = clock.now();
    m.loop.run(turns(1));
    const time_point deadline = clock.now() + 20ms;
    int rounds = 0;
    while (clock.now() < deadline) {
        m.loop.turn(); // refreshes the loop's time
        m.ring->wait(deadline);
        ++rounds;
    }
    REQUIRE(clock.now() - begin >= 20ms);
    REQUIRE(rounds <= 10); // it blocked
    m.ring->wait(begin);   // a deadline in the past does not block
}

TEST_CASE("wait does not block when a completion is there already") {
    pipe_pair p;
    p.put("x");
    machine m;
    flag_callback seen;
    m.loop.poller()->watch(p.reader, seen); // queued only: wait() itself must hand it over
    m.ring->wait(time_point::max());
    m.ring->wait(time_point::max()); // reaped by nobody yet
    REQUIRE(m.ring->prepare_sleep() == false);
    REQUIRE(m.loop.run(until_set(seen.called)));
    REQUIRE(seen.called.is_set());
}

TEST_CASE("an idle loop with a ring uses no CPU") {
    pipe_pair p;
    machine m;
    flag_callback never;
    m.loop.poller()->watch(p.reader, never);
    const duration before = cpu_time();
    REQUIRE(m.loop.run(rest(1s)));
    REQUIRE(cpu_time() - before <= 20ms); // two clock ticks
    REQUIRE(m.loop.stats().sleeps > 0);
    m.loop.poller()->unwatch(never);
}

} // namespace benchfs::uring::testing
