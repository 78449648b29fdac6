/* Writing, reading and verifying in IOR's patterns. Each 8-byte word holds the file's number, the place and the
 * writer, so a byte that was read names where it should have been. */
#include "driver.h"

#include <time.h>
#include <unistd.h>

enum { record_max = 1 << 20 };

typedef struct {
    const char* what;
    IOR_offset_t transfer; /* bytes of one call */
    int transfers;         /* of a rank, in a segment (IOR: block size / transfer size) */
    int segments;
    bool per_rank; /* a file for each rank, or one for all */
    bool shuffled; /* a random order within each block */
} pattern;

static const pattern patterns[] = {
    {"a file for each rank", record_max, 8, 1, true, false},
    {"one file, a block for each rank", 262144, 4, 1, false, false},
    {"one file, strided, unaligned records", 47008, 1, 64, false, false},
    {"one file, random order", 4096, 64, 2, false, true},
    {"a file for each rank, random order, odd size", 10007, 50, 1, true, true},
};
enum { pattern_count = sizeof patterns / sizeof patterns[0] };

static uint64_t* buffer_of(IOR_offset_t bytes) {
    uint64_t* const memory = calloc(1, (size_t)bytes + sizeof(uint64_t));
    EXPECT(memory != NULL);
    return memory;
}

static void fill(uint64_t* words, IOR_offset_t bytes, IOR_offset_t offset, int file, int writer) {
    for (IOR_offset_t i = 0; i * 8 < bytes; ++i)
        words[i] =
            ((uint64_t)(file * 64 + writer + 1) << 40 | (uint64_t)(offset + i * 8)) * 0x9e3779b97f4a7c15U;
}

