// Files of this machine as a place of transfers.
#include "place.hpp"
#include "walk.hpp"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

namespace benchfs::cli {
namespace {

// The page cache takes memory in blocks as large as a write. It finds blocks of this size, which cp and splice
// leave behind, soon; looking for larger ones it ends at memory that was not used for long or never, and on a
// virtual machine touching that costs several times the copy.
constexpr std::size_t write_at_once = 64 * KiB;

[[nodiscard]] errc last_error() noexcept { return from_errno(errno); }

[[nodiscard]] std::int64_t in_ns(const std::timespec& t) noexcept {
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

[[nodiscard]] std::timespec from_ns(std::int64_t ns) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t rest = (ns % second + second) % second;
    return {(ns - rest) / second, rest};
}

class local_file final : public place_file {
public:
    explicit local_file(int fd) noexcept : fd_(fd) {}
    ~local_file() override { ::close(fd_); }

    task<result<std::size_t>> read(byte_span into, std::uint64_t offset) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t n =
                ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (n < 0 && errno == EINTR) { continue; }
            if (n < 0) { co_return last_error(); }
            if (n == 0) { break; }
            done += static_cast<std::size_t>(n);
        }
        co_return done;
    }

    task<status> write(const_byte_span from, std::uint64_t offset) override {
        std::size_t done = 0;
        while (done < from.size()) {
            const std::size_t part = std::min(from.size() - done, write_at_once);
            const ssize_t n = ::pwrite(fd_, from.data() + done, part, static_cast<off_t>(offset + done));
            if (n < 0 && errno == EINTR) { continue; }
            if (n < 0) { co_return last_error(); }
            if (n == 0) { co_return errc::io_error; }
            done += static_cast<std::size_t>(n);
        }
        co_return ok();
    }

    task<status> truncate(std::uint64_t size) override {
        if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) { co_return last_error(); }
        co_return ok();
    }

    task<status> finish(item like) override {
        struct stat now{};
        if (::fstat(fd_, &now) != 0) { co_return last_error(); }
        if (static_cast<std::uint64_t>(now.st_size) != like.size) { co_return errc::io_error; }
        if ((now.st_mode & 07777) != like.mode && ::fchmod(fd_, like.mode) != 0) { co_return last_error(); }
        const std::timespec time = from_ns(like.mtime_ns);
        const std::array times{time, time};
        if (::futimens(fd_, times.data()) != 0) { co_return last_error(); }
        co_return ok();
    }

    bool checks(std::uint64_t, std::size_t) override { return false; }

private:
    int fd_;
};

class local final : public place {
public:
    explicit local(bool follow) noexcept : follow_(follow) {}

    task<result<item>> look(std::string path) override { co_return examine(std::move(path)); }

    task<result<std::vector<item>>> scan(std::string root) override {
        std::vector<item> all;
        BFS_CO_TRY(item first, examine(root));
        all.push_back(std::move(first));
        std::vector<std::pair<dev_t, ino_t>> above;
        if (all.front().kind == item_kind::directory) { BFS_CO_CHECK(add_below(root, "", above, all)); }
        co_return std::move(all);
    }

    task<result<std::unique_ptr<place_file>>> open_source(std::string path) override {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) { co_return last_error(); }
        std::unique_ptr<place_file> made = std::make_unique<local_file>(fd);
        co_return std::move(made);
    }

    task<result<std::unique_ptr<place_file>>> open_target(std::string path, std::uint32_t mode,
                                                          bool keep) override {
        const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (keep ? 0 : O_TRUNC);
        const int fd = ::open(path.c_str(), flags, (mode & 0777) | 0600);
        if (fd < 0) { co_return last_error(); }
        std::unique_ptr<place_file> made = std::make_unique<local_file>(fd);
        co_return std::move(made);
    }

    task<result<bool>> make_directory(std::string path, std::uint32_t mode) override {
        if (::mkdir(path.c_str(), mode) == 0) { co_return true; }
        if (errno != EEXIST) { co_return last_error(); }
        struct stat there{};
        if (::stat(path.c_str(), &there) != 0) { co_return last_error(); }
        if (!S_ISDIR(there.st_mode)) { co_return errc::not_a_directory; }
        co_return false;
    }

    task<status> set_mode(std::string path, std::uint32_t mode) override {
        if (::chmod(path.c_str(), mode) != 0) { co_return last_error(); }
        co_return ok();
    }

    task<status> make_symlink(std::string target, std::string path) override {
        if (::symlink(target.c_str(), path.c_str()) == 0) { co_return ok(); }
        struct stat there{};
        const bool replace = errno == EEXIST && ::lstat(path.c_str(), &there) == 0 && S_ISLNK(there.st_mode);
        if (!replace) { co_return errc::already_exists; }
        if (::unlink(path.c_str()) != 0 || ::symlink(target.c_str(), path.c_str()) != 0) {
            co_return last_error();
        }
        co_return ok();
    }

private:
    [[nodiscard]] result<item> examine(std::string path) const {
        struct stat found{};
        const int failed = follow_ ? ::stat(path.c_str(), &found) : ::lstat(path.c_str(), &found);
        if (failed != 0) { return last_error(); }
        item one;
        one.kind = S_ISREG(found.st_mode)   ? item_kind::file
                   : S_ISDIR(found.st_mode) ? item_kind::directory
                   : S_ISLNK(found.st_mode) ? item_kind::symlink
                                            : item_kind::other;
        one.size = static_cast<std::uint64_t>(found.st_size);
        one.mode = found.st_mode & 07777;
        one.mtime_ns = in_ns(found.st_mtim);
        if (one.kind == item_kind::symlink) {
            std::array<char, PATH_MAX> text{};
            const ssize_t n = ::readlink(path.c_str(), text.data(), text.size());
            if (n < 0) { return last_error(); }
            one.link.assign(text.data(), static_cast<std::size_t>(n));
        }
        one.path = std::move(path);
        return one;
    }

    /// What is in a directory, by name; `above` keeps a followed symlink from leading round in a circle.
    status add_below(const std::string& directory, const std::string& rest,
                     std::vector<std::pair<dev_t, ino_t>>& above, std::vector<item>& all) const {
        struct stat self{};
        if (::stat(directory.c_str(), &self) != 0) { return last_error(); }
        const std::pair<dev_t, ino_t> id{self.st_dev, self.st_ino};
        if (std::find(above.begin(), above.end(), id) != above.end()) { return errc::too_many_symlinks; }
        DIR* const open = ::opendir(directory.c_str());
        if (open == nullptr) { return last_error(); }
        std::vector<std::string> names;
        while (const dirent* e = ::readdir(open)) {
            const std::string name = e->d_name;
            if (name != "." && name != "..") { names.push_back(name); }
        }
        ::closedir(open);
        std::sort(names.begin(), names.end());
        above.push_back(id);
        for (const std::string& name : names) {
            result<item> found = examine(join(directory, name));
            if (!found && found.error() == errc::not_found) {
                continue;
            } // removed meanwhile, or it points nowhere
            if (!found) { return found.error(); }
            item one = *std::move(found);
            one.rest = rest.empty() ? name : rest + "/" + name;
            const bool descend = one.kind == item_kind::directory;
            const std::string path = one.path;
            const std::string below = one.rest;
            all.push_back(std::move(one));
            if (descend) { BFS_CHECK(add_below(path, below, above, all)); }
        }
        above.pop_back();
        return ok();
    }

    bool follow_;
};

} // namespace

std::unique_ptr<place> local_place(bool follow_symlinks) { return std::make_unique<local>(follow_symlinks); }

} // namespace benchfs::cli
