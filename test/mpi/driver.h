/* The driver of the BENCHFS backend: calls its function table as IOR and mdtest do, on every rank. */
#ifndef BENCHFS_TEST_MPI_DRIVER_H
#define BENCHFS_TEST_MPI_DRIVER_H

#include "aiori.h"

extern ior_aiori_t benchfs_aiori;

typedef struct {
    aiori_mod_opt_t* options;
    int rank, size;
} driver;

#define EXPECT(condition)                                                                                      \
    do {                                                                                                       \
        if (!(condition)) end_with_error(__FILE__, __LINE__, "rank %d: not so: %s", rank, #condition);         \
    } while (0)

/* ior_phases.c: writes, reads and verifies in the patterns of IOR. */
void run_ior_phases(const driver* d);
/* mdtest_phases.c: a tree of directories and small files. */
void run_mdtest_phases(const driver* d);
/* Writes and reads until something fails; never returns by itself before `seconds` are over. */
void run_until_error(const driver* d, int seconds);

#endif
