/* A rank that serves with BENCHFS: it starts a benchfsd and watches it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nanosleep, mkdir and the rest of POSIX */
#endif
#include "roles.h"

#include "aiori-BENCHFS.h"
#include "benchfs/api/benchfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static benchfs_server_t* server;

static void start(int me, int servers, int argc, char** argv) {
    char registry[PATH_MAX], data[PATH_MAX];
    const char* const datadir = role_option(argc, argv, "--benchfs.datadir");
    const char* const given = role_option(argc, argv, "--benchfs.registry");
    benchfs_server_options_t o;
    if (datadir == NULL || *datadir == '\0')
        role_end_job(&benchfs_role, "--server-ranks", "needs --benchfs.datadir=DIR");
    if (mkdir(datadir, 0755) != 0 && errno != EEXIST) role_end_job(&benchfs_role, datadir, strerror(errno));
    snprintf(registry, sizeof registry, given != NULL ? "%s" : "%s/registry", given != NULL ? given : datadir);
    snprintf(data, sizeof data, "%s/server-%d", datadir, me);
    benchfs_server_options_init(&o);
    o.registry_dir = registry;
    o.data_dir = role_option(argc, argv, "--benchfs.memory") != NULL ? NULL : data;
    o.id = (unsigned)me;
    o.servers = (unsigned)servers;
    o.program = role_option(argc, argv, "--benchfs.server-program");
    if (benchfs_server_start(&o, &server) != 0)
        role_end_job(&benchfs_role, "cannot serve", benchfs_get_error());
}

static int serve_a_little(void) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 2 * 1000 * 1000};
    nanosleep(&pause, NULL);
    return benchfs_server_check(server);
}

static int stop(void) { return benchfs_server_stop(server); }

static void servers_run(int servers) {
    (void)servers; /* the registry tells */
    benchfs_aiori_servers_run();
}

const server_role benchfs_role = {"BENCHFS", start, serve_a_little, stop, benchfs_get_error, servers_run};
