#include "benchfs/cluster/small_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace benchfs::cluster {

namespace {

class open_file {
public:
    explicit open_file(int fd) noexcept : fd_(fd) {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (fd_ >= 0) { ::close(fd_); }
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    /// NFS reports a failed write here.
    status close() noexcept {
        if (::close(std::exchange(fd_, -1)) != 0) { return from_errno(errno); }
        return ok();
    }

private:
    int fd_;
};

status write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) { continue; }
        if (n < 0) { return from_errno(errno); }
        if (n == 0) { return errc::io_error; }
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return ok();
}

/// A complete file under a name that nobody else uses, beside `path`.
result<std::string> write_temporary(const std::string& path, std::string_view content, mode_t mode) {
    std::string name = path + ".tmp.XXXXXX";
    open_file file(::mkostemp(name.data(), O_CLOEXEC)); // mode 0600
    if (file.fd() < 0) { return from_errno(errno); }
    status written = write_all(file.fd(), content);
    if (written && ::fchmod(file.fd(), mode) != 0) { written = from_errno(errno); }
    if (written && ::fsync(file.fd()) != 0) { written = from_errno(errno); }
    if (written) { written = file.close(); }
    if (!written) {
        ::unlink(name.c_str());
        return written.error();
    }
    return name;
}

// Some file systems have no hard links; their rename may be able not to replace.
status link_without_links(const std::string& temporary, const std::string& path) {
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
        return ok();
    }
    return from_errno(errno);
}

} // namespace

result<std::string> read_small_file(const std::string& path, std::size_t limit) {
    const open_file file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.fd() < 0) { return from_errno(errno); }
    std::string out;
    char part[4096];
    for (;;) {
        const ssize_t n = ::read(file.fd(), part, sizeof part);
        if (n < 0 && errno == EINTR) { continue; }
        if (n < 0) { return from_errno(errno); }
        if (n == 0) { return out; }
        if (out.size() + static_cast<std::size_t>(n) > limit) { return errc::file_too_large; }
        out.append(part, static_cast<std::size_t>(n));
    }
}

status replace_file(const std::string& path, std::string_view content, mode_t mode) {
    BFS_TRY(const std::string temporary, write_temporary(path, content, mode));
    if (::rename(temporary.c_str(), path.c_str()) == 0) { return ok(); }
    const errc failed = from_errno(errno);
    ::unlink(temporary.c_str());
    return failed;
}

status create_file(const std::string& path, std::string_view content, mode_t mode) {
    BFS_TRY(const std::string temporary, write_temporary(path, content, mode));
    status outcome = ok();
    if (::link(temporary.c_str(), path.c_str()) != 0) {
        outcome = from_errno(errno);
        // Over NFS the answer to a link that was done can be lost and the retry says "exists": count the names.
        struct stat info = {};
        if (outcome.error() == errc::already_exists && ::stat(temporary.c_str(), &info) == 0 &&
            info.st_nlink == 2) {
            outcome = ok();
        } else if (outcome.error() != errc::already_exists) {
            outcome = link_without_links(temporary, path);
        }
    }
    ::unlink(temporary.c_str());
    return outcome;
}

} // namespace benchfs::cluster
