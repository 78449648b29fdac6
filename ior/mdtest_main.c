/* benchfs-mdtest: mdtest with the BENCHFS backend, and ranks that serve (--server-ranks N). */
#include <mpi.h>

#include <stdio.h>

#include "aiori.h"
#include "mdtest.h"

#include "register.h"
#include "roles.h"

extern ior_aiori_t benchfs_aiori;

static ior_aiori_t* const backends[] = {&benchfs_aiori, NULL};

int main(int argc, char** argv) {
    const int servers = take_server_ranks(&argc, argv);
    if (servers < 0 || register_backends(backends) != 0) return 2;
    MPI_Init(&argc, &argv);
    const MPI_Comm mine = servers == 0 ? MPI_COMM_WORLD : take_roles(&benchfs_role, servers, argc, argv);
    if (mine != MPI_COMM_NULL) mdtest_run(argc, argv, mine, stdout);
    if (servers != 0) finish_roles(mine);
    MPI_Finalize();
    return 0;
}
