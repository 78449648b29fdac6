// The calls of the C API about paths, directories and the whole file system.
#include "benchfs/api/c_attributes.hpp"
#include "benchfs/api/c_context.hpp"
#include "benchfs/server/wall_clock.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

using namespace benchfs;

struct benchfs_dir {
    std::vector<directory_entry> entries;
    std::size_t next = 0;
    benchfs_dirent_t shown{};
};

namespace {

/// 0, or the error kept for the caller.
int done(const status& s, std::string_view call, const char* path) {
    return s ? 0 : c::fail(s.error(), call, path);
}

int no_place(std::string_view call) {
    return c::fail(errc::invalid_argument, call, {}, "there is no place for the answer");
}

[[nodiscard]] bool in_group(gid_t wanted) {
    if (wanted == ::getegid()) { return true; }
    const int count = ::getgroups(0, nullptr);
    if (count <= 0) { return false; }
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    const int got = ::getgroups(count, groups.data());
    for (int i = 0; i < got; ++i) {
        if (groups[static_cast<std::size_t>(i)] == wanted) { return true; }
    }
    return false;
}

/// What the mode lets the effective user do, as R_OK, W_OK and X_OK bits.
[[nodiscard]] unsigned allowed(const attributes& a) {
    if (::geteuid() == 0) {
        const bool executable = a.is_directory() || (a.mode & 0111) != 0;
        return R_OK | W_OK | (executable ? unsigned{X_OK} : 0U);
    }
    if (a.uid == ::geteuid()) { return a.mode >> 6 & 7U; }
    return in_group(a.gid) ? a.mode >> 3 & 7U : a.mode & 7U;
}

/// Nothing: the time is to stay what it is.
[[nodiscard]] std::optional<std::int64_t> to_ns(const timespec& t, std::int64_t now) noexcept {
    if (t.tv_nsec == UTIME_NOW) { return now; }
    if (t.tv_nsec == UTIME_OMIT) { return {}; }
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

int set_times(mounted& m, const char* path, const timespec* times) {
    const std::int64_t now = server::machine_time_ns();
    std::optional<std::int64_t> atime = now;
    std::optional<std::int64_t> mtime = now;
    if (times != nullptr) {
        atime = to_ns(times[0], now);
        mtime = to_ns(times[1], now);
    }
    return done(m.run(m.fs().set_times(path, atime, mtime)), "utimens", path);
}

/// stat or lstat.
int attributes_of(runtime::task<result<attributes>> (file_system::*ask)(std::string), const char* operation,
                  benchfs_context_t* context, const char* path, struct stat* into) {
    if (into == nullptr) { return no_place(operation); }
    return c::on_path(context, operation, path, [&](mounted& m) -> int {
        const auto a = m.run((m.fs().*ask)(path));
        if (!a) { return c::fail(a.error(), operation, path); }
        c::fill(*into, *a);
        return 0;
    });
}

} // namespace

extern "C" {

int benchfs_stat(benchfs_context_t* context, const char* path, struct stat* attributes) {
    return attributes_of(&file_system::stat, "stat", context, path, attributes);
}

int benchfs_lstat(benchfs_context_t* context, const char* path, struct stat* attributes) {
    return attributes_of(&file_system::lstat, "lstat", context, path, attributes);
}

int benchfs_symlink(benchfs_context_t* context, const char* target, const char* path) {
    if (target == nullptr) { return c::fail(errc::invalid_argument, "symlink", {}, "the target is NULL"); }
    return c::on_path(context, "symlink", path, [&](mounted& m) -> int {
        if (*target == '\0') { return c::fail(errc::not_found, "symlink", path, "an empty target"); }
        return done(m.run(m.fs().symlink(target, path)), "symlink", path);
    });
}

ssize_t benchfs_readlink(benchfs_context_t* context, const char* path, char* buffer, size_t size) {
    if (buffer == nullptr || size == 0) { return no_place("readlink"); }
    return c::on_path(context, "readlink", path, [&](mounted& m) -> ssize_t {
        const auto target = m.run(m.fs().readlink(path));
        if (!target) { return c::fail(target.error(), "readlink", path); }
        return static_cast<ssize_t>(target->copy(buffer, size));
    });
}

off_t benchfs_get_file_size(benchfs_context_t* context, const char* path) {
    return c::on_path(context, "get_file_size", path, [&](mounted& m) -> off_t {
        const auto a = m.run(m.fs().stat(path));
        if (!a) { return c::fail(a.error(), "get_file_size", path); }
        if (a->is_directory()) { return c::fail(errc::is_a_directory, "get_file_size", path); }
        return static_cast<off_t>(a->size);
    });
}

int benchfs_access(benchfs_context_t* context, const char* path, int mode) {
    return c::on_path(context, "access", path, [&](mounted& m) -> int {
        if ((mode & ~(R_OK | W_OK | X_OK)) != 0) { return c::fail(errc::invalid_argument, "access", path); }
        const auto a = m.run(m.fs().stat(path));
        if (!a) { return c::fail(a.error(), "access", path); }
        const auto wanted = static_cast<unsigned>(mode);
        return (allowed(*a) & wanted) == wanted ? 0 : c::fail(errc::access_denied, "access", path);
    });
}

int benchfs_truncate(benchfs_context_t* context, const char* path, off_t size) {
    return c::on_path(context, "truncate", path, [&](mounted& m) -> int {
        if (size < 0) { return c::fail(errc::invalid_argument, "truncate", path, "a negative size"); }
        return done(m.run(m.fs().truncate(path, static_cast<std::uint64_t>(size))), "truncate", path);
    });
}

int benchfs_chmod(benchfs_context_t* context, const char* path, mode_t mode) {
    return c::on_path(context, "chmod", path, [&](mounted& m) -> int {
        return done(m.run(m.fs().chmod(path, mode & 07777)), "chmod", path);
    });
}

int benchfs_utimens(benchfs_context_t* context, const char* path, const struct timespec times[2]) {
    return c::on_path(context, "utimens", path, [&](mounted& m) -> int { return set_times(m, path, times); });
}

int benchfs_mkdir(benchfs_context_t* context, const char* path, mode_t mode) {
    return c::on_path(context, "mkdir", path, [&](mounted& m) -> int {
        return done(m.run(m.fs().mkdir(path, mode & 07777)), "mkdir", path);
    });
}

int benchfs_rmdir(benchfs_context_t* context, const char* path) {
    return c::on_path(context, "rmdir", path,
                      [&](mounted& m) -> int { return done(m.run(m.fs().rmdir(path)), "rmdir", path); });
}

int benchfs_unlink(benchfs_context_t* context, const char* path) {
    return c::on_path(context, "unlink", path,
                      [&](mounted& m) -> int { return done(m.run(m.fs().unlink(path)), "unlink", path); });
}

int benchfs_remove(benchfs_context_t* context, const char* path) {
    return c::on_path(context, "remove", path, [&](mounted& m) -> int {
        status removed = m.run(m.fs().unlink(path));
        if (removed.error() == errc::is_a_directory) { removed = m.run(m.fs().rmdir(path)); }
        return done(removed, "remove", path);
    });
}

int benchfs_rename(benchfs_context_t* context, const char* from, const char* to) {
    if (to == nullptr) { return c::fail(errc::invalid_argument, "rename", {}, "the new path is NULL"); }
    return c::on_path(context, "rename", from,
                      [&](mounted& m) -> int { return done(m.run(m.fs().rename(from, to)), "rename", from); });
}

int benchfs_link(benchfs_context_t* context, const char* from, const char* to) {
    if (to == nullptr) { return c::fail(errc::invalid_argument, "link", {}, "the new path is NULL"); }
    return c::on_path(context, "link", from, [&](mounted& m) -> int {
        return done(m.run(file_system::link(from, to)), "link", from);
    });
}

int benchfs_opendir(benchfs_context_t* context, const char* path, benchfs_dir_t** directory) {
    if (directory == nullptr) { return no_place("opendir"); }
    *directory = nullptr;
    return c::on_path(context, "opendir", path, [&](mounted& m) -> int {
        auto made = std::make_unique<benchfs_dir>();
        auto entries = m.run(m.fs().readdir(path));
        if (!entries) { return c::fail(entries.error(), "opendir", path); }
        made->entries = std::move(*entries);
        *directory = made.release();
        return 0;
    });
}

const benchfs_dirent_t* benchfs_readdir(benchfs_dir_t* directory) {
    if (directory == nullptr || directory->next == directory->entries.size()) { return nullptr; }
    const directory_entry& e = directory->entries[directory->next++];
    directory->shown = {e.name.c_str(), e.attr.id.value, e.attr.size, c::to_mode(e.attr),
                        c::to_timespec(e.attr.mtime_ns)};
    return &directory->shown;
}

void benchfs_closedir(benchfs_dir_t* directory) { delete directory; }

int benchfs_statfs(benchfs_context_t* context, struct statvfs* usage) {
    if (usage == nullptr) { return no_place("statfs"); }
    return c::on_path(context, "statfs", "/", [&](mounted& m) -> int {
        const auto all = m.run(m.fs().usage());
        if (!all) { return c::fail(all.error(), "statfs", "/"); }
        constexpr std::uint64_t block = 4096;
        *usage = {};
        usage->f_bsize = usage->f_frsize = block;
        usage->f_blocks = all->bytes_total / block;
        const std::uint64_t used =
            std::min((all->bytes_used + block - 1) / block, std::uint64_t{usage->f_blocks});
        usage->f_bfree = usage->f_bavail = usage->f_blocks - used;
        // Inodes are made as they are needed: as many as there is room for.
        usage->f_ffree = usage->f_favail = usage->f_bfree;
        usage->f_files = all->files + all->directories + usage->f_ffree;
        usage->f_namemax = 255;
        return 0;
    });
}

int benchfs_sync(benchfs_context_t* context) {
    return c::on_path(context, "sync", "/", [&](mounted& m) -> int {
        const status synced = m.run(m.fs().sync());
        return synced ? 0 : c::fail_sync(synced.error(), m.fs().lost_by(), "sync", "/");
    });
}

int benchfs_servers(benchfs_context_t* context) {
    return c::on_path(context, "servers", "/",
                      [&](mounted& m) -> int { return static_cast<int>(m.fs().servers()); });
}

int benchfs_ping(benchfs_context_t* context, unsigned server) {
    return c::on_path(context, "ping", "/", [&](mounted& m) -> int {
        if (server >= m.fs().servers()) {
            return c::fail(errc::invalid_argument, "ping", {}, "no such server");
        }
        const status answered = m.run(m.fs().ping(static_cast<server_id>(server)));
        return answered ? 0 : c::fail(answered.error(), "ping", "server " + std::to_string(server));
    });
}

const char* benchfs_path_to(benchfs_context_t* context, unsigned server) {
    std::string_view path;
    const int failed = c::on_path(context, "path_to", "/", [&](mounted& m) -> int {
        if (server >= m.fs().servers()) {
            return c::fail(errc::invalid_argument, "path_to", {}, "no such server");
        }
        path = m.fs().path_to(static_cast<server_id>(server));
        return 0;
    });
    if (failed != 0) { return nullptr; }
    // Names of our own, so that nothing depends on where the library keeps its.
    for (const char* name : {"window", "ucx", "loopback"}) {
        if (path == name) { return name; }
    }
    return "none";
}

void* benchfs_buffer_alloc(benchfs_context_t* context, size_t size) {
    (void)context; // a transport that registers memory will want it
    constexpr std::size_t page = 4096;
    const std::size_t whole = size > SIZE_MAX - page ? 0 : (size + page - 1) / page * page;
    void* memory = whole == 0 ? nullptr : std::aligned_alloc(page, whole);
    if (memory == nullptr) {
        (void)c::fail(errc::no_memory, "buffer_alloc");
        return nullptr;
    }
    for (std::size_t i = 0; i < whole; i += page) { static_cast<volatile char*>(memory)[i] = 0; }
    return memory;
}

void benchfs_buffer_free(benchfs_context_t* context, void* buffer) {
    (void)context;
    std::free(buffer);
}
}
