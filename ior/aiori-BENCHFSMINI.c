/* The AIORI backend "BENCHFSMINI" for IOR: bare UCX streams through BenchFS Mini, to see whether they work
 * between the ranks of a job. Every rank connects to every server; a file is on the server that its name's hash
 * says. There are no directories and nothing outlives the servers, so mdtest is not offered.
 *
 * Any error ends the job with Mini's text, but for files that are not there, as in the POSIX backend. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <mpi.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aiori.h"
#include "ior.h"
#include "utilities.h"

#include "aiori-BENCHFSMINI.h"
#include "benchfs_mini.h"

#include <errno.h>

typedef struct {
    char* registry;
    char* advertise;
    int servers;
    int timeout_ms;
    int connect_ms;
} mini_options;

static int users;       /* initialize without finalize */
static int ranks_serve; /* so many ranks of this launch are servers */
static int servers;     /* that this rank is connected to */
static aiori_xfer_hint_t* hints;

void benchfsmini_aiori_servers_run(int number) { ranks_serve = number; }

static bool dry_run(void) { return hints != NULL && hints->dryRun; }

static const char* options_objection(const mini_options* o) {
    if (o->registry == NULL || o->registry[0] == '\0')
        return "no registry: use --benchfsmini.registry=DIR, a directory that all ranks see";
    if (ranks_serve == 0 && o->servers < 1)
        return "no servers: use --server-ranks N, or --benchfsmini.servers=N where they run already "
               "(benchfs-mini "
               "server)";
    if (o->servers < 0 || o->timeout_ms < 1 || o->connect_ms < 0) return "a number is negative, or no time";
    return NULL;
}

static option_help* MINI_options(aiori_mod_opt_t** init_backend_options, aiori_mod_opt_t* init_values) {
    mini_options* o = malloc(sizeof *o);
    if (init_values != NULL) {
        memcpy(o, init_values, sizeof *o);
    } else {
        memset(o, 0, sizeof *o);
        o->timeout_ms = 10000;
        o->connect_ms = 30000;
    }
    *init_backend_options = (aiori_mod_opt_t*)o;
    option_help h[] = {{0, "benchfsmini.registry", "directory that servers and clients share",
                        OPTION_OPTIONAL_ARGUMENT, 's', &o->registry},
                       {0, "benchfsmini.servers", "servers that run already, without --server-ranks",
                        OPTION_OPTIONAL_ARGUMENT, 'd', &o->servers},
                       {0, "benchfsmini.advertise", "the host that clients connect to, for ranks that serve",
                        OPTION_OPTIONAL_ARGUMENT, 's', &o->advertise},
                       {0, "benchfsmini.timeout-ms", "of an operation, plus 1 us for each byte",
                        OPTION_OPTIONAL_ARGUMENT, 'd', &o->timeout_ms},
                       {0, "benchfsmini.connect-ms", "how long to wait for a server to be there",
                        OPTION_OPTIONAL_ARGUMENT, 'd', &o->connect_ms},
                       LAST_OPTION};
    option_help* help = malloc(sizeof h);
    memcpy(help, h, sizeof h);
    return help;
}

static int MINI_check_params(aiori_mod_opt_t* options) {
    const char* why = options_objection((const mini_options*)options);
    if (why == NULL) return 0;
    if (rank == 0) fprintf(out_logfile, "ERROR: BENCHFSMINI: %s\n", why);
    fflush(out_logfile);
    return 1;
}

static void MINI_xfer_hints(aiori_xfer_hint_t* params) { hints = params; }

static void MINI_initialize(aiori_mod_opt_t* options) {
    const mini_options* const o = (const mini_options*)options;
    benchfs_mini_options_t m;
    if (users++ > 0) return;
    const char* why = options_objection(o);
    if (why != NULL) ERRF("BENCHFSMINI: %s", why);
    benchfs_mini_options_init(&m);
    m.registry_dir = o->registry;
    m.timeout_ms = (unsigned)o->timeout_ms;
    m.connect_ms = (unsigned)o->connect_ms;
    if (benchfs_mini_init_with(&m) != 0) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
    servers = ranks_serve > 0 ? ranks_serve : o->servers;
    for (int i = 0; i < servers; ++i) {
        if (benchfs_mini_connect(i) != 0) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
    }
}

static void MINI_finalize(aiori_mod_opt_t* options) {
    (void)options;
    if (users == 0 || --users > 0) return;
    if (benchfs_mini_finalize() != 0) WARNF("BENCHFSMINI: %s", benchfs_mini_error());
}

/* ---- files ---- */

static int server_of(const char* path) {
    unsigned long long hash = 14695981039346656037ULL; /* FNV-1a */
    for (; *path != '\0'; ++path) hash = (hash ^ (unsigned char)*path) * 1099511628211ULL;
    return (int)(hash % (unsigned)servers);
}

/* 0, or -1 with ENOENT; anything else ends the job. */
static int answer(long long result) {
    if (result >= 0) return 0;
    if (result != -ENOENT) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
    errno = ENOENT;
    return -1;
}

static const char not_a_file = 0; /* the handle of a dry run */

static aiori_fd_t* handle_of(const char* path) {
    char* const copy = strdup(path);
    if (copy == NULL) ERRF("BENCHFSMINI: %s", "no memory for a path");
    return (aiori_fd_t*)copy;
}

/* Keeps what is there, as the other backend does: every rank of a shared file comes here. */
static aiori_fd_t* MINI_create(char* name, int flags, aiori_mod_opt_t* options) {
    (void)flags;
    (void)options;
    if (dry_run()) return (aiori_fd_t*)&not_a_file;
    answer(benchfs_mini_write_at(name, "", 0, 0, server_of(name)));
    return handle_of(name);
}