/* The calls of one rank, by number, in the order in which they are made. */
static void order_calls(int* order, int count, bool shuffled, int seed) {
    for (int i = 0; i < count; ++i) order[i] = i;
    if (!shuffled) return;
    uint64_t state = (uint64_t)seed * 2654435761U + 1;
    for (int i = count - 1; i > 0; --i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        const int j = (int)((state >> 33) % (uint64_t)(i + 1));
        const int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

/* Where the call lies in the file: segment by segment, in each a block of every rank. */
static IOR_offset_t place(const pattern* p, int call, int owner, int size) {
    const IOR_offset_t block = p->transfer * p->transfers;
    const int segment = call / p->transfers, inside = call % p->transfers;
    const IOR_offset_t base = p->per_rank ? segment * block : (segment * (IOR_offset_t)size + owner) * block;
    return base + inside * p->transfer;
}

static void name_of(const pattern* p, int number, int owner, char* name, size_t size) {
    if (p->per_rank) {
        snprintf(name, size, "/pattern%d.%08d", number, owner);
    } else {
        snprintf(name, size, "pattern%d", number); /* relative, as IOR's default name is */
    }
}

static void write_pattern(const driver* d, const pattern* p, int number) {
    const int calls = p->transfers * p->segments;
    char name[64];
    name_of(p, number, d->rank, name, sizeof name);
    uint64_t* const data = buffer_of(p->transfer);
    int* const order = malloc(sizeof(int) * (size_t)calls);
    EXPECT(order != NULL);
    order_calls(order, calls, p->shuffled, d->rank + 1);
    aiori_fd_t* const file = benchfs_aiori.create(name, IOR_WRONLY | IOR_CREAT | IOR_TRUNC, d->options);
    MPI_Barrier(testComm);
    for (int i = 0; i < calls; ++i) {
        const IOR_offset_t at = place(p, order[i], d->rank, d->size);
        fill(data, p->transfer, at, number, d->rank);
        EXPECT(benchfs_aiori.xfer(WRITE, file, (IOR_size_t*)data, p->transfer, at, d->options) == p->transfer);
    }
    benchfs_aiori.fsync(file, d->options);
    benchfs_aiori.close(file, d->options);
    free(order);
    free(data);
    MPI_Barrier(testComm);
}

/* Reads what the next rank wrote, so that no cache of this process helps. */
static void verify_pattern(const driver* d, const pattern* p, int number, int access) {
    const int calls = p->transfers * p->segments, owner = (d->rank + 1) % d->size;
    char name[64];
    name_of(p, number, owner, name, sizeof name);
    const IOR_offset_t whole = p->transfer * calls * (p->per_rank ? 1 : d->size);
    EXPECT(benchfs_aiori.get_file_size(d->options, name) == whole);
    uint64_t *const data = buffer_of(p->transfer), *const wanted = buffer_of(p->transfer);
    aiori_fd_t* const file = benchfs_aiori.open(name, IOR_RDONLY, d->options);
    for (int i = 0; i < calls; ++i) {
        const IOR_offset_t at = place(p, i, owner, d->size);
        memset(data, 0xee, (size_t)p->transfer);
        EXPECT(benchfs_aiori.xfer(access, file, (IOR_size_t*)data, p->transfer, at, d->options) == p->transfer);
        fill(wanted, p->transfer, at, number, owner);
        if (memcmp(data, wanted, (size_t)p->transfer) != 0)
            end_with_error(__FILE__, __LINE__, "rank %d: %s: wrong bytes at %lld of %s", d->rank, p->what, at,
                           name);
    }
    benchfs_aiori.close(file, d->options);
    free(wanted);
    free(data);
    MPI_Barrier(testComm);
}

static void remove_pattern(const driver* d, const pattern* p, int number) {
    char name[64];
    name_of(p, number, d->rank, name, sizeof name);
    if (p->per_rank || d->rank == 0) {
        EXPECT(benchfs_aiori.access(name, F_OK, d->options) == 0);
        benchfs_aiori.remove(name, d->options);
        EXPECT(benchfs_aiori.access(name, F_OK, d->options) == -1);
    }
    MPI_Barrier(testComm);
}

/* A short read at the end of a file is said, and is no error; nothing is moved in a dry run. */
static void check_edges(const driver* d) {
    char name[64];
    char bytes[100];
    aiori_xfer_hint_t hints = {.filePerProc = 1, .numTasks = d->size, .fsyncPerWrite = 1};
    snprintf(name, sizeof name, "edge.%d", d->rank);
    benchfs_aiori.xfer_hints(&hints);
    memset(bytes, 'e', sizeof bytes);
    aiori_fd_t* file = benchfs_aiori.create(name, IOR_WRONLY | IOR_CREAT, d->options);
    EXPECT(benchfs_aiori.xfer(WRITE, file, (IOR_size_t*)(void*)bytes, 60, 0, d->options) == 60);
    EXPECT(warnings == 0);
    EXPECT(benchfs_aiori.xfer(READ, file, (IOR_size_t*)(void*)bytes, 100, 0, d->options) == 60);
    EXPECT(warnings == 1);
    warnings = 0;
    benchfs_aiori.close(file, d->options);
    benchfs_aiori.remove(name, d->options);
    EXPECT(warnings == 0);
    benchfs_aiori.remove(name, d->options); /* there is none: IOR only warns */
    EXPECT(warnings == 1);
    warnings = 0;
    hints.dryRun = 1;
    file = benchfs_aiori.create(name, IOR_WRONLY | IOR_CREAT, d->options);
    EXPECT(benchfs_aiori.xfer(WRITE, file, (IOR_size_t*)(void*)bytes, 60, 0, d->options) == 60);
    benchfs_aiori.close(file, d->options);
    hints.dryRun = 0;
    EXPECT(benchfs_aiori.access(name, F_OK, d->options) == -1);
    benchfs_aiori.xfer_hints(NULL);
    MPI_Barrier(testComm);
}

void run_ior_phases(const driver* d) {
    ior_aiori_statfs_t usage = {0};
    EXPECT(benchfs_aiori.statfs("/", &usage, d->options) == 0);
    EXPECT(usage.f_bsize > 0 && usage.f_blocks > 0 && usage.f_bfree <= usage.f_blocks && usage.f_files > 0);
    EXPECT(strstr(benchfs_aiori.get_version(), "benchfs") != NULL);
    check_edges(d);
    for (int i = 0; i < pattern_count; ++i) {
        write_pattern(d, &patterns[i], i);
        verify_pattern(d, &patterns[i], i, WRITECHECK);
        verify_pattern(d, &patterns[i], i, READ);
        remove_pattern(d, &patterns[i], i);
    }
    benchfs_aiori.sync(d->options);
}

void run_until_error(const driver* d, int seconds) {
    char name[64];
    uint64_t* const data = buffer_of(65536);
    snprintf(name, sizeof name, "/endless.%d", d->rank);
    aiori_fd_t* const file = benchfs_aiori.create(name, IOR_WRONLY | IOR_CREAT, d->options);
    MPI_Barrier(testComm);
    if (d->rank == 0) {
        printf("writing\n");
        fflush(stdout);
    }
    const time_t end = time(NULL) + seconds;
    for (IOR_offset_t i = 0; time(NULL) < end; ++i) {
        EXPECT(benchfs_aiori.xfer(WRITE, file, (IOR_size_t*)data, 65536, i % 256 * 65536, d->options) == 65536);
    }
    end_with_error(__FILE__, __LINE__, "nothing failed in %d s", seconds);
}
