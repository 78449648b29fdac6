/* Handles of files that lose their names while they are open, and names of another kind than asked for. */
#include "check.h"

#include <errno.h>
#include <string.h>

/* Every call with a handle whose file is gone. */
static void check_stale(benchfs_file_t* f) {
    struct stat st;
    char buffer[16] = "";
    CHECK_EQ(benchfs_pread(f, buffer, sizeof buffer, 0), -ESTALE);
    CHECK(strstr(benchfs_get_error(), "removed") != NULL);
    CHECK_EQ(benchfs_pwrite(f, "x", 1, 0), -ESTALE);
    CHECK_EQ(benchfs_lseek(f, 0, SEEK_SET), 0);
    CHECK_EQ(benchfs_read(f, buffer, sizeof buffer), -ESTALE);
    CHECK_EQ(benchfs_write(f, "x", 1), -ESTALE);
    CHECK_EQ(benchfs_lseek(f, 0, SEEK_END), -ESTALE);
    CHECK_EQ(benchfs_fstat(f, &st), -ESTALE);
    CHECK_EQ(benchfs_ftruncate(f, 1), -ESTALE);
    CHECK_EQ(benchfs_fsync(f), 0);
    CHECK_EQ(benchfs_close(f), 0);
}

static void test_files_that_are_gone(benchfs_context_t* fs) {
    benchfs_file_t *f = NULL, *other = NULL;
    struct stat st;
    CHECK_EQ(benchfs_create(fs, "/gone", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "bytes", 5, 0), 5);
    CHECK_EQ(benchfs_unlink(fs, "/gone"), 0);
    check_stale(f);

    /* The name goes on with the file that replaced it. */
    CHECK_EQ(benchfs_create(fs, "/name", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "old", 3, 0), 3);
    CHECK_EQ(benchfs_create(fs, "/new", O_RDWR, 0600, 0, &other), 0);
    CHECK_EQ(benchfs_pwrite(other, "newer", 5, 0), 5);
    CHECK_EQ(benchfs_rename(fs, "/new", "/name"), 0);
    check_stale(f);
    CHECK_EQ(benchfs_fstat(other, &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_EQ(benchfs_close(other), 0);

    /* Made anew under its name, it is another file; cut to nothing it is the same. */
    CHECK_EQ(benchfs_open(fs, "/name", O_RDWR, 0, &f), 0);
    CHECK_EQ(benchfs_open(fs, "/name", O_WRONLY | O_TRUNC, 0, &other), 0);
    CHECK_EQ(benchfs_fstat(f, &st), 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(benchfs_close(other), 0);
    CHECK_EQ(benchfs_unlink(fs, "/name"), 0);
    CHECK_EQ(benchfs_create(fs, "/name", O_RDWR | O_EXCL, 0600, 0, &other), 0);
    check_stale(f);
    CHECK_EQ(benchfs_close(other), 0);
    CHECK_EQ(benchfs_unlink(fs, "/name"), 0);
}

static void test_what_kind_of_name(benchfs_context_t* fs) {
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/file", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_mkdir(fs, "/directory", 0700), 0);
    CHECK_EQ(benchfs_symlink(fs, "/file", "/to_file"), 0);
    CHECK_EQ(benchfs_symlink(fs, "/directory", "/to_directory"), 0);

    CHECK_EQ(benchfs_open(fs, "/file", O_RDONLY | O_DIRECTORY, 0, &f), -ENOTDIR);
    CHECK_EQ(benchfs_open(fs, "/to_file", O_RDONLY | O_DIRECTORY, 0, &f), -ENOTDIR);
    CHECK_EQ(benchfs_open(fs, "/none", O_RDONLY | O_DIRECTORY, 0, &f), -ENOENT);
    CHECK_EQ(benchfs_open(fs, "/none", O_RDWR | O_CREAT | O_DIRECTORY, 0600, &f), -EINVAL);
    CHECK_EQ(benchfs_open(fs, "/to_directory", O_RDONLY | O_DIRECTORY, 0, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);

    CHECK_EQ(benchfs_open(fs, "/to_file", O_RDONLY | O_NOFOLLOW, 0, &f), -ELOOP);
    CHECK_EQ(benchfs_open(fs, "/to_directory", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0, &f), -ELOOP);
    CHECK_EQ(benchfs_open(fs, "/file", O_RDWR | O_NOFOLLOW, 0, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_open(fs, "/fresh", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);
}

int main(void) {
    char directory[256];
    make_directory(directory, sizeof directory);
    benchfs_context_t* fs = benchfs_init("tester", below(directory, "registry"), NULL, 1);
    CHECK(fs != NULL);
    test_files_that_are_gone(fs);
    test_what_kind_of_name(fs);
    CHECK_EQ(benchfs_finalize(fs), 0);
    remove_directory(directory);
    puts("handles of files that are gone answer ESTALE, and open tells kinds of names apart");
    return 0;
}
