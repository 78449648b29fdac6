#include "fixture.hpp"

#include <array>
#include <poll.h>
#include <sys/stat.h>

namespace benchfs::uring::testing {
namespace {

runtime::task<void> write_and_read_back(uring::ring& r, std::string path) {
    const result<int> fd = co_await uring::open(r, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0640);
    REQUIRE(fd);
    REQUIRE((::fcntl(*fd, F_GETFD) & FD_CLOEXEC) != 0);

    const const_byte_span text = bytes("hello, ring");
    const result<std::size_t> written = co_await uring::write(r, *fd, text, 5);
    REQUIRE(written);
    REQUIRE(*written == text.size());

    std::array<std::byte, 64> buffer{};
    const result<std::size_t> n = co_await uring::read(r, *fd, buffer, 0);
    REQUIRE(n);
    REQUIRE(*n == 5 + text.size()); // short: the file ends there
    REQUIRE(buffer[0] == std::byte{0});
    REQUIRE(std::memcmp(buffer.data() + 5, text.data(), text.size()) == 0);

    const result<std::size_t> at_end = co_await uring::read(r, *fd, buffer, 5 + text.size());
    REQUIRE(at_end);
    REQUIRE(*at_end == 0);

    const status data = co_await uring::fsync(r, *fd, true);
    REQUIRE(data);
    const status all = co_await uring::fsync(r, *fd, false);
    REQUIRE(all);
    const status closed = co_await uring::close(r, *fd);
    REQUIRE(closed);
    REQUIRE(::fcntl(*fd, F_GETFD) == -1);

    const result<int> again = co_await uring::open(r, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0640);
    REQUIRE(again.error() == errc::already_exists);
}

runtime::task<void> allocate_and_stat(uring::ring& r, int fd) {
    const status grown = co_await uring::fallocate(r, fd, 0, 0, 64 * KiB);
    REQUIRE(grown);
    const result<file_status> st = co_await uring::statx(r, fd, std::string(), AT_EMPTY_PATH);
    REQUIRE(st);
    REQUIRE(st->stx_size == 64 * KiB);
    REQUIRE(S_ISREG(st->stx_mode));
    const status kept = co_await uring::fallocate(r, fd, FALLOC_FL_KEEP_SIZE, 64 * KiB, 64 * KiB);
    REQUIRE(kept);
    const result<file_status> same = co_await uring::statx(r, fd, std::string(), AT_EMPTY_PATH, STATX_SIZE);
    REQUIRE(same);
    REQUIRE(same->stx_size == 64 * KiB);
    const status nonsense = co_await uring::fallocate(r, fd, 0, 0, 0);
    REQUIRE(nonsense.error() == errc::invalid_argument);
}

runtime::task<void> rename_and_unlink(uring::ring& r, int dirfd) {
    const result<int> fd = co_await uring::open(r, dirfd, "one", O_WRONLY | O_CREAT, 0600);
    REQUIRE(fd);
    const status closed = co_await uring::close(r, *fd);
    REQUIRE(closed);
    const status moved = co_await uring::rename(r, dirfd, "one", dirfd, "two");
    REQUIRE(moved);
    const result<file_status> gone = co_await uring::statx(r, dirfd, "one");
    REQUIRE(gone.error() == errc::not_found);
    const result<file_status> there = co_await uring::statx(r, dirfd, "two");
    REQUIRE(there);

    REQUIRE(::mkdirat(dirfd, "sub", 0700) == 0);
    const status not_replaced = co_await uring::rename(r, dirfd, "two", dirfd, "sub", RENAME_NOREPLACE);
    REQUIRE(not_replaced.error() == errc::already_exists);
    const status wrong_kind = co_await uring::unlink(r, dirfd, "sub");
    REQUIRE(wrong_kind.error() == errc::is_a_directory);
    const status directory = co_await uring::unlink(r, dirfd, "sub", AT_REMOVEDIR);
    REQUIRE(directory);
    const status file = co_await uring::unlink(r, dirfd, "two");
    REQUIRE(file);
    const status twice = co_await uring::unlink(r, dirfd, "two");
    REQUIRE(twice.error() == errc::not_found);
}

runtime::task<void> poll_pipe(uring::ring& r, pipe_pair& p) {
    const result<short> writable = co_await uring::poll(r, p.writer, POLLOUT);
    REQUIRE(writable);
    REQUIRE((*writable & POLLOUT) != 0);
    p.put("x");
    const result<short> readable = co_await uring::poll(r, p.reader, POLLIN);
    REQUIRE(readable);
    REQUIRE((*readable & POLLIN) != 0);
    p.close_writer();
    const result<short> hung_up = co_await uring::poll(r, p.reader, POLLIN);
    REQUIRE(hung_up);
    REQUIRE((*hung_up & POLLHUP) != 0);
}

runtime::task<void> use_bad_handles(uring::ring& r) {
    std::array<std::byte, 8> buffer{};
    const result<std::size_t> n = co_await uring::read(r, 9999, buffer, 0);
    REQUIRE(n.error() == errc::bad_handle);
    const result<std::size_t> w = co_await uring::write(r, 9999, buffer, 0);
    REQUIRE(w.error() == errc::bad_handle);
    const status s = co_await uring::fsync(r, 9999, false);
    REQUIRE(s.error() == errc::bad_handle);
    const status c = co_await uring::close(r, 9999);
    REQUIRE(c.error() == errc::bad_handle);
    const result<int> o = co_await uring::open(r, AT_FDCWD, "/nonexistent/file", O_RDONLY);
    REQUIRE(o.error() == errc::not_found);
}

} // namespace

TEST_CASE("a file is made, written, read, synced and closed through the ring") {
    temporary_directory dir;
    machine m;
    m.loop.run(write_and_read_back(*m.ring, dir / "file"));
    REQUIRE(m.ring->pending() == 0);
    REQUIRE(m.ring->stats().completed == m.ring->stats().submitted);
}

TEST_CASE("fallocate grows a file and statx tells its size") {
    scratch_file file;
    machine m;
    m.loop.run(allocate_and_stat(*m.ring, file.fd));
}

TEST_CASE("names are moved and removed through the ring") {
    temporary_directory dir;
    const int dirfd = ::open(dir.path.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    REQUIRE(dirfd >= 0);
    machine m;
    m.loop.run(rename_and_unlink(*m.ring, dirfd));
    ::close(dirfd);
}

TEST_CASE("poll tells which events are there") {
    pipe_pair p;
    machine m;
    m.loop.run(poll_pipe(*m.ring, p));
}

TEST_CASE("the kernel's errors come through as they are") {
    machine m;
    m.loop.run(use_bad_handles(*m.ring));
}

} // namespace benchfs::uring::testing
