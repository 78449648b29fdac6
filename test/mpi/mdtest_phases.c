/* A tree of directories with small files, in mdtest's phases; each rank works on what its neighbour made. */
#include "driver.h"

#include <fcntl.h>
#include <unistd.h>

enum { depth = 2, branches = 2, files = 40, bytes = 3901, deepest = 128 };

typedef void (*on_directory)(const driver* d, const char* directory, int owner);

static void walk(const driver* d, const char* directory, int level, int owner, on_directory before,
                 on_directory after) {
    if (before != NULL) before(d, directory, owner);
    for (int i = 0; level < depth && i < branches; ++i) {
        char below[deepest];
        snprintf(below, sizeof below, "%s/d%d", directory, i);
        walk(d, below, level + 1, owner, before, after);
    }
    if (after != NULL) after(d, directory, owner);
}

static void make_directory(const driver* d, const char* directory, int owner) {
    (void)owner;
    EXPECT(benchfs_aiori.mkdir(directory, S_IRWXU, d->options) == 0);
    EXPECT(benchfs_aiori.mkdir(directory, S_IRWXU, d->options) == -1); /* there already */
}

static char* file_name(char* name, const char* directory, int i) {
    snprintf(name, deepest + 32, "%s/file.mdtest.%d", directory, i);
    return name;
}

static void fill_small(char* data, int owner, int i) {
    for (int k = 0; k < bytes; ++k) data[k] = (char)(owner * 31 + i * 7 + k);
}

static void create_files(const driver* d, const char* directory, int owner) {
    char name[deepest + 32], data[bytes];
    for (int i = 0; i < files; ++i) {
        fill_small(data, owner, i);
        aiori_fd_t* const f =
            benchfs_aiori.create(file_name(name, directory, i), IOR_WRONLY | IOR_CREAT, d->options);
        EXPECT(benchfs_aiori.xfer(WRITE, f, (IOR_size_t*)(void*)data, bytes, 0, d->options) == bytes);
        benchfs_aiori.close(f, d->options);
    }
    EXPECT(benchfs_aiori.mknod(file_name(name, directory, files)) == 0);
}

static void stat_files(const driver* d, const char* directory, int owner) {
    char name[deepest + 32];
    struct stat st;
    (void)owner;
    for (int i = 0; i < files; ++i) {
        EXPECT(benchfs_aiori.stat(file_name(name, directory, i), &st, d->options) == 0);
        EXPECT(S_ISREG(st.st_mode) && st.st_size == bytes);
    }
    EXPECT(benchfs_aiori.stat(file_name(name, directory, files), &st, d->options) == 0 && st.st_size == 0);
    EXPECT(benchfs_aiori.stat(directory, &st, d->options) == 0 && S_ISDIR(st.st_mode));
    EXPECT(benchfs_aiori.rmdir(directory, d->options) == -1); /* not empty */
}

static void read_files(const driver* d, const char* directory, int owner) {
    char name[deepest + 32], data[bytes], wanted[bytes];
    for (int i = 0; i < files; ++i) {
        aiori_fd_t* const f = benchfs_aiori.open(file_name(name, directory, i), O_RDONLY, d->options);
        EXPECT(benchfs_aiori.xfer(READ, f, (IOR_size_t*)(void*)data, bytes, 0, d->options) == bytes);
        benchfs_aiori.close(f, d->options);
        fill_small(wanted, owner, i);
        EXPECT(memcmp(data, wanted, bytes) == 0);
    }
}

static void rename_files(const driver* d, const char* directory, int owner) {
    char from[deepest + 32], to[deepest + 64];
    (void)owner;
    for (int i = 0; i < files; i += 8) {
        file_name(from, directory, i);
        snprintf(to, sizeof to, "%s.renamed", from);
        EXPECT(benchfs_aiori.rename(from, to, d->options) == 0);
        EXPECT(benchfs_aiori.access(from, F_OK, d->options) == -1);
        EXPECT(benchfs_aiori.rename(to, from, d->options) == 0);
    }
}

static void remove_files(const driver* d, const char* directory, int owner) {
    char name[deepest + 32];
    (void)owner;
    for (int i = 0; i <= files; ++i) benchfs_aiori.remove(file_name(name, directory, i), d->options);
    EXPECT(warnings == 0);
}

static void remove_directory(const driver* d, const char* directory, int owner) {
    (void)owner;
    EXPECT(benchfs_aiori.rmdir(directory, d->options) == 0);
    EXPECT(benchfs_aiori.access(directory, F_OK, d->options) == -1);
}

static void phase(const driver* d, int shift, on_directory before, on_directory after) {
    char root[deepest];
    const int owner = (d->rank + shift) % d->size;
    snprintf(root, sizeof root, "/mdtest/rank%d", owner);
    walk(d, root, 0, owner, before, after);
    MPI_Barrier(testComm);
}

void run_mdtest_phases(const driver* d) {
    if (d->rank == 0) EXPECT(benchfs_aiori.mkdir("/mdtest", S_IRWXU, d->options) == 0);
    MPI_Barrier(testComm);
    phase(d, 0, make_directory, NULL);
    phase(d, 0, create_files, NULL);
    phase(d, 1, stat_files, NULL);
    phase(d, 2, read_files, NULL);
    phase(d, 3, rename_files, NULL);
    phase(d, 1, remove_files, NULL);
    phase(d, 2, NULL, remove_directory);
    if (d->rank == 0) EXPECT(benchfs_aiori.rmdir("/mdtest", d->options) == 0);
    MPI_Barrier(testComm);
}
