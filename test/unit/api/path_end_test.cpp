// A path that ends with "/" means a directory, and with "." or ".." at its end, too: as POSIX has it. Times of
// a file that are changed one by one.
#include "loopback_cluster.hpp"

namespace benchfs {
namespace {

using test::loopback_cluster;

/// A file, a directory, and a link to each.
class few_names {
public:
    few_names() : cluster_(3) {
        REQUIRE(of(fs().open("/file", makes)) == errc::ok);
        REQUIRE(of(fs().mkdir("/dir/")) == errc::ok);
        REQUIRE(of(fs().symlink("/dir", "/to-dir")) == errc::ok);
        REQUIRE(of(fs().symlink("/file", "/to-file")) == errc::ok);
    }
    [[nodiscard]] file_system& fs() noexcept { return cluster_.fs(); }
    template <class T>
    [[nodiscard]] errc of(runtime::task<T> asked) {
        return cluster_.run(std::move(asked)).error();
    }
    [[nodiscard]] attributes stat(const std::string& path) {
        const result<attributes> found = cluster_.run(fs().stat(path));
        REQUIRE(found);
        return *found;
    }

    static constexpr open_flags makes = open_flags::write | open_flags::create;

private:
    loopback_cluster cluster_;
};

} // namespace

TEST_CASE("a path that ends with a slash means no file") {
    few_names n;
    for (const std::string file : {"/file/", "/file/.", "/to-file/", "/file//"}) {
        INFO(file);
        CHECK(n.of(n.fs().stat(file)) == errc::not_a_directory);
        CHECK(n.of(n.fs().lstat(file)) == errc::not_a_directory);
        CHECK(n.of(n.fs().unlink(file)) == errc::not_a_directory);
        CHECK(n.of(n.fs().truncate(file, 0)) == errc::not_a_directory);
        CHECK(n.of(n.fs().open(file, open_flags::read)) == errc::not_a_directory);
    }
    CHECK(n.of(n.fs().rename("/file", "/new/")) == errc::not_a_directory);
    CHECK(n.of(n.fs().rename("/file/", "/new")) == errc::not_a_directory);
    CHECK(n.of(n.fs().open("/new/", few_names::makes)) == errc::is_a_directory);
    CHECK(n.of(n.fs().symlink("/dir", "/new/")) == errc::not_found);
    CHECK(n.of(n.fs().unlink("/new/")) == errc::not_found);
    CHECK(n.of(n.fs().stat("/new")) == errc::not_found);
    CHECK(n.of(n.fs().stat("/file")) == errc::ok);
}

TEST_CASE("a path that ends with a slash means a directory, also behind a link") {
    few_names n;
    CHECK(n.stat("/dir/").is_directory());
    CHECK(n.stat("/dir/..").is_directory());
    CHECK(n.of(n.fs().unlink("/dir/")) == errc::is_a_directory);
    CHECK(n.of(n.fs().unlink("/to-dir/")) == errc::is_a_directory);
    CHECK(n.of(n.fs().symlink("/dir", "/dir/")) == errc::already_exists);
    CHECK(n.of(n.fs().rename("/dir/", "/new/")) == errc::ok);
    CHECK(n.of(n.fs().rmdir("/new/")) == errc::ok);
}

TEST_CASE("one time of a file is changed without the other") {
    few_names n;
    REQUIRE(n.of(n.fs().set_times("/file", 1000, 2000)) == errc::ok);
    REQUIRE(n.of(n.fs().set_times("/file", 3000, {})) == errc::ok);
    CHECK(n.stat("/file").atime_ns == 3000);
    CHECK(n.stat("/file").mtime_ns == 2000);
    REQUIRE(n.of(n.fs().set_times("/file", {}, 4000)) == errc::ok);
    CHECK(n.stat("/file").atime_ns == 3000);
    CHECK(n.stat("/file").mtime_ns == 4000);
}

} // namespace benchfs
