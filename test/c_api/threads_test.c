/* Several threads of a process share one context; threads come and go, and each has its own error text. A
 * server that is killed while they work ends their calls with an error, not with a hang. */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { threads = 4, rounds = 200, record = 5000 };

static benchfs_context_t* fs;

static void* work(void* argument) {
    const int me = (int)(intptr_t)argument;
    char path[32], missing[48], data[record], back[record];
    snprintf(path, sizeof path, "/thread%d", me);
    snprintf(missing, sizeof missing, "/missing%d", me);
    memset(data, 'a' + me, sizeof data);
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, path, O_RDWR, 0600, 0, &f), 0);
    for (int i = 0; i < rounds; ++i) {
        CHECK_EQ(benchfs_pwrite(f, data, sizeof data, (off_t)i * record), record);
        benchfs_file_t* none = NULL;
        CHECK_EQ(benchfs_open(fs, missing, O_RDONLY, 0, &none), -ENOENT);
        CHECK_EQ(benchfs_pread(f, back, sizeof back, (off_t)i * record), record);
        CHECK(memcmp(data, back, sizeof data) == 0);
        CHECK(strstr(benchfs_get_error(), missing) != NULL);
    }
    CHECK_EQ(benchfs_get_file_size(fs, path), rounds * record);
    CHECK_EQ(benchfs_close(f), 0);
    return NULL;
}

static void run_threads(void* (*body)(void*)) {
    pthread_t all[threads];
    for (int i = 0; i < threads; ++i) CHECK_EQ(pthread_create(&all[i], NULL, body, (void*)(intptr_t)i), 0);
    for (int i = 0; i < threads; ++i) CHECK_EQ(pthread_join(all[i], NULL), 0);
}

static void* write_until_error(void* argument) {
    benchfs_file_t* f = argument;
    const struct timespec start_again = {.tv_nsec = 1000000};
    ssize_t n;
    while ((n = benchfs_pwrite(f, "x", 1, 0)) == 1) nanosleep(&start_again, NULL);
    CHECK(n == -EHOSTDOWN || n == -EREMOTEIO); /* EREMOTEIO: whether the last byte was written is not known */
    CHECK_EQ(benchfs_pwrite(f, "x", 1, 0), -EHOSTDOWN);
    CHECK(strstr(benchfs_get_error(), "server") != NULL);
    return NULL;
}

/* The context is made on a thread that has ended by the time it is used. */
static void* connect(void* argument) {
    fs = benchfs_init("threads", argument, NULL, 0);
    return NULL;
}

int main(void) {
    char directory[256], registry[512];
    make_directory(directory, sizeof directory);
    snprintf(registry, sizeof registry, "%s", below(directory, "registry"));
    benchfs_server_options_t options;
    benchfs_server_options_init(&options);
    options.registry_dir = registry;
    benchfs_server_t* server = NULL;
    CHECK_EQ(benchfs_server_start(&options, &server), 0);
    CHECK_EQ(benchfs_server_check(server), 0);
    pthread_t first;
    CHECK_EQ(pthread_create(&first, NULL, connect, registry), 0);
    CHECK_EQ(pthread_join(first, NULL), 0);
    CHECK(fs != NULL);

    const struct timespec idle = {.tv_nsec = 20000000};
    run_threads(work);
    nanosleep(&idle, NULL); /* the server falls asleep */
    run_threads(work);

    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/last", O_WRONLY, 0600, 0, &f), 0);
    pthread_t writer;
    CHECK_EQ(pthread_create(&writer, NULL, write_until_error, f), 0);
    nanosleep(&idle, NULL);
    char path[600], text[4096] = "";
    snprintf(path, sizeof path, "%s/server.addr", registry);
    FILE* record_file = fopen(path, "r");
    CHECK(record_file != NULL && fread(text, 1, sizeof text - 1, record_file) > 0);
    fclose(record_file);
    const char* pid = strstr(text, "\"pid\":");
    CHECK(pid != NULL);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_EQ(kill((pid_t)atoi(pid + 6), SIGKILL), 0);
    CHECK_EQ(pthread_join(writer, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec <= 10); /* 1.5 s of retries; the rest is for a busy machine */
    CHECK_EQ(benchfs_server_check(server), -ESRCH);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_finalize(fs), 0);
    CHECK_EQ(benchfs_server_stop(server), -EIO);
    remove_directory(directory);
    puts("threads take turns, and a killed server is an error");
    return 0;
}
