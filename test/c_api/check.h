/* Checks for a test in C: the first that fails says where and what benchfs said, and ends the program. */
#ifndef BENCHFS_TEST_CHECK_H
#define BENCHFS_TEST_CHECK_H

#include "benchfs/api/benchfs.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                       \
    do {                                                                                                       \
        if (!(condition)) {                                                                                    \
            fprintf(stderr, "%s:%d: not so: %s (last error of benchfs: %s)\n", __FILE__, __LINE__, #condition, \
                    benchfs_get_error());                                                                      \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

#define CHECK_EQ(call, wanted)                                                                                 \
    do {                                                                                                       \
        const long long got_ = (long long)(call), wanted_ = (long long)(wanted);                               \
        if (got_ != wanted_) {                                                                                 \
            fprintf(stderr, "%s:%d: %s gave %lld, not %lld (last error of benchfs: %s)\n", __FILE__, __LINE__, \
                    #call, got_, wanted_, benchfs_get_error());                                                \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* A directory of the test's own with "registry" in it; removed by remove_directory. */
void make_directory(char* into, size_t size);
void remove_directory(const char* directory);
/* The path of a file in it, in one of a few static buffers. */
const char* below(const char* directory, const char* name);

#endif
