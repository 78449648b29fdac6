/* The AIORI backend "BENCHFS" for IOR and mdtest, on the C API of benchfs.
 *
 * Compiled against IOR's source (or the test's own copy of the interface), outside IOR's tree by default;
 * README.md says how, and how to put it inside. With --benchfs.datadir rank 0 starts the server; the other
 * ranks are client_<rank>.
 *
 * Errors, in IOR's way. What a server refused (no such file, exists already) is a warning or a -1, as in the
 * POSIX backend. A server that is gone or does not answer ends the job, because each of the calls that would
 * follow would wait for its deadline again. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nanosleep, mkdir and the rest of POSIX */
#endif
#include <mpi.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aiori.h"
#include "ior.h"
#include "utilities.h"

#include "aiori-BENCHFS.h"
#include "benchfs/api/benchfs.h"

#include <errno.h>
#include <time.h>

typedef struct {
    char* registry;
    char* datadir;
    char* transport;
    char* server_program;
    long long chunk_size;
    int memory;
    int fsync_on_close;
    int fsync_per_write;
    int retry_for_ms;
    int deadline_ms;
    int connect_wait_ms;
} benchfs_aiori_options;

static benchfs_context_t* context;
static int users; /* initialize without finalize: IO500 and mdtest in one process may nest them */
static int servers_run;
static MPI_Comm ranks = MPI_COMM_NULL; /* those that were initialised together */
static aiori_xfer_hint_t* hints;
static const benchfs_aiori_options* active;

void benchfs_aiori_servers_run(void) { servers_run = 1; }

static bool dry_run(void) { return hints != NULL && hints->dryRun; }

/* ---- helpers ---- */

/* Whether the file system, not the request, is what is wrong. */
static bool fatal(long long negative_errno) {
    switch ((int)-negative_errno) {
    case EHOSTDOWN:
    case ETIMEDOUT:
    case ENOTCONN:
    case ESHUTDOWN:
    case EIO:
    case EPROTO:
    case ENOMEM:
        return true;
    default:
        return false;
    }
}

/* 0, or -1 with errno as the POSIX calls have it. Ends the job if the file system is gone. */
static int answer(int result) {
    if (result >= 0) return 0;
    if (fatal(result)) ERRF("BENCHFS: %s", benchfs_get_error());
    errno = -result;
    return -1;
}

/* Paths are absolute in benchfs; "testFile" and "./out", IOR's and mdtest's defaults, are taken from the root.
 */
static const char* absolute(const char* path, char* room, size_t size) {
    if (path[0] == '/') return path;
    while (path[0] == '.' && path[1] == '/') path += 2;
    if (strcmp(path, ".") == 0) path = "";
    if (snprintf(room, size, "/%s", path) >= (int)size) ERRF("BENCHFS: the path is too long: %s", path);
    return room;
}
#define ABSOLUTE(path) absolute((path), (char[PATH_MAX]){0}, PATH_MAX)

/* A barrier that leaves the core to others: who waits here waits for a server to start or stop on it. */
static void quiet_barrier(MPI_Comm comm) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 500 * 1000};
    MPI_Request request;
    int done = 0;
    MPI_CHECK(MPI_Ibarrier(comm, &request), "cannot start a barrier");
    MPI_CHECK(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "cannot test a barrier");
    while (!done) {
        nanosleep(&pause, NULL);
        MPI_CHECK(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "cannot test a barrier");
    }
}

static bool given(const char* text) { return text != NULL && text[0] != '\0'; }

/* ---- options, begin and end ---- */

