// Open files of the C API: a handle, a position, and the calls that move data.
#include "benchfs/api/c_attributes.hpp"
#include "benchfs/api/c_context.hpp"

#include <limits>

using namespace benchfs;

struct benchfs_file {
    std::shared_ptr<c::state> shared;
    file handle;
    std::string path;
    std::uint64_t position = 0;
    bool append = false;
    bool at_end = false; // after an append the position is the end, which is asked for only when it matters
};

namespace {

constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

[[nodiscard]] open_flags flags_of(int flags) noexcept {
    const int mode = flags & O_ACCMODE;
    open_flags wanted = mode == O_RDONLY   ? open_flags::read
                        : mode == O_WRONLY ? open_flags::write
                                           : open_flags::read_write;
    if ((flags & O_CREAT) != 0) { wanted = wanted | open_flags::create; }
    if ((flags & O_EXCL) != 0 && (flags & O_CREAT) != 0) { wanted = wanted | open_flags::exclusive; }
    if ((flags & O_TRUNC) != 0) { wanted = wanted | open_flags::truncate; }
    if ((flags & O_APPEND) != 0 && mode != O_RDONLY) { wanted = wanted | open_flags::append; }
    return wanted;
}

int open_file(benchfs_context_t* context, std::string_view call, const char* path, int flags, mode_t mode,
              std::uint32_t chunk_size, benchfs_file_t** out) {
    if (out == nullptr) {
        return c::fail(errc::invalid_argument, call, {}, "there is no place for the handle");
    }
    *out = nullptr;
    return c::on_path(context, call, path, [&](mounted& m) -> int {
        const bool directory = (flags & O_DIRECTORY) != 0;
        if ((flags & O_ACCMODE) == O_ACCMODE || (directory && (flags & O_CREAT) != 0)) {
            return c::fail(errc::invalid_argument, call, path);
        }
        if ((flags & O_NOFOLLOW) != 0) {
            const result<attributes> there = m.run(m.fs().lstat(path));
            if (there && there->is_symlink()) { return c::fail(errc::too_many_symlinks, call, path); }
        }
        // With a slash behind it, a path names a directory or nothing.
        const std::string named = directory ? std::string(path) + "/" : std::string(path);
        const result<file> opened = m.run(m.fs().open(named, flags_of(flags), mode & 07777, chunk_size));
        if (!opened) { return c::fail(opened.error(), call, path); }
        *out = new benchfs_file{context->shared, *opened, path};
        (*out)->append = (flags & O_APPEND) != 0;
        return 0;
    });
}

[[nodiscard]] bool bad(const benchfs_file_t* file, const void* buffer, std::size_t size) noexcept {
    return file == nullptr || (buffer == nullptr && size != 0) || size > largest;
}

ssize_t refuse(const benchfs_file_t* file, std::string_view call) noexcept {
    return c::fail(errc::invalid_argument, call,
                   file != nullptr ? std::string_view(file->path) : std::string_view{},
                   "a NULL pointer, or a size beyond SSIZE_MAX");
}

/// These two hold the lock.
ssize_t read_at(benchfs_file& f, mounted& m, void* buffer, std::size_t size, std::uint64_t offset) {
    const result<std::size_t> done = m.run(f.handle.read({static_cast<std::byte*>(buffer), size}, offset));
    if (!done) [[unlikely]] { return c::fail(done.error(), "read", f.path); }
    return static_cast<ssize_t>(*done);
}
ssize_t write_at(benchfs_file& f, mounted& m, const void* buffer, std::size_t size, std::uint64_t offset) {
    const result<std::size_t> done =
        m.run(f.handle.write({static_cast<const std::byte*>(buffer), size}, offset));
    if (!done) [[unlikely]] { return c::fail(done.error(), "write", f.path); }
    return static_cast<ssize_t>(*done);
}

/// Where the position is; after an append the file has to be asked.
int settle_position(benchfs_file& f, mounted& m) {
    if (!f.at_end) { return 0; }
    const result<attributes> a = m.run(f.handle.stat());
    if (!a) { return c::fail(a.error(), "lseek", f.path); }
    f.position = a->size;
    f.at_end = false;
    return 0;
}

off_t seek(benchfs_file& f, mounted& m, off_t offset, int whence) {
    std::uint64_t base = 0;
    if (whence == SEEK_CUR) {
        if (const int failed = settle_position(f, m); failed != 0) { return failed; }
        base = f.position;
    } else if (whence == SEEK_END) {
        const result<attributes> a = m.run(f.handle.stat());
        if (!a) { return c::fail(a.error(), "lseek", f.path); }
        base = a->size;
    } else if (whence != SEEK_SET) {
        return c::fail(errc::invalid_argument, "lseek", f.path,
                       "whence is none of SEEK_SET, SEEK_CUR, SEEK_END");
    }
    off_t target = 0;
    if (__builtin_add_overflow(static_cast<off_t>(base), offset, &target)) {
        return c::fail(errc::overflow, "lseek", f.path);
    }
    if (target < 0) {
        return c::fail(errc::invalid_argument, "lseek", f.path, "before the beginning of the file");
    }
    f.position = static_cast<std::uint64_t>(target);
    f.at_end = false;
    return target;
}

} // namespace

