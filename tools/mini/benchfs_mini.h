/* BenchFS Mini: the smallest program that shows whether UCX streams work between two hosts. A server keeps
 * files in memory; clients find it through a directory that both see, connect to its listener and read and
 * write. Nothing of the file system is used, only the library's event loop and its UCX layer.
 *
 * One instance a process, one thread. Calls give 0 or more, or -errno with a text in benchfs_mini_error(). Each
 * has a deadline. A server works only while benchfs_mini_progress() or any other call runs. README.md has the
 * protocol. */
#ifndef BENCHFS_MINI_H
#define BENCHFS_MINI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCHFS_MINI_PATH_MAX = 4096, BENCHFS_MINI_DATA_MAX = 64 * 1024 * 1024 };

typedef struct {
    const char* registry_dir; /* made if it is not there */
    int is_server;
    int rank;              /* of a server; -1: what mpirun or srun says in the environment, else 0 */
    const char* advertise; /* the host that clients are to connect to; NULL: this host's name */
    unsigned timeout_ms;   /* of an operation, plus 1 us for each byte; 10000 */
    unsigned connect_ms;   /* how long benchfs_mini_connect waits for the server to be there; 10000 */
    uint64_t memory_limit; /* of a server: files and requests under way; 4 GiB */
    int quiet;             /* no endpoint information on standard error */
} benchfs_mini_options_t;

/* What a server has seen. */
typedef struct {
    uint64_t accepted;  /* connections */
    uint64_t connected; /* now */
    uint64_t finished;  /* connections that made a request and have ended */
    uint64_t dropped;   /* for rubbish, or for being too slow */
    uint64_t requests;
    uint64_t files;
    uint64_t memory; /* bytes, of the limit */
} benchfs_mini_stats_t;

/* What a server has room for. */
typedef struct {
    uint64_t limit; /* bytes */
    uint64_t used;  /* of them, 4 KiB for each file beside its bytes */
    uint64_t files;
} benchfs_mini_usage_t;

void benchfs_mini_options_init(benchfs_mini_options_t* options);

/* A server listens from here on and is in the registry; its clients wait until it serves. */
int benchfs_mini_init(const char* registry_dir, int is_server);
int benchfs_mini_init_with(const benchfs_mini_options_t* options);
int benchfs_mini_start_server(void);
/* Waits for the server's entry and for the server. Again, after a connection was lost. */
int benchfs_mini_connect(int server_rank);

/* The whole file, up to BENCHFS_MINI_DATA_MAX bytes: write replaces what was there, read gives how many bytes
 * of the buffer were filled from the file's start. */
int benchfs_mini_write(const char* path, const void* data, size_t length, int server_rank);
int64_t benchfs_mini_read(const char* path, void* buffer, size_t length, int server_rank);
/* The same at an offset; writing makes the file if there is none, and leaves zeros before the offset. */
int benchfs_mini_write_at(const char* path, const void* data, size_t length, uint64_t offset, int server_rank);
int64_t benchfs_mini_read_at(const char* path, void* buffer, size_t length, uint64_t offset, int server_rank);
int64_t benchfs_mini_size(const char* path, int server_rank);
int benchfs_mini_remove(const char* path, int server_rank);
int benchfs_mini_usage(int server_rank, benchfs_mini_usage_t* usage);

/* Does what there is to do without waiting; 1 if there was anything. */
int benchfs_mini_progress(void);
/* Serves for this long, asleep while nothing comes. */
int benchfs_mini_progress_for(unsigned milliseconds);
int benchfs_mini_stats(benchfs_mini_stats_t* stats);
/* Ends all connections, and takes a server out of the registry. Also when some other call has failed. */
int benchfs_mini_finalize(void);

/* What went wrong last, for a person; "" if nothing has. */
const char* benchfs_mini_error(void);

#ifdef __cplusplus
}
#endif

#endif
