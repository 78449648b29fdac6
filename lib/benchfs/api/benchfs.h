/* benchfs for programs in C: the operations of benchfs.hpp as blocking calls.
 *
 *     benchfs_context_t *fs = benchfs_init("client_1", "/shared/registry", NULL, 0);
 *     if (!fs) { fprintf(stderr, "%s\n", benchfs_get_error()); return 1; }
 *     benchfs_file_t *f;
 *     int e = benchfs_create(fs, "/out", O_WRONLY, 0644, 0, &f);   // 0 or -errno
 *     ssize_t n = benchfs_pwrite(f, data, size, 0);                // bytes or -errno
 *     benchfs_close(f);
 *     benchfs_finalize(fs);
 *
 * Errors. A failed call returns -errno, or NULL where it returns a pointer; benchfs_get_error() then has the
 * reason as a text, for the calling thread, until its next failure. ETIMEDOUT: nobody answered; EHOSTDOWN: the
 * server is gone. A change that was sent and not answered may have happened: EREMOTEIO,
 * and the text says so. ENOTSUP: this version cannot do that. Nothing waits for ever: see deadline_ms and
 * retry_for_ms.
 *
 * Threads. Any thread may call at any time; calls of one context take turns. A context works only inside calls:
 * it has no thread of its own.
 *
 * fork. The context belongs to the process that made it. A child made by fork() gets -ECHILD from every call;
 * it may call benchfs_init for itself, and finalize or close what it inherited, which frees its copy and
 * touches neither the servers nor the parent.
 *
 * Paths are absolute inside the file system. Flags, modes, struct stat and struct statvfs are those of POSIX.
 */
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct benchfs_context benchfs_context_t;
typedef struct benchfs_file benchfs_file_t;
typedef struct benchfs_dir benchfs_dir_t;
typedef struct benchfs_server benchfs_server_t;

/* "0.1.0". */
const char* benchfs_version(void);
/* Why the last failed call of this thread failed; "" before the first. Valid until the thread's next failure.
 */
const char* benchfs_get_error(void);

/* ---- connecting ---- */

/* Fill with benchfs_options_init(), then change what is wanted. */
typedef struct {
    size_t struct_size;                  /* set by benchfs_options_init */
    const char* node_id;                 /* a name for messages, "client_3"; may be NULL */
    const char* registry_dir;            /* the directory that servers and clients share */
    const char* data_dir;                /* of the server that is started; NULL: it keeps all data in memory */
    int is_server;                       /* start a benchfsd beside this process, and stop it at finalize */
    const char* server_program;          /* NULL: benchfsd beside libbenchfs, else from PATH */
    const char* const* server_arguments; /* more arguments for it, ended by NULL; or NULL */
    const char* transport;               /* "auto", "window", "ucx" */
    unsigned connect_wait_ms;            /* for all servers to register and answer; default 30000 */
    unsigned retry_for_ms;               /* after a server was lost, before EHOSTDOWN; default 1500 */
    unsigned deadline_ms;                /* of an operation, plus time for its bytes; default 10000 */
} benchfs_options_t;

void benchfs_options_init(benchfs_options_t* options);
/* Connects; waits for the servers at most connect_wait_ms. NULL with errno set on failure. */
benchfs_context_t* benchfs_init_with(const benchfs_options_t* options);
/* The same with defaults. With is_server a benchfsd with that data directory is started first; the thread that
 * calls this must then live until finalize, because the server ends with it. */
benchfs_context_t* benchfs_init(const char* node_id, const char* registry_dir, const char* data_dir,
                                int is_server);
/* Disconnects, and stops the server that init started. Files still open give -EBADF from now on and are still
 * to be closed. NULL is fine. No other thread may be about to use the context pointer itself. 0 or -errno. */
int benchfs_finalize(benchfs_context_t* context);

/* ---- a server of one's own ---- */

typedef struct {
    size_t struct_size; /* set by benchfs_server_options_init */
    const char* registry_dir;
    const char* data_dir; /* NULL: memory engine */
    unsigned id;          /* 0 .. servers - 1 */
    unsigned servers;     /* default 1 */
    const char* program;  /* as server_program above */
    const char* const* arguments;
    unsigned wait_ms; /* until it has announced itself; default 30000 */
} benchfs_server_options_t;

void benchfs_server_options_init(benchfs_server_options_t* options);
/* Starts benchfsd as a child process and returns when it serves. It ends with the calling thread, or by stop.
 */
int benchfs_server_start(const benchfs_server_options_t* options, benchfs_server_t** server);
/* 0 while it runs, else -ESRCH. */
int benchfs_server_check(benchfs_server_t* server);
/* Asks it to end, waits, and frees. -EIO if it had to be killed or had failed. NULL is fine. */
int benchfs_server_stop(benchfs_server_t* server);

/* ---- files ----
 *
 * Nothing is kept at a server for an open file. Once it is unlinked, or replaced by a rename, by whichever
 * client, its bytes are gone: every call with its handle that asks a server answers -ESTALE, also benchfs_lseek
 * with SEEK_END. benchfs_fsync and benchfs_close still answer 0. Truncating a file, or opening it with O_TRUNC,
 * ends nobody's handle.
 */

/* flags: O_RDONLY, O_WRONLY, O_RDWR with O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW (looked
 * at before the open, with one more round trip); others that change nothing here (O_DIRECT, O_CLOEXEC ...) are
 * accepted. mode is for a file that this creates. */
int benchfs_open(benchfs_context_t* context, const char* path, int flags, mode_t mode, benchfs_file_t** file);
/* open with O_CREAT; a new file gets this chunk size (a multiple of 4 KiB, at most 64 MiB; 0: the default). */
int benchfs_create(benchfs_context_t* context, const char* path, int flags, mode_t mode, uint32_t chunk_size,
                   benchfs_file_t** file);