static aiori_fd_t* MINI_open(char* name, int flags, aiori_mod_opt_t* options) {
    if (dry_run()) return (aiori_fd_t*)&not_a_file;
    if (flags & IOR_CREAT) return MINI_create(name, flags, options);
    if (benchfs_mini_size(name, server_of(name)) < 0)
        ERRF("BENCHFSMINI: rank %d: open: %s", rank, benchfs_mini_error());
    return handle_of(name);
}

static void MINI_close(aiori_fd_t* fd, aiori_mod_opt_t* options) {
    (void)options;
    if (!dry_run()) free(fd);
}

/* One request; the bytes moved. */
static long long move(int access, const char* path, char* bytes, long long length, long long offset) {
    const size_t n = length < BENCHFS_MINI_DATA_MAX ? (size_t)length : (size_t)BENCHFS_MINI_DATA_MAX;
    const int server = server_of(path);
    const long long moved = access == WRITE ? benchfs_mini_write_at(path, bytes, n, (uint64_t)offset, server)
                                            : benchfs_mini_read_at(path, bytes, n, (uint64_t)offset, server);
    if (moved < 0) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
    return access == WRITE ? (long long)n : moved;
}

static IOR_offset_t MINI_xfer(int access, aiori_fd_t* fd, IOR_size_t* buffer, IOR_offset_t length,
                              IOR_offset_t offset, aiori_mod_opt_t* options) {
    IOR_offset_t done = 0;
    (void)options;
    if (dry_run()) return length;
    while (done < length) {
        const long long moved =
            move(access, (const char*)fd, (char*)buffer + done, length - done, offset + done);
        if (moved == 0) break;
        done += moved;
    }
    if (done < length)
        WARNF("BENCHFSMINI: the file ends %lld bytes before the end of the %lld at %lld",
              (long long)(length - done), (long long)length, (long long)offset);
    return done;
}

/* ---- names ---- */

static void MINI_remove(char* name, aiori_mod_opt_t* options) {
    (void)options;
    if (!dry_run() && answer(benchfs_mini_remove(name, server_of(name))) != 0)
        WARNF("BENCHFSMINI: [RANK %03d]: %s", rank, benchfs_mini_error());
}

static IOR_offset_t MINI_get_file_size(aiori_mod_opt_t* options, char* name) {
    (void)options;
    if (dry_run()) return 0;
    const int64_t size = benchfs_mini_size(name, server_of(name));
    if (size < 0) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
    return size;
}

static int MINI_access(const char* path, int mode, aiori_mod_opt_t* options) {
    (void)mode;
    (void)options;
    return dry_run() ? 0 : answer(benchfs_mini_size(path, server_of(path)));
}

static int MINI_stat(const char* path, struct stat* buf, aiori_mod_opt_t* options) {
    (void)options;
    memset(buf, 0, sizeof *buf);
    if (dry_run()) return 0;
    const int64_t size = benchfs_mini_size(path, server_of(path));
    if (answer(size) != 0) return -1;
    buf->st_mode = S_IFREG | 0644;
    buf->st_nlink = 1;
    buf->st_size = size;
    return 0;
}

/* All servers together. A file takes 4 KiB beside its bytes, so that is how many more there can be. */
static int MINI_statfs(const char* path, ior_aiori_statfs_t* out, aiori_mod_opt_t* options) {
    (void)path;
    (void)options;
    memset(out, 0, sizeof *out);
    out->f_bsize = 4096;
    if (dry_run()) return 0;
    for (int i = 0; i < servers; ++i) {
        benchfs_mini_usage_t usage;
        if (benchfs_mini_usage(i, &usage) != 0) ERRF("BENCHFSMINI: rank %d: %s", rank, benchfs_mini_error());
        out->f_blocks += usage.limit / 4096;
        out->f_bfree += (usage.limit - usage.used) / 4096;
        out->f_files += usage.files;
    }
    out->f_bavail = out->f_bfree;
    out->f_ffree = out->f_bfree;
    out->f_files += out->f_ffree;
    return 0;
}

/* ---- what Mini does not have ---- */

static int unsupported(void) {
    errno = ENOTSUP;
    return -1;
}

static int MINI_mkdir(const char* path, mode_t mode, aiori_mod_opt_t* options) {
    (void)path;
    (void)mode;
    (void)options;
    return unsupported();
}

static int MINI_rmdir(const char* path, aiori_mod_opt_t* options) {
    (void)path;
    (void)options;
    return unsupported();
}

static int MINI_rename(const char* from, const char* to, aiori_mod_opt_t* options) {
    (void)from;
    (void)to;
    (void)options;
    return unsupported();
}

static void MINI_fsync(aiori_fd_t* fd, aiori_mod_opt_t* options) {
    (void)fd;
    (void)options;
    WARNF("%s", "BENCHFSMINI: fsync does nothing: the servers keep files in memory only");
}

static char* MINI_get_version(void) {
    static char text[] = "(BenchFS Mini)";
    return text;
}

ior_aiori_t benchfsmini_aiori = {
    .name = "BENCHFSMINI",
    .name_legacy = NULL,
    .create = MINI_create,
    .open = MINI_open,
    .xfer_hints = MINI_xfer_hints,
    .xfer = MINI_xfer,
    .close = MINI_close,
    .remove = MINI_remove,
    .get_version = MINI_get_version,
    .fsync = MINI_fsync,
    .get_file_size = MINI_get_file_size,
    .statfs = MINI_statfs,
    .mkdir = MINI_mkdir,
    .rmdir = MINI_rmdir,
    .rename = MINI_rename,
    .access = MINI_access,
    .stat = MINI_stat,
    .initialize = MINI_initialize,
    .finalize = MINI_finalize,
    .get_options = MINI_options,
    .check_params = MINI_check_params,
    .enable_mdtest = false,
};
