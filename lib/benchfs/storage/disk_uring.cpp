#include "benchfs/storage/disk_uring.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/storage/log_window.hpp"
#include "benchfs/uring/ops.hpp"
#include "benchfs/uring/ring.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

namespace benchfs::storage {
namespace {

constexpr long tmpfs_magic = 0x01021994;
constexpr long ramfs_magic = 0x858458f6;
constexpr long ext4_magic = 0xef53;
constexpr long xfs_magic = 0x58465342;
constexpr const char* owner_file = "owner.pid";
// To and from the page cache so many bytes are copied at once: a kernel thread, to which io_uring hands what
// might wait (on ext4 every write), takes several times as long as the copy, and even a read that need not wait
// costs two system calls.
constexpr std::size_t inline_bytes = 64 * KiB;
// A plain write that took so long was made to wait for the device, and with it everybody; or this process lost
// its core, which does not come twice within a short time. Then the ring's threads do the waiting, for some
// times as long.
constexpr std::int64_t long_wait_ms = 8;
constexpr std::int64_t short_time_ms = 200;
constexpr std::int64_t avoided_for = 20;

/// To a few milliseconds, for a few nanoseconds.
std::int64_t coarse_ms() noexcept {
    struct ::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

class uring_file final : public disk_file {
public:
    uring_file(uring::ring& ring, disk_uring::avoidance& avoid, int fd, std::uint64_t size, bool direct,
               bool inline_io, bool window) noexcept
        : ring_(ring),
          avoid_(avoid),
          fd_(fd),
          size_(size),
          direct_(direct),
          inline_(inline_io),
          window_(window) {}
    uring_file(const uring_file&) = delete;
    uring_file& operator=(const uring_file&) = delete;
    ~uring_file() override {
        if (fd_ >= 0) { ::close(fd_); }
    }

    runtime::task<result<std::size_t>> read(std::uint64_t offset, byte_span to, int buffer_index) override {
        if (inline_) { co_return counted(::pread(fd_, to.data(), to.size(), static_cast<::off_t>(offset))); }
        if (!direct_ && to.size() <= inline_bytes) {
            const result<std::size_t> n = read_now(offset, to);
            if (n && *n > 0) { co_return *n; }
        }
        co_return co_await uring::read_fixed(ring_, fd_, to, offset, buffer_index);
    }
    runtime::task<result<std::size_t>> write(std::uint64_t offset, const_byte_span from,
                                             int buffer_index) override {
        if (from.size() <= inline_bytes ? copies() : inline_) { co_return write_now(offset, from); }
        co_return co_await uring::write_fixed(ring_, fd_, from, offset, buffer_index);
    }
    result<std::size_t> write_now(std::uint64_t offset, const_byte_span from) override {
        const std::int64_t start = coarse_ms();
        if (window_.copy(fd_, size_, offset, from, start)) { return from.size(); }
        const ::ssize_t n = ::pwrite(fd_, from.data(), from.size(), static_cast<::off_t>(offset));
        const int error = errno;
        const std::int64_t end = coarse_ms();
        if (end - start >= long_wait_ms) {
            if (start - avoid_.last_wait_ms < short_time_ms) {
                avoid_.until_ms = end + avoided_for * (end - start);
            }
            avoid_.last_wait_ms = end;
        }
        if (n < 0) { return from_errno(error); }
        return static_cast<std::size_t>(n);
    }
    result<std::size_t> read_now(std::uint64_t offset, byte_span to) override {
        // From the page cache, or not at all.
        struct ::iovec all{to.data(), to.size()};
        return counted(::preadv2(fd_, &all, 1, static_cast<::off_t>(offset), inline_ ? 0 : RWF_NOWAIT));
    }
    bool copies() const noexcept override { return inline_ || (!direct_ && coarse_ms() >= avoid_.until_ms); }
    runtime::task<status> sync() override {
        const status done = co_await uring::fsync(ring_, fd_, true);
        window_.look_again();
        co_return done;
    }
    runtime::task<status> allocate(std::uint64_t size) override {
        const std::uint64_t wanted = std::max(size, size_);
        status done = co_await uring::fallocate(ring_, fd_, 0, 0, wanted);
        if (!done && done.error() == errc::not_supported) {
            // No reservation on this file system: a full device shows when it is written to.
            done = ::ftruncate(fd_, static_cast<::off_t>(wanted)) == 0 ? errc::ok : from_errno(errno);
        }
        if (done) { size_ = wanted; }
        co_return done;
    }
    runtime::task<status> close() override {
        const int fd = std::exchange(fd_, -1);
        if (fd < 0) { co_return ok(); }
        co_return co_await uring::close(ring_, fd);
    }
    std::uint64_t size() const noexcept override { return size_; }
    bool direct() const noexcept override { return direct_; }

private:
    static result<std::size_t> counted(::ssize_t n) noexcept {
        if (n < 0) { return from_errno(errno); }
        return static_cast<std::size_t>(n);
    }

    uring::ring& ring_;
    disk_uring::avoidance& avoid_;
    int fd_;
    std::uint64_t size_;
    bool direct_;
    bool inline_;
    log_window window_;
};

/// The kernel's number of this start of the machine; zeros where it has none.
std::array<std::uint64_t, 2> this_boot() noexcept {
    std::array<std::uint64_t, 2> out{};
    const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) { return out; }
    char text[64];
    const ::ssize_t n = ::read(fd, text, sizeof text);
    ::close(fd);
    int digits = 0;
    for (::ssize_t i = 0; i < n && digits < 32; ++i) {
        const char c = text[i];
        const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0) { continue; }
        std::uint64_t& half = out[static_cast<std::size_t>(digits++ / 16)];
        half = half << 4U | static_cast<std::uint64_t>(value);
    }
    return out;
}

} // namespace

