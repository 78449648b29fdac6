/* The part of IOR's interface between itself and a backend that aiori-BENCHFS.c uses, declared anew for the
 * tests, so that the adapter is compiled and driven where there is no IOR. Names and types are IOR's; values of
 * flags too. */
#ifndef BENCHFS_TEST_AIORI_H
#define BENCHFS_TEST_AIORI_H

#include <limits.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef long long IOR_offset_t;
typedef long long IOR_size_t;

enum { WRITE = 0, WRITECHECK = 1, READ = 2, READCHECK = 3 };
enum { IOR_RDONLY = 0x01, IOR_WRONLY = 0x02, IOR_RDWR = 0x04, IOR_CREAT = 0x10, IOR_TRUNC = 0x20 };

/* ---- options: a table that the backend gives and the caller fills ---- */

typedef enum { OPTION_FLAG, OPTION_OPTIONAL_ARGUMENT, OPTION_REQUIRED_ARGUMENT } option_value_type;

typedef struct {
    char shortVar;
    char* longVar;
    char* help;
    option_value_type arg;
    char type; /* 'd' int, 'l' long long, 's' string */
    void* variable;
} option_help;

#define LAST_OPTION {0, 0, 0, (option_value_type)0, 0, NULL}

/* ---- what passes between both sides ---- */

typedef struct aiori_mod_opt_t {
    void* unused;
} aiori_mod_opt_t;

typedef struct aiori_fd_t {
    void* unused;
} aiori_fd_t;

typedef struct {
    int dryRun;
    int filePerProc;
    int numTasks;
    int fsyncPerWrite;
    IOR_offset_t blockSize;
    IOR_offset_t transferSize;
} aiori_xfer_hint_t;

typedef struct {
    uint64_t f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree;
} ior_aiori_statfs_t;

/* A backend: what IOR and mdtest call. */
typedef struct ior_aiori {
    char* name;
    char* name_legacy;
    aiori_fd_t* (*create)(char* name, int flags, aiori_mod_opt_t* options);
    int (*mknod)(char* name);
    aiori_fd_t* (*open)(char* name, int flags, aiori_mod_opt_t* options);
    void (*xfer_hints)(aiori_xfer_hint_t* hints);
    IOR_offset_t (*xfer)(int access, aiori_fd_t* file, IOR_size_t* buffer, IOR_offset_t size,
                         IOR_offset_t offset, aiori_mod_opt_t* options);
    void (*close)(aiori_fd_t* file, aiori_mod_opt_t* options);
    void (*remove)(char* name, aiori_mod_opt_t* options);
    char* (*get_version)(void);
    void (*fsync)(aiori_fd_t* file, aiori_mod_opt_t* options);
    IOR_offset_t (*get_file_size)(aiori_mod_opt_t* options, char* name);
    int (*statfs)(const char* path, ior_aiori_statfs_t* usage, aiori_mod_opt_t* options);
    int (*mkdir)(const char* path, mode_t mode, aiori_mod_opt_t* options);
    int (*rmdir)(const char* path, aiori_mod_opt_t* options);
    int (*access)(const char* path, int mode, aiori_mod_opt_t* options);
    int (*stat)(const char* path, struct stat* attributes, aiori_mod_opt_t* options);
    void (*initialize)(aiori_mod_opt_t* options);
    void (*finalize)(aiori_mod_opt_t* options);
    int (*rename)(const char* from, const char* to, aiori_mod_opt_t* options);
    option_help* (*get_options)(aiori_mod_opt_t** options, aiori_mod_opt_t* initial);
    int (*check_params)(aiori_mod_opt_t* options);
    void (*sync)(aiori_mod_opt_t* options);
    bool enable_mdtest;
} ior_aiori_t;

/* ---- what IOR offers to backends ---- */

extern FILE* out_logfile;
extern int rank;
extern MPI_Comm testComm;
/* Warnings so far: IOR only prints them, a test wants to know. */
extern int warnings;

#define ERRF(...) end_with_error(__FILE__, __LINE__, __VA_ARGS__)
#define WARNF(...) warn(__VA_ARGS__)
#define MPI_CHECK(call, message)                                                                               \
    do {                                                                                                       \
        if ((call) != MPI_SUCCESS) ERRF("%s", message);                                                        \
    } while (0)

__attribute__((noreturn, format(printf, 3, 4))) void end_with_error(const char* file, int line,
                                                                    const char* format, ...);
__attribute__((format(printf, 1, 2))) void warn(const char* format, ...);

/* "--name=value", "--name value" or "--name" into the backend's table, as IOR's parser does: how many arguments
 * that took, 0 if the table has no such option. */
int take_backend_option(option_help* table, char* argument, char* next);

#endif
