/* The C API from C: every call, its results and its errors, against a server that benchfs_init starts. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

static char directory[256];

static benchfs_context_t* start(void) {
    return benchfs_init("tester", below(directory, "registry"), below(directory, "data"), 1);
}

static void test_data(benchfs_context_t* fs) {
    benchfs_file_t* f = NULL;
    char buffer[64] = "";
    CHECK_EQ(benchfs_open(fs, "/missing", O_RDONLY, 0, &f), -ENOENT);
    CHECK(f == NULL);
    CHECK(strstr(benchfs_get_error(), "open /missing") != NULL);
    CHECK_EQ(benchfs_create(fs, "/data", O_RDWR, 0640, 65536, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "hello world", 11, 5), 11);
    CHECK_EQ(benchfs_pread(f, buffer, sizeof buffer, 0), 16);
    CHECK(memcmp(buffer, "\0\0\0\0\0hello world", 16) == 0);
    CHECK_EQ(benchfs_pread(f, buffer, 10, 16), 0);
    CHECK_EQ(benchfs_pread(f, buffer, 10, -1), -EINVAL);
    CHECK_EQ(benchfs_pwrite(f, buffer, 10, -1), -EINVAL);
    CHECK_EQ(benchfs_pwrite(f, NULL, 10, 0), -EINVAL);
    CHECK_EQ(benchfs_pwrite(f, buffer, 1, INT64_MAX), -EFBIG);

    CHECK_EQ(benchfs_lseek(f, 5, SEEK_SET), 5);
    CHECK_EQ(benchfs_read(f, buffer, 5), 5);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    CHECK_EQ(benchfs_lseek(f, 0, SEEK_CUR), 10);
    CHECK_EQ(benchfs_write(f, "-", 1), 1);
    CHECK_EQ(benchfs_lseek(f, -1, SEEK_CUR), 10);
    CHECK_EQ(benchfs_lseek(f, -3, SEEK_END), 13);
    CHECK_EQ(benchfs_lseek(f, -20, SEEK_CUR), -EINVAL);
    CHECK_EQ(benchfs_lseek(f, 0, 77), -EINVAL);
    CHECK_EQ(benchfs_fsync(f), 0);

    struct stat st;
    CHECK_EQ(benchfs_fstat(f, &st), 0);
    CHECK_EQ(st.st_size, 16);
    CHECK_EQ(st.st_mode, S_IFREG | 0640);
    CHECK_EQ(st.st_blksize, 65536);
    CHECK_EQ(st.st_uid, getuid());
    CHECK_EQ(benchfs_ftruncate(f, 3), 0);
    CHECK_EQ(benchfs_get_file_size(fs, "/data"), 3);
    CHECK_EQ(benchfs_ftruncate(f, -1), -EINVAL);
    CHECK_EQ(benchfs_close(f), 0);

    CHECK_EQ(benchfs_open(fs, "/data", O_RDONLY, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "x", 1, 0), -EBADF);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_open(fs, "/data", O_WRONLY | O_CREAT | O_EXCL, 0600, &f), -EEXIST);
    CHECK_EQ(benchfs_open(fs, "/data", O_WRONLY | O_TRUNC, 0, &f), 0);
    CHECK_EQ(benchfs_pread(f, buffer, 1, 0), -EBADF);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_get_file_size(fs, "/data"), 0);
}

static void test_append(benchfs_context_t* fs) {
    benchfs_file_t *f = NULL, *other = NULL;
    char buffer[16];
    CHECK_EQ(benchfs_open(fs, "/log", O_RDWR | O_CREAT | O_APPEND, 0600, &f), 0);
    CHECK_EQ(benchfs_open(fs, "/log", O_WRONLY | O_APPEND, 0, &other), 0);
    CHECK_EQ(benchfs_write(f, "one", 3), 3);
    CHECK_EQ(benchfs_write(other, "two", 3), 3);
    CHECK_EQ(benchfs_write(f, "three", 5), 5);
    CHECK_EQ(benchfs_lseek(f, 0, SEEK_CUR), 11);
    CHECK_EQ(benchfs_read(f, buffer, sizeof buffer), 0);
    CHECK_EQ(benchfs_lseek(f, 0, SEEK_SET), 0);
    CHECK_EQ(benchfs_read(f, buffer, sizeof buffer), 11);
    CHECK(memcmp(buffer, "onetwothree", 11) == 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_close(other), 0);
}

static void test_large(benchfs_context_t* fs) {
    const size_t size = 9 * 1024 * 1024 + 17;
    unsigned char *data = benchfs_buffer_alloc(fs, size), *back = benchfs_buffer_alloc(fs, size);
    CHECK(data != NULL && back != NULL && (uintptr_t)data % 4096 == 0);
    for (size_t i = 0; i < size; ++i) data[i] = (unsigned char)(i * 2654435761U >> 13);
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/large", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, data, size, 12345), (ssize_t)size);
    CHECK_EQ(benchfs_pread(f, back, size, 12345), (ssize_t)size);
    CHECK(memcmp(data, back, size) == 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_unlink(fs, "/large"), 0);
    benchfs_buffer_free(fs, data);
    benchfs_buffer_free(fs, back);
}

static void test_names(benchfs_context_t* fs) {
    struct stat st;
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_mkdir(fs, "/dir", 0750), 0);
    CHECK_EQ(benchfs_mkdir(fs, "/dir", 0750), -EEXIST);
    CHECK_EQ(benchfs_mkdir(fs, "/none/dir", 0750), -ENOENT);
    CHECK_EQ(benchfs_mkdir(fs, "dir", 0750), -EINVAL);
    CHECK_EQ(benchfs_stat(fs, "/dir", &st), 0);
    CHECK(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0750);
    CHECK_EQ(benchfs_get_file_size(fs, "/dir"), -EISDIR);
    CHECK_EQ(benchfs_open(fs, "/dir", O_WRONLY, 0, &f), -EISDIR);
    CHECK_EQ(benchfs_create(fs, "/dir/b", O_WRONLY, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "abc", 3, 0), 3);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_create(fs, "/dir/a", O_WRONLY, 0400, 0, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_mkdir(fs, "/dir/c", 0700), 0);
    CHECK_EQ(benchfs_rmdir(fs, "/dir"), -ENOTEMPTY);
    CHECK_EQ(benchfs_rmdir(fs, "/dir/a"), -ENOTDIR);

    benchfs_dir_t* d = NULL;
    CHECK_EQ(benchfs_opendir(fs, "/none", &d), -ENOENT);
    CHECK_EQ(benchfs_opendir(fs, "/dir/a", &d), -ENOTDIR);
    CHECK_EQ(benchfs_opendir(fs, "/dir", &d), 0);
    const benchfs_dirent_t* e = benchfs_readdir(d);
    CHECK(e != NULL && strcmp(e->name, "a") == 0 && S_ISREG(e->mode) && e->size == 0);
    e = benchfs_readdir(d);
    CHECK(e != NULL && strcmp(e->name, "b") == 0 && S_ISREG(e->mode) && e->size == 3);
    CHECK_EQ(benchfs_stat(fs, "/dir/b", &st), 0);
    CHECK(e->id == st.st_ino && e->mtime.tv_sec == st.st_mtim.tv_sec && e->mtime.tv_nsec == st.st_mtim.tv_nsec);
    e = benchfs_readdir(d);
    CHECK(e != NULL && strcmp(e->name, "c") == 0 && S_ISDIR(e->mode));
    CHECK(benchfs_readdir(d) == NULL);
    CHECK(benchfs_readdir(d) == NULL);
    benchfs_closedir(d);

    CHECK_EQ(benchfs_access(fs, "/dir/a", F_OK), 0);
    CHECK_EQ(benchfs_access(fs, "/dir/a", X_OK), -EACCES);
    CHECK_EQ(benchfs_access(fs, "/dir", R_OK | W_OK | X_OK), 0);
    CHECK_EQ(benchfs_access(fs, "/dir/z", F_OK), -ENOENT);
    CHECK_EQ(benchfs_access(fs, "/dir/a", 1 << 20), -EINVAL);
    CHECK_EQ(benchfs_chmod(fs, "/dir/a", 0700), 0);
    CHECK_EQ(benchfs_access(fs, "/dir/a", X_OK), 0);

    const struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
    CHECK_EQ(benchfs_utimens(fs, "/dir/a", times), 0);
    const struct timespec one[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 7, .tv_nsec = 0}};
    CHECK_EQ(benchfs_utimens(fs, "/dir/a", one), 0);
    CHECK_EQ(benchfs_stat(fs, "/dir/a", &st), 0);
    CHECK(st.st_atim.tv_sec == 1 && st.st_atim.tv_nsec == 2 && st.st_mtim.tv_sec == 7);
    CHECK_EQ(benchfs_utimens(fs, "/dir/a", NULL), 0);
    CHECK_EQ(benchfs_stat(fs, "/dir/a", &st), 0);
    CHECK(st.st_mtim.tv_sec > 1000000);

    CHECK_EQ(benchfs_truncate(fs, "/dir/b", 100), 0);
    CHECK_EQ(benchfs_truncate(fs, "/dir/b", -100), -EINVAL);
    CHECK_EQ(benchfs_rename(fs, "/dir/b", "/dir/c/b"), 0);
    CHECK_EQ(benchfs_rename(fs, "/dir/b", "/dir/c/b"), -ENOENT);
    CHECK_EQ(benchfs_rename(fs, "/dir/c", "/dir/c/d"), -EINVAL);
    CHECK_EQ(benchfs_get_file_size(fs, "/dir/c/b"), 100);
    CHECK_EQ(benchfs_remove(fs, "/dir/c/b"), 0);
    CHECK_EQ(benchfs_remove(fs, "/dir/c"), 0);
    CHECK_EQ(benchfs_unlink(fs, "/dir/a"), 0);
    CHECK_EQ(benchfs_unlink(fs, "/dir/a"), -ENOENT);
    CHECK_EQ(benchfs_rmdir(fs, "/dir"), 0);
    CHECK_EQ(benchfs_stat(fs, "/dir", &st), -ENOENT);
}

static void test_symlinks(benchfs_context_t* fs) {
    struct stat st;
    char text[600];
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_mkdir(fs, "/real", 0755), 0);
    CHECK_EQ(benchfs_create(fs, "/real/file", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_pwrite(f, "through a link", 14, 0), 14);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_symlink(fs, "real", "/link"), 0);
    CHECK_EQ(benchfs_symlink(fs, "other", "/link"), -EEXIST);
    CHECK_EQ(benchfs_symlink(fs, "link/file", "/second"), 0);

    /* Followed by everything but lstat and readlink, and in the middle of a path by those, too. */
    CHECK_EQ(benchfs_stat(fs, "/second", &st), 0);
    CHECK(S_ISREG(st.st_mode) && st.st_size == 14);
    CHECK_EQ(benchfs_lstat(fs, "/second", &st), 0);
    CHECK(S_ISLNK(st.st_mode) && st.st_size == 9);
    CHECK_EQ(benchfs_lstat(fs, "/link/file", &st), 0);
    CHECK(S_ISREG(st.st_mode) && st.st_size == 14);
    CHECK_EQ(benchfs_open(fs, "/second", O_RDONLY, 0, &f), 0);
    CHECK_EQ(benchfs_pread(f, text, sizeof text, 0), 14);
    CHECK(memcmp(text, "through a link", 14) == 0);
    CHECK_EQ(benchfs_close(f), 0);

    memset(text, 'x', sizeof text);
    CHECK_EQ(benchfs_readlink(fs, "/second", text, sizeof text), 9);
    CHECK(memcmp(text, "link/filex", 10) == 0);
    CHECK_EQ(benchfs_readlink(fs, "/link", text, 2), 2);
    CHECK(memcmp(text, "re", 2) == 0);
    CHECK_EQ(benchfs_readlink(fs, "/real/file", text, sizeof text), -EINVAL);
    CHECK_EQ(benchfs_readlink(fs, "/none", text, sizeof text), -ENOENT);
    CHECK(strstr(benchfs_get_error(), "/none") != NULL);

    CHECK_EQ(benchfs_symlink(fs, "/loop", "/loop"), 0);
    CHECK_EQ(benchfs_stat(fs, "/loop", &st), -ELOOP);
    CHECK_EQ(benchfs_lstat(fs, "/loop", &st), 0);
    CHECK_EQ(benchfs_symlink(fs, "/none", "/dangling"), 0);
    CHECK_EQ(benchfs_stat(fs, "/dangling", &st), -ENOENT);

    memset(text, 'y', sizeof text);
    text[512] = '\0';
    CHECK_EQ(benchfs_symlink(fs, text, "/long"), -ENAMETOOLONG);
    text[511] = '\0';
    CHECK_EQ(benchfs_symlink(fs, text, "/long"), 0);
    CHECK_EQ(benchfs_symlink(fs, "", "/empty"), -ENOENT);
    CHECK_EQ(benchfs_symlink(fs, "x", "/nowhere/link"), -ENOENT);
    CHECK_EQ(benchfs_symlink(fs, NULL, "/x"), -EINVAL);
    CHECK_EQ(benchfs_symlink(fs, "x", NULL), -EINVAL);
    CHECK_EQ(benchfs_symlink(NULL, "x", "/x"), -EINVAL);
    CHECK_EQ(benchfs_readlink(fs, "/link", NULL, 5), -EINVAL);
    CHECK_EQ(benchfs_readlink(fs, "/link", text, 0), -EINVAL);
    CHECK_EQ(benchfs_lstat(fs, "/link", NULL), -EINVAL);

    /* What goes is the link. */
    CHECK_EQ(benchfs_rename(fs, "/second", "/third"), 0);
    CHECK_EQ(benchfs_lstat(fs, "/third", &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    const char* const links[] = {"/link", "/third", "/loop", "/dangling", "/long"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; ++i) { CHECK_EQ(benchfs_unlink(fs, links[i]), 0); }
    CHECK_EQ(benchfs_stat(fs, "/real/file", &st), 0);
    CHECK_EQ(benchfs_unlink(fs, "/real/file"), 0);
    CHECK_EQ(benchfs_rmdir(fs, "/real"), 0);
}

static void test_hard_links(benchfs_context_t* fs) {
    char text[300];
    struct stat st;
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/file", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_link(fs, "/file", "/other"), -ENOTSUP);
    CHECK(strstr(benchfs_get_error(), "link /file") != NULL);
    CHECK(strstr(benchfs_get_error(), "not supported") != NULL);
    CHECK_EQ(benchfs_link(fs, "/none", "/other"), -ENOTSUP);
    CHECK_EQ(benchfs_stat(fs, "/other", &st), -ENOENT);
    CHECK_EQ(benchfs_link(fs, "file", "/other"), -EINVAL);
    CHECK_EQ(benchfs_link(fs, "/file", "other"), -EINVAL);
    CHECK_EQ(benchfs_link(fs, "/file", ""), -EINVAL);
    CHECK_EQ(benchfs_link(fs, NULL, "/other"), -EINVAL);
    CHECK_EQ(benchfs_link(fs, "/file", NULL), -EINVAL);
    CHECK_EQ(benchfs_link(NULL, "/file", "/other"), -EINVAL);
    memset(text, 'n', sizeof text);
    text[0] = '/';
    text[257] = '\0';
    CHECK_EQ(benchfs_link(fs, "/file", text), -ENAMETOOLONG);
    CHECK_EQ(benchfs_link(fs, text, "/other"), -ENAMETOOLONG);
    CHECK_EQ(benchfs_unlink(fs, "/file"), 0);
}

static void test_whole(benchfs_context_t* fs) {
    struct statvfs usage;
    CHECK_EQ(benchfs_statfs(fs, &usage), 0);
    CHECK(usage.f_blocks > 0 && usage.f_bfree <= usage.f_blocks && usage.f_files > 0 && usage.f_namemax == 255);
    CHECK_EQ(benchfs_sync(fs), 0);
    CHECK(strlen(benchfs_version()) >= 5);
    CHECK_EQ(benchfs_servers(fs), 1);
    CHECK_EQ(benchfs_servers(NULL), -EINVAL);
    CHECK_EQ(benchfs_ping(fs, 0), 0);
    CHECK_EQ(benchfs_ping(fs, 1), -EINVAL);
    CHECK(strcmp(benchfs_path_to(fs, 0), "window") == 0 || strcmp(benchfs_path_to(fs, 0), "ucx") == 0);
    CHECK(benchfs_path_to(fs, 1) == NULL);
}

static void test_wrong_use(benchfs_context_t* fs) {
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_open(NULL, "/x", O_RDONLY, 0, &f), -EINVAL);
    CHECK_EQ(benchfs_open(fs, NULL, O_RDONLY, 0, &f), -EINVAL);
    CHECK_EQ(benchfs_open(fs, "/x", O_RDONLY, 0, NULL), -EINVAL);
    CHECK_EQ(benchfs_open(fs, "/x", O_ACCMODE, 0, &f), -EINVAL);
    CHECK_EQ(benchfs_create(fs, "/x", O_RDWR, 0600, 4097, &f), -EINVAL);
    CHECK_EQ(benchfs_stat(fs, "/x", NULL), -EINVAL);
    CHECK_EQ(benchfs_rename(fs, "/x", NULL), -EINVAL);
    CHECK_EQ(benchfs_pread(NULL, &f, 1, 0), -EINVAL);
    CHECK_EQ(benchfs_close(NULL), 0);
    CHECK_EQ(benchfs_finalize(NULL), 0);
}