result<std::unique_ptr<disk_uring>> disk_uring::open_directory(uring::ring& ring, std::string directory,
                                                               disk_uring_options options) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        const errc error = from_errno(errno);
        BFS_LOG_ERROR("storage", "cannot make the data directory %s: %s", directory.c_str(),
                      std::strerror(errno));
        return error;
    }
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ::statfs about{};
    if (fd < 0 || ::fstatfs(fd, &about) != 0) {
        const errc error = from_errno(errno);
        BFS_LOG_ERROR("storage", "cannot open the data directory %s: %s", directory.c_str(),
                      std::strerror(errno));
        if (fd >= 0) { ::close(fd); }
        return error;
    }
    const bool inline_io = about.f_type == tmpfs_magic || about.f_type == ramfs_magic;
    if (inline_io) {
        BFS_LOG_INFO("storage",
                     "%s is a memory file system: reading and writing it with plain system calls, which "
                     "are faster there; the memory engine is faster still",
                     directory.c_str());
    }
    std::unique_ptr<disk_uring> made(new disk_uring(ring, std::move(directory), options, fd, inline_io));
    made->windows_ = about.f_type == ext4_magic || about.f_type == xfs_magic || about.f_type == tmpfs_magic;
    return made;
}

disk_uring::disk_uring(uring::ring& ring, std::string directory, disk_uring_options options, int fd,
                       bool inline_io)
    : ring_(ring),
      directory_(std::move(directory)),
      options_(options),
      fd_(fd),
      inline_(inline_io),
      power_cycle_(this_boot()) {
    const std::uint32_t count = ring.buffers().count();
    lent_.resize(count);
    for (std::uint32_t i = count; i-- > 0;) { free_tokens_.push_back(i); }
}

disk_uring::~disk_uring() {
    BFS_ASSERT(free_tokens_.size() == lent_.size());
    if (fd_ >= 0) { ::close(fd_); }
}

runtime::task<result<std::unique_ptr<disk_file>>> disk_uring::open(std::string name, bool create) {
    const int flags = O_RDWR | (create ? O_CREAT : 0) | (options_.direct ? O_DIRECT : 0);
    result<int> fd = co_await uring::open(ring_, fd_, name, flags, 0600);
    if (!fd) {
        if (fd.error() == errc::invalid_argument && options_.direct) {
            BFS_LOG_ERROR("storage", "%s: the file system has no O_DIRECT; set direct to off",
                          directory_.c_str());
            co_return errc::not_supported;
        }
        BFS_LOG_ERROR("storage", "cannot open %s/%s: %.*s", directory_.c_str(), name.c_str(),
                      static_cast<int>(message(fd.error()).size()), message(fd.error()).data());
        co_return fd.error();
    }
    co_return co_await checked(*fd, name, options_.direct, false);
}

runtime::task<result<std::unique_ptr<disk_file>>> disk_uring::open_log(std::string name, bool create) {
    const int flags = O_RDWR | (create ? O_CREAT : 0);
    result<int> fd = co_await uring::open(ring_, fd_, name, flags, 0600);
    if (!fd) {
        BFS_LOG_ERROR("storage", "cannot open %s/%s: %.*s", directory_.c_str(), name.c_str(),
                      static_cast<int>(message(fd.error()).size()), message(fd.error()).data());
        co_return fd.error();
    }
    co_return co_await checked(*fd, name, false, windows_);
}

