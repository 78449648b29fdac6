/* benchfs-ior: IOR with the backends BENCHFS and BENCHFSMINI, and ranks that serve (--server-ranks N). */
#include <mpi.h>

#include <stdio.h>

#include "aiori.h"
#include "ior.h"

#include "ior-internal.h"
#include "utilities.h"

#include "register.h"
#include "roles.h"

extern ior_aiori_t benchfs_aiori;
extern ior_aiori_t benchfsmini_aiori;

static ior_aiori_t* const backends[] = {&benchfs_aiori, &benchfsmini_aiori, NULL};
static const server_role* const roles[] = {&benchfs_role, &benchfsmini_role, NULL};

static int run_beside_servers(int servers, int argc, char** argv) {
    int errors = 0;
    MPI_Init(&argc, &argv);
    const MPI_Comm mine = take_roles(role_of(roles, argc, argv), servers, argc, argv);
    if (mine != MPI_COMM_NULL) {
        IOR_test_t* const tests = ior_run(argc, argv, mine, stdout);
        for (const IOR_test_t* t = tests; t != NULL; t = t->next) errors += (int)t->results->errors;
        if (verbose <= VERBOSE_0) { /* ior_run leaves the summary to -v; IOR's own main prints it always */
            verbose = VERBOSE_1;
            PrintLongSummaryAllTests(tests);
            PrintTestEnds();
        }
        finish_roles(mine);
    }
    MPI_Finalize();
    return errors != 0;
}

int main(int argc, char** argv) {
    const int servers = take_server_ranks(&argc, argv);
    if (servers < 0 || register_backends(backends) != 0) return 2;
    return servers == 0 ? ior_main(argc, argv) : run_beside_servers(servers, argc, argv);
}
