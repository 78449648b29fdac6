#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nanosleep */
#endif
#include "roles.h"

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

const char* role_option(int argc, char** argv, const char* name) {
    const size_t length = strlen(name);
    for (int i = 1; i < argc; ++i) {
        if (strncmp(argv[i], name, length) != 0) continue;
        if (argv[i][length] == '=') return argv[i] + length + 1;
        if (argv[i][length] == '\0') return i + 1 < argc ? argv[i + 1] : "";
    }
    return NULL;
}

void role_end_job(const server_role* role, const char* what, const char* why) {
    fprintf(stderr, "ERROR: %s: %s: %s\n", role->backend, what, why);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

const server_role* role_of(const server_role* const* all, int argc, char** argv) {
    const char* const backend = role_option(argc, argv, "-a");
    for (const server_role* const* r = all; backend != NULL && *r != NULL; ++r) {
        if (strcmp((*r)->backend, backend) == 0) return *r;
    }
    return all[0];
}

/* All of MPI_COMM_WORLD, without taking the core from a server or a client beside us. */
static void meet(const server_role* serving) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 2 * 1000 * 1000};
    MPI_Request request;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    while (!done) {
        if (serving == NULL) {
            nanosleep(&pause, NULL);
        } else if (serving->serve_a_little() != 0) {
            role_end_job(serving, "serving", serving->error());
        }
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
}

MPI_Comm take_roles(const server_role* role, int servers, int argc, char** argv) {
    int me = 0, all = 0;
    MPI_Comm mine;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    if (servers >= all) role_end_job(role, "--server-ranks", "leaves no rank to run the benchmark");
    MPI_Comm_split(MPI_COMM_WORLD, me < servers, me, &mine);
    if (me >= servers) {
        role->servers_run(servers);
        meet(NULL);
        return mine;
    }
    MPI_Comm_free(&mine);
    role->start(me, servers, argc, argv);
    meet(role); /* all serve */
    meet(role); /* all have finished */
    if (role->stop() != 0) role_end_job(role, "stopping", role->error());
    return MPI_COMM_NULL;
}

void finish_roles(MPI_Comm mine) {
    if (mine == MPI_COMM_NULL) return;
    meet(NULL);
    MPI_Comm_free(&mine);
}