/// Locks an open file and makes an object of it; closes the descriptor when that fails.
runtime::task<result<std::unique_ptr<disk_file>>> disk_uring::checked(int fd, const std::string& name,
                                                                      bool direct, bool window) {
    const status locked = co_await lock(fd, name);
    struct ::stat about{};
    if (!locked || ::fstat(fd, &about) != 0) {
        const errc error = locked ? from_errno(errno) : locked.error();
        ::close(fd);
        co_return error;
    }
    note_owner();
    std::unique_ptr<disk_file> file = std::make_unique<uring_file>(
        ring_, avoidance_, fd, static_cast<std::uint64_t>(about.st_size), direct, inline_, window);
    co_return file;
}

runtime::task<status> disk_uring::lock(int fd, const std::string& name) {
    constexpr duration pause = std::chrono::milliseconds(10);
    for (duration waited{0}; ::flock(fd, LOCK_EX | LOCK_NB) != 0; waited += pause) {
        if (errno != EWOULDBLOCK) { co_return from_errno(errno); }
        if (waited >= options_.lock_wait) {
            char owner[32] = "unknown";
            const int pid_fd = ::openat(fd_, owner_file, O_RDONLY | O_CLOEXEC);
            if (pid_fd >= 0) {
                const ::ssize_t n = ::read(pid_fd, owner, sizeof owner - 1);
                if (n > 0) { owner[n] = '\0'; }
                ::close(pid_fd);
            }
            BFS_LOG_ERROR("storage",
                          "the data directory %s is in use: %s is locked; process according to %s: %s. "
                          "Stop that server or choose another directory",
                          directory_.c_str(), name.c_str(), owner_file, owner);
            co_return errc::busy;
        }
        BFS_CO_CHECK(co_await runtime::sleep_for(pause));
    }
    co_return ok();
}

void disk_uring::note_owner() noexcept {
    if (std::exchange(owner_noted_, true)) { return; }
    const int fd = ::openat(fd_, owner_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) { return; } // only the message of a second opener is poorer
    char text[32];
    const int n = std::snprintf(text, sizeof text, "%d", static_cast<int>(::getpid()));
    if (::write(fd, text, static_cast<std::size_t>(n)) != n) { ::unlinkat(fd_, owner_file, 0); }
    ::close(fd);
}

// Called when a store is opened, before anything is served: reading a directory has no asynchronous form.
runtime::task<result<std::vector<std::string>>> disk_uring::list() {
    const int fd = ::openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::DIR* dir = fd < 0 ? nullptr : ::fdopendir(fd);
    if (dir == nullptr) {
        const errc error = from_errno(errno);
        if (fd >= 0) { ::close(fd); }
        co_return error;
    }
    std::vector<std::string> names;
    while (const ::dirent* entry = ::readdir(dir)) {
        if (entry->d_name[0] != '.') { names.emplace_back(entry->d_name); }
    }
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    co_return names;
}

runtime::task<status> disk_uring::unlink(std::string name) {
    co_return co_await uring::unlink(ring_, fd_, name);
}

runtime::task<status> disk_uring::sync_directory() { co_return co_await uring::fsync(ring_, fd_, false); }

std::uint64_t disk_uring::free_bytes() const noexcept {
    struct ::statvfs about{};
    if (::fstatvfs(fd_, &about) != 0) { return 0; }
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

std::size_t disk_uring::lent_size() const noexcept { return lent_.empty() ? 0 : ring_.buffers().buffer_size(); }

lent_buffer disk_uring::try_lend() noexcept {
    if (free_tokens_.empty()) { return {}; }
    uring::registered_buffer b = ring_.buffers().try_acquire();
    if (!b) { return {}; }
    const std::uint32_t token = free_tokens_.back();
    free_tokens_.pop_back();
    lent_[token] = std::move(b);
    return {lent_[token].span().data(), lent_[token].index(), token};
}

void disk_uring::give_back(const lent_buffer& b) noexcept {
    lent_[b.token].release();
    free_tokens_.push_back(b.token);
}

runtime::task<status> disk_uring::close() {
    if (fd_ < 0) { co_return ok(); }
    if (owner_noted_) { ::unlinkat(fd_, owner_file, 0); }
    co_return co_await uring::close(ring_, std::exchange(fd_, -1));
}

} // namespace benchfs::storage