static option_help* BENCHFS_options(aiori_mod_opt_t** init_backend_options, aiori_mod_opt_t* init_values) {
    benchfs_aiori_options* o = malloc(sizeof *o);
    if (init_values != NULL) {
        memcpy(o, init_values, sizeof *o);
    } else {
        memset(o, 0, sizeof *o);
        o->retry_for_ms = 1500;
        o->deadline_ms = 10000;
        o->connect_wait_ms = 30000;
        o->registry = getenv("BENCHFS_REGISTRY_DIR");
    }
    *init_backend_options = (aiori_mod_opt_t*)o;
    option_help h[] = {
        {0, "benchfs.registry",
         "directory that servers and clients share (default: BENCHFS_REGISTRY_DIR, or registry/ in the data "
         "directory)",
         OPTION_OPTIONAL_ARGUMENT, 's', &o->registry},
        {0, "benchfs.datadir", "start a server on rank 0 with its data in this directory",
         OPTION_OPTIONAL_ARGUMENT, 's', &o->datadir},
        {0, "benchfs.memory", "that server keeps its data in memory", OPTION_FLAG, 'd', &o->memory},
        {0, "benchfs.chunk-size", "chunk size of the files that are made; 0: the file system's",
         OPTION_OPTIONAL_ARGUMENT, 'l', &o->chunk_size},
        {0, "benchfs.fsync-on-close", "fsync before each close of a written file", OPTION_FLAG, 'd',
         &o->fsync_on_close},
        {0, "benchfs.fsync-per-write", "fsync after each write", OPTION_FLAG, 'd', &o->fsync_per_write},
        {0, "benchfs.transport", "auto, window or ucx", OPTION_OPTIONAL_ARGUMENT, 's', &o->transport},
        {0, "benchfs.retry-for-ms", "how long to retry after a server was lost", OPTION_OPTIONAL_ARGUMENT, 'd',
         &o->retry_for_ms},
        {0, "benchfs.deadline-ms", "of an operation, plus time for its bytes", OPTION_OPTIONAL_ARGUMENT, 'd',
         &o->deadline_ms},
        {0, "benchfs.connect-wait-ms", "how long to wait for the servers to be there", OPTION_OPTIONAL_ARGUMENT,
         'd', &o->connect_wait_ms},
        {0, "benchfs.server-program", "the benchfsd to start", OPTION_OPTIONAL_ARGUMENT, 's',
         &o->server_program},
        LAST_OPTION};
    option_help* help = malloc(sizeof h);
    memcpy(help, h, sizeof h);
    return help;
}

/* NULL, or what is wrong with the options. */
static const char* objection(const benchfs_aiori_options* o) {
    if (!given(o->registry) && !given(o->datadir))
        return "no registry: use --benchfs.registry=DIR (servers run already) or --benchfs.datadir=DIR (start "
               "one)";
    if (o->chunk_size < 0 || o->chunk_size > 64 * 1024 * 1024 || o->chunk_size % 4096 != 0)
        return "--benchfs.chunk-size must be a multiple of 4096, at most 64m";
    if (o->retry_for_ms < 0 || o->deadline_ms <= 0 || o->connect_wait_ms < 0)
        return "a time is negative, or no time";
    if (given(o->transport) && strcmp(o->transport, "auto") != 0 && strcmp(o->transport, "window") != 0 &&
        strcmp(o->transport, "ucx") != 0)
        return "--benchfs.transport must be auto, window or ucx";
    return NULL;
}

static int BENCHFS_check_params(aiori_mod_opt_t* options) {
    const char* why = objection((const benchfs_aiori_options*)options);
    if (why == NULL) return 0;
    if (rank == 0) fprintf(out_logfile, "ERROR: BENCHFS: %s\n", why);
    fflush(out_logfile);
    return 1;
}

static void BENCHFS_xfer_hints(aiori_xfer_hint_t* params) { hints = params; }

static void connect_rank(const benchfs_aiori_options* o, int me, bool serve) {
    char node[32], registry[PATH_MAX], data[PATH_MAX];
    benchfs_options_t b;
    benchfs_options_init(&b);
    snprintf(node, sizeof node, serve ? "server" : "client_%d", me);
    snprintf(registry, sizeof registry, given(o->registry) ? "%s" : "%s/registry",
             given(o->registry) ? o->registry : o->datadir);
    b.node_id = node;
    b.registry_dir = registry;
    b.is_server = serve;
    if (serve && !o->memory) {
        snprintf(data, sizeof data, "%s/server-0", o->datadir);
        if (mkdir(o->datadir, 0755) != 0 && errno != EEXIST)
            ERRF("BENCHFS: cannot make %s: %s", o->datadir, strerror(errno));
        b.data_dir = data;
    }
    if (given(o->transport)) b.transport = o->transport;
    if (given(o->server_program)) b.server_program = o->server_program;
    b.retry_for_ms = (unsigned)o->retry_for_ms;
    b.deadline_ms = (unsigned)o->deadline_ms;
    b.connect_wait_ms = (unsigned)o->connect_wait_ms;
    context = benchfs_init_with(&b);
    if (context == NULL) ERRF("BENCHFS: rank %d: %s", me, benchfs_get_error());
}

static void BENCHFS_initialize(aiori_mod_opt_t* options) {
    if (users++ > 0) return;
    active = (const benchfs_aiori_options*)options;
    const char* why = objection(active); /* mdtest does not look at what check_params returns */
    if (why != NULL) ERRF("BENCHFS: %s", why);
    int me = 0;
    MPI_CHECK(MPI_Comm_dup(testComm, &ranks), "cannot duplicate the communicator");
    MPI_CHECK(MPI_Comm_rank(ranks, &me), "cannot get rank");
    const bool starts_server = given(active->datadir) && !servers_run;
    const bool serve = starts_server && me == 0;
    if (serve) connect_rank(active, me, true);
    /* The others look into the registry only when the new server's entry has replaced an old one. */
    if (starts_server) quiet_barrier(ranks);
    if (!serve) connect_rank(active, me, false);
}

