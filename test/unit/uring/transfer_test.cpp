#include "fixture.hpp"

#include "benchfs/uring/retry_budget.hpp"

#include <csignal>
#include <sys/resource.h>
#include <vector>

namespace benchfs::uring::testing {
namespace {

/// No file may grow beyond `bytes` while this lives.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int) = nullptr;
};

runtime::task<status> put_later(const pipe_pair& p, std::string text) {
    co_await turns(50);
    p.put(text);
    co_return ok();
}

runtime::task<status> close_later(pipe_pair& p) {
    co_await turns(100);
    p.close_writer();
    co_return ok();
}

runtime::task<status> read_in_pieces(runtime::task_scope& scope, uring::ring* r, pipe_pair* p) {
    p->put("abc");
    scope.spawn(put_later(*p, "defgh"));
    scope.spawn(close_later(*p));
    std::vector<std::byte> buffer(16);
    const result<std::size_t> n = co_await read_exact(*r, p->reader, buffer, 0);
    REQUIRE(n);
    REQUIRE(*n == 8);
    REQUIRE(std::memcmp(buffer.data(), "abcdefgh", 8) == 0);
    co_return ok();
}

} // namespace

TEST_CASE("write_all and read_exact move everything, and stop at the end of the file") {
    scratch_file file;
    machine m;
    std::vector<std::byte> out(3 * MiB + 17);
    for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::byte>(i * 7 + i / 251); }
    REQUIRE(m.loop.run(write_all(*m.ring, file.fd, out, 100)));

    std::vector<std::byte> in(out.size());
    const auto whole = m.loop.run(read_exact(*m.ring, file.fd, in, 100));
    REQUIRE(whole);
    REQUIRE(*whole == in.size());
    REQUIRE(in == out);

    const auto tail = m.loop.run(read_exact(*m.ring, file.fd, in, 100 + out.size() - 10));
    REQUIRE(tail);
    REQUIRE(*tail == 10);
    const auto behind = m.loop.run(read_exact(*m.ring, file.fd, in, 100 + out.size()));
    REQUIRE(behind);
    REQUIRE(*behind == 0);
    REQUIRE(m.loop.run(write_all(*m.ring, file.fd, {}, 0)));
}

TEST_CASE("read_exact goes on after a short read") {
    pipe_pair p;
    machine m;
    REQUIRE(m.loop.run(runtime::with_scope(read_in_pieces, m.ring.get(), &p)));
}

TEST_CASE("a full device is no_space") {
    const int fd = ::open("/dev/full", O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    machine m;
    const std::vector<std::byte> out(100);
    REQUIRE(m.loop.run(write_all(*m.ring, fd, out, 0)).error() == errc::no_space);
    ::close(fd);
}

TEST_CASE("a write that the limit cuts short ends in its error, not in success") {
    scratch_file file;
    machine m;
    const std::vector<std::byte> out(64 * KiB);
    const file_size_limit limit(10000);
    REQUIRE(m.loop.run(write_all(*m.ring, file.fd, out, 0)).error() == errc::file_too_large);
}

TEST_CASE("interrupted transfers are tried again within a bound, other errors never") {
    retry_budget budget;
    REQUIRE_FALSE(budget.again(errc::no_space));
    int tries = 0;
    while (budget.again(tries % 2 == 0 ? errc::interrupted : errc::try_again)) { ++tries; }
    REQUIRE(tries == retry_budget::most_tries - 1);
    budget.progress();
    REQUIRE(budget.again(errc::interrupted));
}

} // namespace benchfs::uring::testing