/* A child inherits handles that it can only put away; with a context of its own it works. */
static void test_fork(benchfs_context_t* fs) {
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/shared", O_RDWR, 0600, 0, &f), 0);
    fflush(NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct stat st;
        CHECK_EQ(benchfs_stat(fs, "/shared", &st), -ECHILD);
        CHECK_EQ(benchfs_pwrite(f, "child", 5, 0), -ECHILD);
        CHECK(strstr(benchfs_get_error(), "fork") != NULL);
        CHECK_EQ(benchfs_close(f), -ECHILD);
        CHECK_EQ(benchfs_finalize(fs), 0);
        benchfs_context_t* own = benchfs_init("child", below(directory, "registry"), NULL, 0);
        CHECK(own != NULL);
        CHECK_EQ(benchfs_stat(own, "/shared", &st), 0);
        CHECK_EQ(benchfs_finalize(own), 0);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(benchfs_pwrite(f, "parent", 6, 0), 6);
    CHECK_EQ(benchfs_get_file_size(fs, "/shared"), 6);
    CHECK_EQ(benchfs_close(f), 0);
}

static void test_finalize_with_open_file(void) {
    benchfs_context_t* fs = benchfs_init("second", below(directory, "registry"), NULL, 0);
    CHECK(fs != NULL);
    benchfs_file_t* f = NULL;
    char byte = 0;
    CHECK_EQ(benchfs_create(fs, "/left", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_finalize(fs), 0);
    CHECK_EQ(benchfs_pread(f, &byte, 1, 0), -EBADF);
    CHECK_EQ(benchfs_close(f), -EBADF);
}

static void test_no_server(void) {
    benchfs_options_t options;
    benchfs_options_init(&options);
    options.registry_dir = below(directory, "nowhere");
    options.connect_wait_ms = 50;
    CHECK(benchfs_init_with(&options) == NULL);
    CHECK_EQ(errno, ENOTCONN);
    CHECK(strstr(benchfs_get_error(), "nowhere") != NULL);
    options.is_server = 1;
    options.server_program = "/no/such/benchfsd";
    CHECK(benchfs_init_with(&options) == NULL);
    CHECK_EQ(errno, ENOENT);
    const char* const wrong[] = {"--no-such-option", NULL};
    options.server_program = NULL;
    options.server_arguments = wrong;
    options.connect_wait_ms = 20000;
    CHECK(benchfs_init_with(&options) == NULL);
    CHECK_EQ(errno, EIO);
    CHECK(strstr(benchfs_get_error(), "before it was ready") != NULL);
    options.struct_size = 3;
    CHECK(benchfs_init_with(&options) == NULL);
    CHECK_EQ(errno, EINVAL);
}

/* A server without a data directory forgets everything when it is started again. */
static void test_lost_changes(void) {
    benchfs_server_options_t options;
    benchfs_server_options_init(&options);
    options.registry_dir = below(directory, "forgetful");
    benchfs_server_t* server = NULL;
    CHECK_EQ(benchfs_server_start(&options, &server), 0);
    benchfs_context_t* fs = benchfs_init("third", options.registry_dir, NULL, 0);
    CHECK(fs != NULL);
    benchfs_file_t* f = NULL;
    CHECK_EQ(benchfs_create(fs, "/f", O_RDWR, 0600, 0, &f), 0);
    CHECK_EQ(benchfs_fsync(f), 0);
    CHECK_EQ(benchfs_pwrite(f, "lost", 4, 0), 4);
    CHECK_EQ(benchfs_server_stop(server), 0);
    CHECK_EQ(benchfs_server_start(&options, &server), 0);
    CHECK_EQ(benchfs_fsync(f), -EIO);
    CHECK(strstr(benchfs_get_error(), "/f: server 0 was started again and has lost changes") != NULL);
    CHECK_EQ(benchfs_fsync(f), 0);
    CHECK_EQ(benchfs_sync(fs), 0);
    CHECK_EQ(benchfs_close(f), 0);
    CHECK_EQ(benchfs_mkdir(fs, "/d", 0700), 0);
    CHECK_EQ(benchfs_server_stop(server), 0);
    CHECK_EQ(benchfs_server_start(&options, &server), 0);
    CHECK_EQ(benchfs_sync(fs), -EIO);
    CHECK(strstr(benchfs_get_error(), "server 0") != NULL);
    CHECK_EQ(benchfs_sync(fs), 0);
    CHECK_EQ(benchfs_finalize(fs), 0);
    CHECK_EQ(benchfs_server_stop(server), 0);
}

int main(void) {
    make_directory(directory, sizeof directory);
    test_no_server();
    test_lost_changes();
    /* Repeatable: what one round wrote to the memory of its server is gone in the next. */
    for (int round = 0; round < 3; ++round) {
        benchfs_context_t* fs = start();
        CHECK(fs != NULL);
        test_data(fs);
        test_append(fs);
        test_names(fs);
        test_symlinks(fs);
        test_hard_links(fs);
        if (round == 0) {
            test_large(fs);
            test_whole(fs);
            test_wrong_use(fs);
            test_fork(fs);
            test_finalize_with_open_file();
        }
        CHECK_EQ(benchfs_finalize(fs), 0);
        CHECK(access(below(directory, "registry/server.addr"), F_OK) != 0);
        /* The io_uring engine would find its files of the round before. */
        remove_directory(below(directory, "data"));
    }
    remove_directory(directory);
    puts("the C API does what benchfs.h says");
    return 0;
}
