/* benchfs-ping REGISTRY [WAIT_MS]: asks every server of a file system for an answer. One line a server, then
 * how full it is; status 0 if all have answered, 1 if one has not, 2 for wrong use. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime */
#endif
#include "benchfs/api/benchfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        fprintf(stderr, "usage: benchfs-ping REGISTRY [WAIT_MS]\n");
        return 2;
    }
    benchfs_options_t options;
    benchfs_options_init(&options);
    options.node_id = "ping";
    options.registry_dir = argv[1];
    options.connect_wait_ms = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
    benchfs_context_t* fs = benchfs_init_with(&options);
    if (fs == NULL) {
        printf("%s\n", benchfs_get_error());
        return 1;
    }
    int silent = 0;
    const int servers = benchfs_servers(fs);
    for (int i = 0; i < servers; ++i) {
        int failed = benchfs_ping(fs, (unsigned)i); /* the first also connects */
        const double before = now_us();
        if (failed == 0) failed = benchfs_ping(fs, (unsigned)i);
        if (failed == 0) {
            printf("server %d answers in %.0f us by %s\n", i, now_us() - before,
                   benchfs_path_to(fs, (unsigned)i));
        } else {
            printf("server %d: %s\n", i, benchfs_get_error());
            ++silent;
        }
    }
    struct statvfs usage;
    if (silent == 0 && benchfs_statfs(fs, &usage) == 0) {
        const unsigned long long block = usage.f_frsize;
        printf("used %llu of %llu MiB, %llu files and directories\n",
               (unsigned long long)(usage.f_blocks - usage.f_bfree) * block >> 20,
               (unsigned long long)usage.f_blocks * block >> 20,
               (unsigned long long)(usage.f_files - usage.f_ffree));
    }
    benchfs_finalize(fs);
    return silent != 0;
}
