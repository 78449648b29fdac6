/* Scratch directories for the tests in C. */
#include "check.h"

#include <ftw.h>
#include <string.h>

void make_directory(char* into, size_t size) {
    const char* base = getenv("TMPDIR");
    snprintf(into, size, "%s/benchfs-c-XXXXXX", base != NULL ? base : "/tmp");
    CHECK(mkdtemp(into) != NULL);
    CHECK_EQ(mkdir(below(into, "registry"), 0700), 0);
}

static int remove_one(const char* path, const struct stat* unused, int flag, struct FTW* walk) {
    (void)unused;
    (void)flag;
    (void)walk;
    return remove(path);
}

void remove_directory(const char* directory) { nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

const char* below(const char* directory, const char* name) {
    static char paths[8][512];
    static unsigned next;
    char* path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}
