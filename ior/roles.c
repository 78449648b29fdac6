#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nanosleep, mkdir and the rest of POSIX */
#endif
#include "roles.h"

#include "aiori-BENCHFS.h"
#include "benchfs/api/benchfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int take_server_ranks(int* argc, char** argv) {
    static const char name[] = "--server-ranks";
    const size_t length = sizeof name - 1;
    int servers = 0, kept = 1;
    for (int i = 1; i < *argc; ++i) {
        const char* value = NULL;
        if (strncmp(argv[i], name, length) != 0 || (argv[i][length] != '\0' && argv[i][length] != '=')) {
            argv[kept++] = argv[i];
            continue;
        }
        value = argv[i][length] == '=' ? argv[i] + length + 1 : i + 1 < *argc ? argv[++i] : "";
        char* end = NULL;
        const long number = strtol(value, &end, 10);
        if (*value == '\0' || *end != '\0' || number < 0 || number > 4096) {
            fprintf(stderr, "--server-ranks needs a number of ranks, not \"%s\"\n", value);
            return -1;
        }
        servers = (int)number;
    }
    *argc = kept;
    argv[kept] = NULL;
    return servers;
}

/* The value of --NAME=VALUE or --NAME VALUE; "" for a flag; NULL if it is not there. */
static const char* option(int argc, char** argv, const char* name) {
    const size_t length = strlen(name);
    for (int i = 1; i < argc; ++i) {
        if (strncmp(argv[i], name, length) != 0) continue;
        if (argv[i][length] == '=') return argv[i] + length + 1;
        if (argv[i][length] == '\0') return i + 1 < argc ? argv[i + 1] : "";
    }
    return NULL;
}

static void end_job(const char* what, const char* why) {
    fprintf(stderr, "ERROR: BENCHFS: %s: %s\n", what, why);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static benchfs_server_t* start(int me, int servers, int argc, char** argv) {
    char registry[PATH_MAX], data[PATH_MAX];
    const char* const datadir = option(argc, argv, "--benchfs.datadir");
    const char* const given = option(argc, argv, "--benchfs.registry");
    const char* const program = option(argc, argv, "--benchfs.server-program");
    benchfs_server_options_t o;
    benchfs_server_t* server = NULL;
    if (datadir == NULL || *datadir == '\0') end_job("--server-ranks", "needs --benchfs.datadir=DIR");
    if (mkdir(datadir, 0755) != 0 && errno != EEXIST) end_job(datadir, strerror(errno));
    snprintf(registry, sizeof registry, given != NULL ? "%s" : "%s/registry", given != NULL ? given : datadir);
    snprintf(data, sizeof data, "%s/server-%d", datadir, me);
    benchfs_server_options_init(&o);
    o.registry_dir = registry;
    o.data_dir = option(argc, argv, "--benchfs.memory") != NULL ? NULL : data;
    o.id = (unsigned)me;
    o.servers = (unsigned)servers;
    o.program = program;
    if (benchfs_server_start(&o, &server) != 0) end_job("cannot serve", benchfs_get_error());
    return server;
}

/* All of MPI_COMM_WORLD, without taking the core from a server or a client beside us. */
static void meet(benchfs_server_t* server) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 2 * 1000 * 1000};
    MPI_Request request;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    while (!done) {
        nanosleep(&pause, NULL);
        if (server != NULL && benchfs_server_check(server) != 0) end_job("serving", benchfs_get_error());
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
}

MPI_Comm take_roles(int servers, int argc, char** argv) {
    int me = 0, all = 0;
    MPI_Comm mine;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    if (servers >= all) end_job("--server-ranks", "leaves no rank to run the benchmark");
    MPI_Comm_split(MPI_COMM_WORLD, me < servers, me, &mine);
    if (me >= servers) {
        benchfs_aiori_servers_run();
        meet(NULL);
        return mine;
    }
    MPI_Comm_free(&mine);
    benchfs_server_t* const server = start(me, servers, argc, argv);
    meet(server); /* all serve */
    meet(server); /* all have finished */
    if (benchfs_server_stop(server) != 0) end_job("stopping", benchfs_get_error());
    return MPI_COMM_NULL;
}

void finish_roles(MPI_Comm mine) {
    if (mine == MPI_COMM_NULL) return;
    meet(NULL);
    MPI_Comm_free(&mine);
}