static void BENCHFS_finalize(aiori_mod_opt_t* options) {
    (void)options;
    if (users == 0 || --users > 0) return;
    int me = 0;
    MPI_CHECK(MPI_Comm_rank(ranks, &me), "cannot get rank");
    const bool starts_server = given(active->datadir) && !servers_run;
    const bool serve = starts_server && me == 0;
    int failed = serve ? 0 : benchfs_finalize(context);
    if (starts_server) quiet_barrier(ranks); /* the server stops when nobody needs it any more */
    if (serve) failed = benchfs_finalize(context);
    if (failed != 0) WARNF("BENCHFS: %s", benchfs_get_error());
    context = NULL;
    MPI_CHECK(MPI_Comm_free(&ranks), "cannot free the communicator");
}

/* ---- files ---- */

static const char not_a_file = 0; /* the handle of a dry run */

static aiori_fd_t* open_file(const char* call, const char* path, int flags, uint32_t chunk_size) {
    benchfs_file_t* file = NULL;
    if (dry_run()) return (aiori_fd_t*)&not_a_file;
    const int failed = (flags & O_CREAT) ? benchfs_create(context, path, flags, 0664, chunk_size, &file)
                                         : benchfs_open(context, path, flags, 0, &file);
    if (failed != 0)
        ERRF("BENCHFS: %s(\"%s\", %#x) failed: %s", call, path, (unsigned)flags, benchfs_get_error());
    return (aiori_fd_t*)file;
}

/* IOR asks for a truncation by each rank of a shared file, though it has removed the old file before: not done,
 * as in the POSIX backend, or a late rank would cut what another has written. */
static aiori_fd_t* BENCHFS_create(char* name, int flags, aiori_mod_opt_t* options) {
    (void)flags;
    return open_file("create", ABSOLUTE(name), O_CREAT | O_RDWR,
                     (uint32_t)((const benchfs_aiori_options*)options)->chunk_size);
}

static aiori_fd_t* BENCHFS_open(char* name, int flags, aiori_mod_opt_t* options) {
    int wanted = O_RDONLY; /* mdtest passes O_RDONLY, which is 0, to read */
    if (flags & IOR_RDWR) {
        wanted = O_RDWR;
    } else if (flags & IOR_WRONLY) {
        wanted = O_RDWR; /* mdtest --verify-write reads what it has written through the same handle */
    }
    if (flags & IOR_CREAT) wanted |= O_CREAT;
    return open_file("open", ABSOLUTE(name), wanted,
                     (uint32_t)((const benchfs_aiori_options*)options)->chunk_size);
}

static int BENCHFS_mknod(char* name) {
    benchfs_file_t* file = NULL;
    const char* path = ABSOLUTE(name);
    const uint32_t chunk_size = active != NULL ? (uint32_t)active->chunk_size : 0;
    if (dry_run()) return 0;
    const int failed =
        benchfs_create(context, path, O_CREAT | O_EXCL | O_WRONLY, S_IRUSR | S_IWUSR, chunk_size, &file);
    if (failed != 0) ERRF("BENCHFS: mknod(\"%s\") failed: %s", path, benchfs_get_error());
    return answer(benchfs_close(file));
}

static void sync_file(benchfs_file_t* file) {
    if (benchfs_fsync(file) != 0) ERRF("BENCHFS: fsync failed: %s", benchfs_get_error());
}

static IOR_offset_t BENCHFS_xfer(int access, aiori_fd_t* fd, IOR_size_t* buffer, IOR_offset_t length,
                                 IOR_offset_t offset, aiori_mod_opt_t* options) {
    benchfs_file_t* const file = (benchfs_file_t*)fd;
    ssize_t moved;
    if (dry_run()) return length;
    if (access == WRITE) {
        moved = benchfs_pwrite(file, buffer, (size_t)length, offset);
        if (moved < 0)
            ERRF("BENCHFS: writing %lld bytes at %lld failed: %s", (long long)length, (long long)offset,
                 benchfs_get_error());
        if (((const benchfs_aiori_options*)options)->fsync_per_write || (hints != NULL && hints->fsyncPerWrite))
            sync_file(file);
    } else {
        moved = benchfs_pread(file, buffer, (size_t)length, offset);
        if (moved < 0)
            ERRF("BENCHFS: reading %lld bytes at %lld failed: %s", (long long)length, (long long)offset,
                 benchfs_get_error());
        if (moved < length)
            WARNF("BENCHFS: the file ends %lld bytes before the end of the %lld at %lld",
                  (long long)(length - moved), (long long)length, (long long)offset);
    }
    return moved;
}

