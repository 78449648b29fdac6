/* A rank that serves with BENCHFSMINI: the server is in the rank's own process. */
#include "roles.h"

#include "aiori-BENCHFSMINI.h"
#include "benchfs_mini.h"

static void start(int me, int servers, int argc, char** argv) {
    benchfs_mini_options_t o;
    (void)servers;
    benchfs_mini_options_init(&o);
    o.registry_dir = role_option(argc, argv, "--benchfsmini.registry");
    o.is_server = 1;
    o.rank = me;
    o.advertise = role_option(argc, argv, "--benchfsmini.advertise");
    if (o.registry_dir == 0 || *o.registry_dir == '\0')
        role_end_job(&benchfsmini_role, "--server-ranks", "needs --benchfsmini.registry=DIR");
    if (benchfs_mini_init_with(&o) != 0 || benchfs_mini_start_server() != 0)
        role_end_job(&benchfsmini_role, "cannot serve", benchfs_mini_error());
}

static int serve_a_little(void) { return benchfs_mini_progress_for(2); }

const server_role benchfsmini_role = {"BENCHFSMINI",      start,
                                      serve_a_little,     benchfs_mini_finalize,
                                      benchfs_mini_error, benchfsmini_aiori_servers_run};
