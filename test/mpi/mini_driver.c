/* aiori-mini-driver: the backend BENCHFSMINI with IOR's options, for where there is no IOR. It calls the
 * backend's function table as IOR does, compares every byte it reads, and ends with 0 only if all were right.
 *
 *     mpirun -np 8 aiori-mini-driver --server-ranks 4 -a BENCHFSMINI --benchfsmini.registry R -t 1m -b 4m -s 4
 * -F -w -W -r -R -o NAME -k -z           as in IOR; without any of -w -W -r -R: -w -r
 */
#include "roles.h"

#include "aiori.h"

#include <ctype.h>

extern ior_aiori_t benchfsmini_aiori;

#define EXPECT(condition)                                                                                      \
    do {                                                                                                       \
        if (!(condition)) end_with_error(__FILE__, __LINE__, "rank %d: not so: %s", rank, #condition);         \
    } while (0)

typedef struct {
    aiori_mod_opt_t* options; /* the backend's */
    long long transfer, block;
    int segments;
    bool per_rank, write, check_write, read, check_read, keep, random_order;
    const char* name;
    int ranks;
} plan;

/* "4k", "1m", "2g" or bytes. */
static long long bytes_of_text(const char* option, const char* text) {
    char* end = NULL;
    const long long number = strtoll(text, &end, 10);
    const int unit = tolower((unsigned char)*end);
    const int shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    if (end == text || (shift != 0) != (*end != '\0') || (shift != 0 && end[1] != '\0') || number <= 0)
        end_with_error(__FILE__, __LINE__, "%s needs a size such as 4k or 1m, not \"%s\"", option, text);
    return number << shift;
}

static bool take_flag(plan* p, const char* argument) {
    const struct {
        const char* name;
        bool* value;
    } flags[] = {{"-F", &p->per_rank},   {"-w", &p->write}, {"-W", &p->check_write}, {"-r", &p->read},
                 {"-R", &p->check_read}, {"-k", &p->keep},  {"-z", &p->random_order}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; ++i) {
        if (strcmp(argument, flags[i].name) != 0) continue;
        *flags[i].value = true;
        return true;
    }
    return false;
}

static bool take_setting(plan* p, const char* argument, const char* value) {
    if (strcmp(argument, "-t") == 0) {
        p->transfer = bytes_of_text(argument, value);
    } else if (strcmp(argument, "-b") == 0) {
        p->block = bytes_of_text(argument, value);
    } else if (strcmp(argument, "-s") == 0) {
        p->segments = (int)bytes_of_text(argument, value);
    } else if (strcmp(argument, "-o") == 0) {
        p->name = value;
    } else if (strcmp(argument, "-a") == 0) {
        EXPECT(strcmp(value, benchfsmini_aiori.name) == 0);
    } else {
        return false;
    }
    return true;
}

static plan parse(int argc, char** argv) {
    plan p = {.transfer = 262144, .block = 1048576, .segments = 1, .name = "testFile"};
    option_help* const table = benchfsmini_aiori.get_options(&p.options, NULL);
    for (int i = 1; i < argc; ++i) {
        char* const next = i + 1 < argc ? argv[i + 1] : NULL;
        int taken = take_flag(&p, argv[i]) ? 1 : 0;
        if (taken == 0 && next != NULL && take_setting(&p, argv[i], next)) taken = 2;
        if (taken == 0) taken = take_backend_option(table, argv[i], next);
        if (taken == 0) end_with_error(__FILE__, __LINE__, "there is no option %s", argv[i]);
        i += taken - 1;
    }
    free(table);
    if (p.block % p.transfer != 0) end_with_error(__FILE__, __LINE__, "-b is no multiple of -t");
    if (!p.write && !p.check_write && !p.read && !p.check_read) p.write = p.read = true;
    return p;
}

/* Each 8-byte word tells the place and the rank that wrote it. */
static void fill(uint64_t* words, long long bytes, long long offset, int writer) {
    for (long long i = 0; i * 8 < bytes; ++i)
        words[i] = ((uint64_t)(writer + 1) << 48 | (uint64_t)(offset + i * 8)) * 0x9e3779b97f4a7c15U;
}

static void name_of(const plan* p, int owner, char* to, size_t size) {
    if (p->per_rank) {
        snprintf(to, size, "%s.%08d", p->name, owner);
    } else {
        snprintf(to, size, "%s", p->name);
    }
}

static long long calls_of(const plan* p) { return p->block / p->transfer * p->segments; }

/* Where a call lies in the file: segment by segment, in each a block of every rank. */
static long long place(const plan* p, long long call, int owner) {
    const long long per_block = p->block / p->transfer;
    const long long segment = call / per_block, inside = call % per_block * p->transfer;
    return p->per_rank ? segment * p->block + inside : (segment * p->ranks + owner) * p->block + inside;
}

/* Each call once, in order or not: 7919 and a number without that factor have none in common. */
static long long nth(const plan* p, long long i) {
    const long long calls = calls_of(p);
    return p->random_order && calls % 7919 != 0 ? i * 7919 % calls : i;
}

static void write_phase(const plan* p, uint64_t* buffer) {
    char name[512];
    name_of(p, rank, name, sizeof name);
    aiori_fd_t* const file = benchfsmini_aiori.create(name, IOR_WRONLY | IOR_CREAT, p->options);
    for (long long i = 0; i < calls_of(p); ++i) {
        const long long at = place(p, nth(p, i), rank);
        fill(buffer, p->transfer, at, rank);
        EXPECT(benchfsmini_aiori.xfer(WRITE, file, (IOR_size_t*)buffer, p->transfer, at, p->options) ==
               p->transfer);
    }
    benchfsmini_aiori.close(file, p->options);
}

/* What the rank after this one has written. */
static void read_phase(const plan* p, int access, uint64_t* buffer, uint64_t* wanted) {
    const int owner = (rank + 1) % p->ranks;
    char name[512];
    name_of(p, owner, name, sizeof name);
    EXPECT(benchfsmini_aiori.get_file_size(p->options, name) ==
           calls_of(p) * p->transfer * (p->per_rank ? 1 : p->ranks));
    aiori_fd_t* const file = benchfsmini_aiori.open(name, IOR_RDONLY, p->options);
    for (long long i = 0; i < calls_of(p); ++i) {
        const long long at = place(p, nth(p, i), owner);
        memset(buffer, 0xee, (size_t)p->transfer);
        EXPECT(benchfsmini_aiori.xfer(access, file, (IOR_size_t*)buffer, p->transfer, at, p->options) ==
               p->transfer);
        fill(wanted, p->transfer, at, owner);
        if (memcmp(buffer, wanted, (size_t)p->transfer) != 0)
            end_with_error(__FILE__, __LINE__, "rank %d: wrong bytes in the %lld at %lld of %s", rank,
                           p->transfer, at, name);
    }
    benchfsmini_aiori.close(file, p->options);
}

static void remove_phase(const plan* p) {
    char name[512];
    struct stat attributes;
    name_of(p, rank, name, sizeof name);
    if (!p->per_rank && rank != 0) return;
    EXPECT(benchfsmini_aiori.stat(name, &attributes, p->options) == 0 && S_ISREG(attributes.st_mode));
    benchfsmini_aiori.remove(name, p->options);
    EXPECT(benchfsmini_aiori.access(name, 0, p->options) == -1);
    EXPECT(benchfsmini_aiori.mkdir("/d", 0755, p->options) == -1); /* refused, not pretended */
}

static void report(const plan* p, const char* what, double began) {
    MPI_Barrier(testComm);
    const double seconds = MPI_Wtime() - began;
    const double mib = (double)calls_of(p) * (double)p->transfer * p->ranks / 1048576;
    if (rank == 0) printf("%-10s %10.2f MiB/s, %.1f MiB in %.3f s\n", what, mib / seconds, mib, seconds);
    fflush(stdout);
}

static void run(const plan* p) {
    uint64_t* const buffer = malloc((size_t)p->transfer + sizeof(uint64_t));
    uint64_t* const wanted = malloc((size_t)p->transfer + sizeof(uint64_t));
    EXPECT(buffer != NULL && wanted != NULL);
    if (rank == 0)
        printf("%s: %d ranks, %s, transfers of %lld, blocks of %lld, %d segments\n", benchfsmini_aiori.name,
               p->ranks, p->per_rank ? "a file for each" : "one file", p->transfer, p->block, p->segments);
    MPI_Barrier(testComm);
    double began = MPI_Wtime();
    if (p->write) {
        write_phase(p, buffer);
        report(p, "write", began);
    }
    const struct {
        bool wanted;
        int access;
        const char* what;
    } reads[] = {{p->check_write, WRITECHECK, "writecheck"},
                 {p->read, READ, "read"},
                 {p->check_read, READCHECK, "readcheck"}};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; ++i) {
        if (!reads[i].wanted) continue;
        began = MPI_Wtime();
        read_phase(p, reads[i].access, buffer, wanted);
        report(p, reads[i].what, began);
    }
    if (!p->keep) remove_phase(p);
    MPI_Barrier(testComm);
    EXPECT(warnings == 0);
    free(wanted);
    free(buffer);
}

int main(int argc, char** argv) {
    out_logfile = stdout;
    const int servers = take_server_ranks(&argc, argv);
    if (servers < 0) return 2;
    MPI_Init(&argc, &argv);
    testComm = servers == 0 ? MPI_COMM_WORLD : take_roles(&benchfsmini_role, servers, argc, argv);
    if (testComm != MPI_COMM_NULL) {
        MPI_Comm_rank(testComm, &rank);
        plan p = parse(argc, argv);
        MPI_Comm_size(testComm, &p.ranks);
        if (benchfsmini_aiori.check_params(p.options) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
        benchfsmini_aiori.initialize(p.options);
        run(&p);
        benchfsmini_aiori.finalize(p.options);
        if (rank == 0) printf("every byte that was read is right\n");
        free(p.options);
        if (servers != 0) finish_roles(testComm);
    }
    MPI_Finalize();
    return 0;
}
