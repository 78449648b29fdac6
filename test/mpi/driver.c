/* aiori-driver [--until-error SECONDS] --benchfs.OPTION[=VALUE]...: run by mpirun on any number of ranks. */
#include "driver.h"

static void take_option(option_help* table, char* argument) {
    if (take_backend_option(table, argument, NULL) == 0)
        end_with_error(__FILE__, __LINE__, "the backend has no option %s", argument);
}

/* IOR parses twice: once for its own defaults, once with those as initial values. */
static aiori_mod_opt_t* parse(int argc, char** argv, int* seconds) {
    aiori_mod_opt_t *first = NULL, *second = NULL;
    option_help* table = benchfs_aiori.get_options(&first, NULL);
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--until-error") == 0 && i + 1 < argc) {
            *seconds = atoi(argv[++i]);
        } else if (strcmp(argv[i], "-a") == 0 && i + 1 < argc) { /* as in a line for IOR */
            EXPECT(strcmp(argv[++i], benchfs_aiori.name) == 0);
        } else {
            take_option(table, argv[i]);
        }
    }
    free(table);
    free(benchfs_aiori.get_options(&second, first));
    free(first);
    return second;
}

static void check_refusals(void) {
    aiori_mod_opt_t* none = NULL;
    option_help* table = benchfs_aiori.get_options(&none, NULL);
    char wrong_chunk[] = "--benchfs.chunk-size=5000", wrong_transport[] = "--benchfs.transport=pigeon";
    char registry[] = "--benchfs.registry=/nowhere", chunk[] = "--benchfs.chunk-size=8192";
    FILE* const log = out_logfile;
    out_logfile = fopen("/dev/null", "w");
    EXPECT(benchfs_aiori.check_params(none) != 0); /* neither registry nor data directory */
    take_option(table, registry);
    EXPECT(benchfs_aiori.check_params(none) == 0);
    take_option(table, wrong_chunk);
    EXPECT(benchfs_aiori.check_params(none) != 0);
    take_option(table, chunk);
    EXPECT(benchfs_aiori.check_params(none) == 0);
    take_option(table, wrong_transport);
    EXPECT(benchfs_aiori.check_params(none) != 0);
    fclose(out_logfile);
    out_logfile = log;
    free(table);
    free(none);
}

int main(int argc, char** argv) {
    int seconds = 0;
    out_logfile = stdout;
    MPI_Init(&argc, &argv);
    MPI_Comm_dup(MPI_COMM_WORLD, &testComm);
    MPI_Comm_rank(testComm, &rank);
    driver d = {.rank = rank};
    MPI_Comm_size(testComm, &d.size);
    unsetenv("BENCHFS_REGISTRY_DIR");
    EXPECT(strcmp(benchfs_aiori.name, "BENCHFS") == 0 && benchfs_aiori.enable_mdtest);
    check_refusals();
    d.options = parse(argc, argv, &seconds);
    EXPECT(benchfs_aiori.check_params(d.options) == 0);

    /* Twice, as when one program runs several tests; and nested once, as IO500 does. */
    for (int round = 0; round < 2; ++round) {
        benchfs_aiori.initialize(d.options);
        benchfs_aiori.initialize(d.options);
        benchfs_aiori.finalize(d.options);
        if (seconds > 0) run_until_error(&d, seconds);
        run_ior_phases(&d);
        run_mdtest_phases(&d);
        EXPECT(warnings == 0);
        benchfs_aiori.finalize(d.options);
    }
    if (rank == 0) printf("%d ranks: all phases verified, twice\n", d.size);
    free(d.options);
    MPI_Comm_free(&testComm);
    MPI_Finalize();
    return 0;
}
