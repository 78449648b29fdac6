#include "fixture.hpp"

#include "benchfs/uring/kernel.hpp"

#include <array>
#include <chrono>
#include <liburing.h>

namespace benchfs::uring::testing {
namespace {

constexpr unsigned newest_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

template <int Error>
int refuse(unsigned, ::io_uring*, ::io_uring_params*) {
    return -Error;
}

template <unsigned Unknown>
int setup_without_flags(unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
    if ((params->flags & Unknown) != 0) { return -EINVAL; }
    return ::io_uring_queue_init_params(entries, ring, params);
}

template <unsigned Feature>
int setup_without_feature(unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
    const int error = ::io_uring_queue_init_params(entries, ring, params);
    ring->features &= ~Feature;
    return error;
}

::io_uring_probe* probe_without_rename(::io_uring* ring) {
    ::io_uring_probe* probe = ::io_uring_get_probe_ring(ring);
    if (probe != nullptr) { probe->ops[IORING_OP_RENAMEAT].flags = 0; }
    return probe;
}

kernel_calls with_setup(decltype(kernel_calls::setup) setup) {
    kernel_calls calls = liburing_calls();
    calls.setup = setup;
    return calls;
}

std::string problem_of(const kernel_calls& calls, errc expected) {
    std::string problem;
    const auto ring = open_ring(calls, 8, problem);
    REQUIRE(ring.error() == expected);
    return problem;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

runtime::task<status> put_after_sleep(const pipe_pair& p) {
    const status slept = co_await runtime::sleep_for(std::chrono::milliseconds(20));
    p.put("x");
    co_return slept;
}

/// Completions that come at once, later, while asleep, and not at all.
runtime::task<void> everyday_work(uring::ring& r, int file, const pipe_pair& p, result<std::size_t>& stopped) {
    const status written = co_await write_all(r, file, bytes("everyday"), 0);
    REQUIRE(written);
    std::array<std::byte, 16> buffer{};
    const result<std::size_t> n = co_await read_exact(r, file, buffer, 0);
    REQUIRE(n);
    REQUIRE(*n == 8);

    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(put_after_sleep(p));
    const result<std::size_t> piped = co_await uring::read(r, p.reader, buffer, 0);
    scope.spawn(read_into(r, p.reader, buffer, stopped));
    co_await turns(5);
    scope.request_stop();
    [[maybe_unused]] const status joined = co_await scope.join();
    REQUIRE(piped);
}

} // namespace

TEST_CASE("a kernel without io_uring is told apart from one that forbids it") {
    const std::string absent = problem_of(with_setup(refuse<ENOSYS>), errc::not_supported);
    REQUIRE(contains(absent, "seccomp"));
    REQUIRE(contains(absent, "5.11"));
    const std::string disabled = problem_of(with_setup(refuse<EPERM>), errc::not_supported);
    REQUIRE(contains(disabled, "kernel.io_uring_disabled"));
    REQUIRE(contains(disabled, "seccomp"));
    const std::string memory = problem_of(with_setup(refuse<ENOMEM>), errc::no_memory);
    REQUIRE(contains(memory, "ulimit -l"));
    const std::string files = problem_of(with_setup(refuse<EMFILE>), errc::too_many_files);
    REQUIRE(contains(files, "ulimit -n"));
}

TEST_CASE("what is missing is named") {
    kernel_calls calls = liburing_calls();
    calls.probe = probe_without_rename;
    const std::string operation = problem_of(calls, errc::not_supported);
    REQUIRE(contains(operation, "RENAMEAT"));
    REQUIRE_FALSE(contains(operation, "OPENAT"));

    const std::string feature =
        problem_of(with_setup(setup_without_feature<IORING_FEAT_NODROP>), errc::not_supported);
    REQUIRE(contains(feature, "NODROP"));
}

TEST_CASE("a ring that cannot be made leaves the loop alone") {
    const quiet hidden;
    const kernel_calls calls = with_setup(refuse<EPERM>);
    runtime::loop loop;
    ring_options options = small_options();
    options.kernel = &calls;
    REQUIRE(ring::create(loop, options).error() == errc::not_supported);
    REQUIRE(loop.poller() == nullptr);
}

TEST_CASE("older kernels do the same work with fewer features") {
    const quiet hidden;
    const std::array kernels{
        liburing_calls(),
        with_setup(setup_without_flags<newest_flags>),
        with_setup(setup_without_flags < newest_flags | IORING_SETUP_COOP_TASKRUN >),
        with_setup(setup_without_feature<IORING_FEAT_EXT_ARG>),
    };
    for (const kernel_calls& calls : kernels) {
        ring_options options = small_options();
        options.kernel = &calls;
        scratch_file file;
        pipe_pair p;
        machine m(options);
        result<std::size_t> stopped = errc::io_error;
        m.loop.run(everyday_work(*m.ring, file.fd, p, stopped));
        REQUIRE(stopped.error() == errc::cancelled);
        REQUIRE(m.loop.stats().sleeps > 0);
        REQUIRE(m.ring->pending() == 0);
    }
}

} // namespace benchfs::uring::testing
