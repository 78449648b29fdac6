/* Which ranks of one launch serve and which run the benchmark: --server-ranks N makes the first N of
 * MPI_COMM_WORLD servers, the rest get a communicator of their own. */
#ifndef BENCHFS_IOR_ROLES_H
#define BENCHFS_IOR_ROLES_H

#include <mpi.h>

/* How the ranks that serve do it: one for each backend. Each function but start gives 0, or not, with error().
 */
typedef struct {
    const char* backend; /* as -a has it */
    /* Ends the job if it cannot. Directories come from the options among the arguments. */
    void (*start)(int me, int servers, int argc, char** argv);
    /* Called again and again while the rank waits: some milliseconds of work or sleep. */
    int (*serve_a_little)(void);
    int (*stop)(void);
    const char* (*error)(void);
    /* On the ranks that do not serve, before their backend is initialised. */
    void (*servers_run)(int servers);
} server_role;

extern const server_role benchfs_role;     /* role_benchfs.c */
extern const server_role benchfsmini_role; /* role_mini.c */

/* Takes --server-ranks out of the arguments. N, 0 if it is not there, -1 (with a message) if it is wrong. */
int take_server_ranks(int* argc, char** argv);

/* The role of the backend that -a names; the first of the list, which ends with NULL, if it names none of them.
 */
const server_role* role_of(const server_role* const* all, int argc, char** argv);

/* After MPI_Init. On the first `servers` ranks: serves until the others finish, then gives MPI_COMM_NULL. On
 * the others: waits until the servers serve and gives their communicator. Ends the job with a message if a
 * server cannot start, or ends before it should. */
MPI_Comm take_roles(const server_role* role, int servers, int argc, char** argv);

/* Tells the servers that this rank has finished. */
void finish_roles(MPI_Comm mine);

/* For roles: the value of --NAME=VALUE or --NAME VALUE; "" for a flag; NULL if it is not there. */
const char* role_option(int argc, char** argv, const char* name);
__attribute__((noreturn)) void role_end_job(const server_role* role, const char* what, const char* why);

#endif