static void BENCHFS_fsync(aiori_fd_t* fd, aiori_mod_opt_t* options) {
    (void)options;
    if (!dry_run()) sync_file((benchfs_file_t*)fd);
}

static void BENCHFS_close(aiori_fd_t* fd, aiori_mod_opt_t* options) {
    if (dry_run()) return;
    benchfs_file_t* const file = (benchfs_file_t*)fd;
    if (((const benchfs_aiori_options*)options)->fsync_on_close) sync_file(file);
    if (benchfs_close(file) != 0) ERRF("BENCHFS: close failed: %s", benchfs_get_error());
}

/* ---- names ---- */

static void BENCHFS_remove(char* name, aiori_mod_opt_t* options) {
    (void)options;
    if (dry_run()) return;
    const int failed = answer(benchfs_remove(context, ABSOLUTE(name)));
    if (failed != 0) WARNF("BENCHFS: [RANK %03d]: %s", rank, benchfs_get_error());
}

static int BENCHFS_rename(const char* from, const char* to, aiori_mod_opt_t* options) {
    (void)options;
    if (dry_run()) return 0;
    const int failed = answer(benchfs_rename(context, ABSOLUTE(from), ABSOLUTE(to)));
    if (failed != 0) WARNF("BENCHFS: [RANK %03d]: to %s: %s", rank, to, benchfs_get_error());
    return failed;
}

static int BENCHFS_mkdir(const char* path, mode_t mode, aiori_mod_opt_t* options) {
    (void)options;
    return dry_run() ? 0 : answer(benchfs_mkdir(context, ABSOLUTE(path), mode));
}

static int BENCHFS_rmdir(const char* path, aiori_mod_opt_t* options) {
    (void)options;
    return dry_run() ? 0 : answer(benchfs_rmdir(context, ABSOLUTE(path)));
}

static int BENCHFS_access(const char* path, int mode, aiori_mod_opt_t* options) {
    (void)options;
    return dry_run() ? 0 : answer(benchfs_access(context, ABSOLUTE(path), mode));
}

static int BENCHFS_stat(const char* path, struct stat* buf, aiori_mod_opt_t* options) {
    (void)options;
    return dry_run() ? 0 : answer(benchfs_stat(context, ABSOLUTE(path), buf));
}

static IOR_offset_t BENCHFS_get_file_size(aiori_mod_opt_t* options, char* name) {
    (void)options;
    if (dry_run()) return 0;
    const off_t size = benchfs_get_file_size(context, ABSOLUTE(name));
    if (size < 0) ERRF("BENCHFS: the size of a file: %s", benchfs_get_error());
    return size;
}

/* ---- the whole ---- */

static int BENCHFS_statfs(const char* path, ior_aiori_statfs_t* out, aiori_mod_opt_t* options) {
    (void)path;
    (void)options;
    struct statvfs usage;
    const int failed = answer(benchfs_statfs(context, &usage));
    if (failed != 0) return failed;
    out->f_bsize = usage.f_frsize;
    out->f_blocks = usage.f_blocks;
    out->f_bfree = usage.f_bfree;
    out->f_bavail = usage.f_bavail;
    out->f_files = usage.f_files;
    out->f_ffree = usage.f_ffree;
    return 0;
}

static void BENCHFS_sync(aiori_mod_opt_t* options) {
    (void)options;
    if (!dry_run() && benchfs_sync(context) != 0) ERRF("BENCHFS: sync failed: %s", benchfs_get_error());
}

static char* BENCHFS_get_version(void) {
    static char text[64];
    snprintf(text, sizeof text, "(benchfs %s)", benchfs_version());
    return text;
}

ior_aiori_t benchfs_aiori = {
    .name = "BENCHFS",
    .name_legacy = NULL,
    .create = BENCHFS_create,
    .mknod = BENCHFS_mknod,
    .open = BENCHFS_open,
    .xfer_hints = BENCHFS_xfer_hints,
    .xfer = BENCHFS_xfer,
    .close = BENCHFS_close,
    .remove = BENCHFS_remove,
    .get_version = BENCHFS_get_version,
    .fsync = BENCHFS_fsync,
    .get_file_size = BENCHFS_get_file_size,
    .statfs = BENCHFS_statfs,
    .mkdir = BENCHFS_mkdir,
    .rmdir = BENCHFS_rmdir,
    .access = BENCHFS_access,
    .stat = BENCHFS_stat,
    .initialize = BENCHFS_initialize,
    .finalize = BENCHFS_finalize,
    .rename = BENCHFS_rename,
    .get_options = BENCHFS_options,
    .check_params = BENCHFS_check_params,
    .sync = BENCHFS_sync,
    .enable_mdtest = true,
};