extern "C" {

int benchfs_open(benchfs_context_t* context, const char* path, int flags, mode_t mode, benchfs_file_t** file) {
    return open_file(context, "open", path, flags, mode, 0, file);
}

int benchfs_create(benchfs_context_t* context, const char* path, int flags, mode_t mode, uint32_t chunk_size,
                   benchfs_file_t** file) {
    return open_file(context, "create", path, flags | O_CREAT, mode, chunk_size, file);
}

int benchfs_close(benchfs_file_t* file) {
    if (file == nullptr) { return 0; }
    const std::unique_ptr<benchfs_file_t> owner(file);
    return c::locked(*file->shared, "close", file->path, [&](mounted& m) -> int {
        const status closed = m.run(file->handle.close());
        return closed ? 0 : c::fail(closed.error(), "close", file->path);
    });
}

ssize_t benchfs_pread(benchfs_file_t* file, void* buffer, size_t size, off_t offset) {
    if (bad(file, buffer, size)) { return refuse(file, "read"); }
    return c::locked(*file->shared, "read", file->path, [&](mounted& m) -> ssize_t {
        return read_at(*file, m, buffer, size, static_cast<std::uint64_t>(offset));
    });
}

ssize_t benchfs_pwrite(benchfs_file_t* file, const void* buffer, size_t size, off_t offset) {
    if (bad(file, buffer, size)) { return refuse(file, "write"); }
    return c::locked(*file->shared, "write", file->path, [&](mounted& m) -> ssize_t {
        return write_at(*file, m, buffer, size, static_cast<std::uint64_t>(offset));
    });
}

ssize_t benchfs_read(benchfs_file_t* file, void* buffer, size_t size) {
    if (bad(file, buffer, size)) { return refuse(file, "read"); }
    return c::locked(*file->shared, "read", file->path, [&](mounted& m) -> ssize_t {
        if (const int failed = settle_position(*file, m); failed != 0) { return failed; }
        const ssize_t done = read_at(*file, m, buffer, size, file->position);
        if (done > 0) { file->position += static_cast<std::uint64_t>(done); }
        return done;
    });
}

ssize_t benchfs_write(benchfs_file_t* file, const void* buffer, size_t size) {
    if (bad(file, buffer, size)) { return refuse(file, "write"); }
    return c::locked(*file->shared, "write", file->path, [&](mounted& m) -> ssize_t {
        const ssize_t done = write_at(*file, m, buffer, size, file->position);
        if (done > 0) { file->position += static_cast<std::uint64_t>(done); }
        if (done > 0 && file->append) { file->at_end = true; }
        return done;
    });
}

off_t benchfs_lseek(benchfs_file_t* file, off_t offset, int whence) {
    if (file == nullptr) { return refuse(file, "lseek"); }
    return c::locked(*file->shared, "lseek", file->path,
                     [&](mounted& m) -> off_t { return seek(*file, m, offset, whence); });
}

int benchfs_fsync(benchfs_file_t* file) {
    if (file == nullptr) { return static_cast<int>(refuse(file, "fsync")); }
    return c::locked(*file->shared, "fsync", file->path, [&](mounted& m) -> int {
        const status synced = m.run(file->handle.sync());
        return synced ? 0 : c::fail_sync(synced.error(), m.fs().lost_by(), "fsync", file->path);
    });
}

int benchfs_ftruncate(benchfs_file_t* file, off_t size) {
    if (file == nullptr) { return static_cast<int>(refuse(file, "ftruncate")); }
    return c::locked(*file->shared, "ftruncate", file->path, [&](mounted& m) -> int {
        const status cut = m.run(file->handle.truncate(static_cast<std::uint64_t>(size)));
        return cut ? 0 : c::fail(cut.error(), "ftruncate", file->path);
    });
}

int benchfs_fstat(benchfs_file_t* file, struct stat* attributes) {
    if (file == nullptr || attributes == nullptr) { return static_cast<int>(refuse(file, "fstat")); }
    return c::locked(*file->shared, "fstat", file->path, [&](mounted& m) -> int {
        const auto a = m.run(file->handle.stat());
        if (!a) { return c::fail(a.error(), "fstat", file->path); }
        c::fill(*attributes, *a);
        return 0;
    });
}
}
