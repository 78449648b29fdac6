/* Which ranks of one launch serve and which run the benchmark: --server-ranks N makes the first N of
 * MPI_COMM_WORLD servers, the rest get a communicator of their own. */
#ifndef BENCHFS_IOR_ROLES_H
#define BENCHFS_IOR_ROLES_H

#include <mpi.h>

/* Takes --server-ranks out of the arguments. N, 0 if it is not there, -1 (with a message) if it is wrong. */
int take_server_ranks(int* argc, char** argv);

/* After MPI_Init. On the first `servers` ranks: serves until the others finish, then gives MPI_COMM_NULL. On
 * the others: waits until the servers serve and gives their communicator. Ends the job with a message if a
 * server cannot start, or ends before it should. The servers' directories come from the --benchfs options in
 * the arguments. */
MPI_Comm take_roles(int servers, int argc, char** argv);

/* Tells the servers that this rank has finished. */
void finish_roles(MPI_Comm mine);

#endif
