#include "fixture.hpp"

#include "benchfs/uring/signal_watch.hpp"

#include <chrono>
#include <csignal>

namespace benchfs::uring::testing {
namespace {

sigset_t only(int signal_number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    return set;
}

bool blocked(int signal_number) {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    return sigismember(&now, signal_number) == 1;
}

runtime::task<status> note_signal(uring::ring& r, int which, result<int>& outcome) {
    outcome = co_await wait_signal(r, only(which));
    co_return ok();
}

runtime::task<void> kill_self(uring::ring& r, int which, result<int>& outcome) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(note_signal(r, which, outcome));
    // Long enough for the loop to be asleep when it is sent.
    [[maybe_unused]] const status slept = co_await runtime::sleep_for(std::chrono::milliseconds(20));
    ::kill(::getpid(), which);
    [[maybe_unused]] const status joined = co_await scope.join();
}

runtime::task<void> stop_waiting(uring::ring& r, int which, result<int>& outcome) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(note_signal(r, which, outcome));
    co_await turns(10);
    scope.request_stop(errc::shutting_down);
    [[maybe_unused]] const status joined = co_await scope.join();
}

} // namespace

TEST_CASE("a signal to the process wakes the one who waits for it") {
    machine m;
    result<int> outcome = errc::io_error;
    m.loop.run(kill_self(*m.ring, SIGTERM, outcome));
    REQUIRE(outcome);
    REQUIRE(*outcome == SIGTERM);
    REQUIRE_FALSE(blocked(SIGTERM));
}

TEST_CASE("a signal that came before the wait is not lost") {
    machine m;
    auto watch = signal_watch::open(only(SIGUSR1));
    REQUIRE(watch);
    REQUIRE(blocked(SIGUSR1));
    ::kill(::getpid(), SIGUSR1);
    const auto first = m.loop.run(watch->wait(*m.ring));
    REQUIRE(first);
    REQUIRE(*first == SIGUSR1);
}

TEST_CASE("waiting for a signal ends with a stop") {
    machine m;
    result<int> outcome = errc::io_error;
    m.loop.run(stop_waiting(*m.ring, SIGUSR2, outcome));
    REQUIRE(outcome.error() == errc::shutting_down);
    REQUIRE_FALSE(blocked(SIGUSR2));
}

TEST_CASE("the stop signals are SIGINT and SIGTERM") {
    const sigset_t set = stop_signals();
    REQUIRE(sigismember(&set, SIGINT) == 1);
    REQUIRE(sigismember(&set, SIGTERM) == 1);
    REQUIRE(sigismember(&set, SIGHUP) == 0);
}

} // namespace benchfs::uring::testing