/* Frees the handle, whatever it returns. NULL is fine. */
int benchfs_close(benchfs_file_t* file);
/* At an offset; the position stays. A read is short only at the end of the file; a write is whole or an error.
 */
ssize_t benchfs_pread(benchfs_file_t* file, void* buffer, size_t size, off_t offset);
ssize_t benchfs_pwrite(benchfs_file_t* file, const void* buffer, size_t size, off_t offset);
/* At the position, which moves on. With O_APPEND at the end of the file, wherever that is by then: up to the
 * chunk size, and 4 MiB, as one piece that those of others come before or after. More than that is several such
 * pieces, and the answer is short when one of them fails (-EREMOTEIO if nobody knows whether that one is
 * there). */
ssize_t benchfs_read(benchfs_file_t* file, void* buffer, size_t size);
ssize_t benchfs_write(benchfs_file_t* file, const void* buffer, size_t size);
/* SEEK_SET, SEEK_CUR, SEEK_END; the new position or -errno. */
off_t benchfs_lseek(benchfs_file_t* file, off_t offset, int whence);
/* What was written before survives power loss after this. -EIO once if a server has lost changes of this
 * context that it had acknowledged; the next one succeeds. */
int benchfs_fsync(benchfs_file_t* file);
int benchfs_ftruncate(benchfs_file_t* file, off_t size);
int benchfs_fstat(benchfs_file_t* file, struct stat* attributes);

/* ---- names ---- */

/* Symbolic links in a path are followed, at most 40 of them, then -ELOOP. lstat, unlink, remove, rename,
 * readlink and symlink act on the link itself if the last name of the path is one. */
int benchfs_stat(benchfs_context_t* context, const char* path, struct stat* attributes);
int benchfs_lstat(benchfs_context_t* context, const char* path, struct stat* attributes);
/* A symbolic link at path that leads to target: any text of 1 to 511 bytes, -ENOENT for none, -ENAMETOOLONG. */
int benchfs_symlink(benchfs_context_t* context, const char* target, const char* path);
/* Where a symbolic link leads to, as readlink(2) has it: as many bytes as fit, without a zero behind them. How
 * many, or -errno; -EINVAL if it is none. */
ssize_t benchfs_readlink(benchfs_context_t* context, const char* path, char* buffer, size_t size);
/* In bytes, or -errno; -EISDIR for a directory. */
off_t benchfs_get_file_size(benchfs_context_t* context, const char* path);
/* F_OK, or R_OK, W_OK, X_OK together, for the effective user by the file's mode. */
int benchfs_access(benchfs_context_t* context, const char* path, int mode);
int benchfs_truncate(benchfs_context_t* context, const char* path, off_t size);
int benchfs_chmod(benchfs_context_t* context, const char* path, mode_t mode);
/* times[0] access, times[1] modification; NULL: now. UTIME_NOW is understood, UTIME_OMIT keeps what is there.
 */
int benchfs_utimens(benchfs_context_t* context, const char* path, const struct timespec times[2]);
int benchfs_mkdir(benchfs_context_t* context, const char* path, mode_t mode);
int benchfs_rmdir(benchfs_context_t* context, const char* path);
int benchfs_unlink(benchfs_context_t* context, const char* path);
/* unlink or rmdir, as the path needs. */
int benchfs_remove(benchfs_context_t* context, const char* path);
int benchfs_rename(benchfs_context_t* context, const char* from, const char* to);
/* -ENOTSUP: a file has one name. -EINVAL and -ENAMETOOLONG, as from other calls, for what is no path. */
int benchfs_link(benchfs_context_t* context, const char* from, const char* to);

/* One entry of a directory. `name` lives as long as the benchfs_dir_t. */
typedef struct {
    const char* name;
    uint64_t id;
    uint64_t size;
    mode_t mode; /* type and permissions, as st_mode */
    struct timespec mtime;
} benchfs_dirent_t;

/* Reads the whole directory at once; entries are sorted by name, without "." and "..". */
int benchfs_opendir(benchfs_context_t* context, const char* path, benchfs_dir_t** directory);
/* The next entry, NULL after the last. Not for two threads at once on one directory handle. */
const benchfs_dirent_t* benchfs_readdir(benchfs_dir_t* directory);
void benchfs_closedir(benchfs_dir_t* directory);

/* ---- the whole file system ---- */

int benchfs_statfs(benchfs_context_t* context, struct statvfs* usage);
/* Everything acknowledged so far, by whichever client, survives power loss after this. -EIO once if a server
 * has lost changes that this context made since its last sync. */
int benchfs_sync(benchfs_context_t* context);

/* How many servers the file system has, or -errno. */
int benchfs_servers(benchfs_context_t* context);
/* One empty round trip to a server, 0 .. servers - 1. */
int benchfs_ping(benchfs_context_t* context, unsigned server);
/* What carries messages to a server right now: "window", "ucx", "none" before the first call. A string that
 * lives for ever; NULL for a wrong number. */
const char* benchfs_path_to(benchfs_context_t* context, unsigned server);

/* Memory for reads and writes: whole pages, already touched, so that the first transfer pays no page faults.
 * (With windows nothing else is to be gained: data is copied by the processor.) NULL without memory. Belongs to
 * the process, not to the context. */
void* benchfs_buffer_alloc(benchfs_context_t* context, size_t size);
void benchfs_buffer_free(benchfs_context_t* context, void* buffer);

#ifdef __cplusplus
}
#endif
