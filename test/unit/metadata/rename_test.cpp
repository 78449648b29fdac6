#include "support.hpp"

namespace benchfs::metadata {
namespace {

TEST_CASE_METHOD(fixture, "a renamed file keeps its id, size and times except the change time") {
    const file_id d = dir(root_id, "d");
    const file_id f = file(root_id, "f");
    REQUIRE(names.extend(f, 0, 99, 3000));
    const auto done = names.rename(root_id, "f", d, "g", 5000);
    REQUIRE(done);
    REQUIRE_FALSE(done->replaced);
    REQUIRE(done->moved.id == f);
    REQUIRE(done->moved.size == 99);
    REQUIRE(done->moved.mtime_ns == 3000);
    REQUIRE(done->moved.ctime_ns == 5000);
    REQUIRE(error_of(names.lookup(root_id, "f")) == errc::not_found);
    REQUIRE(*names.lookup(d, "g") == done->moved);
    REQUIRE(error_of(names.rename(root_id, "f", d, "h", 1)) == errc::not_found);
}

TEST_CASE_METHOD(fixture, "a rename over a file gives back what it replaced") {
    const file_id a = file(root_id, "a");
    const file_id b = file(root_id, "b");
    REQUIRE(names.extend(b, 0, 77, 1));
    const auto done = names.rename(root_id, "a", root_id, "b", 2);
    REQUIRE(done);
    REQUIRE(done->replaced);
    REQUIRE(done->replaced->id == b);
    REQUIRE(done->replaced->size == 77);
    REQUIRE(done->replaced->nlink == 0);
    REQUIRE(error_of(names.stat(b)) == errc::stale_handle);
    REQUIRE(names.lookup(root_id, "b")->id == a);
    REQUIRE(list_all(names, root_id).size() == 1);
}

TEST_CASE_METHOD(fixture, "a rename onto itself does nothing") {
    const file_id f = file(root_id, "f");
    const attributes before = *names.stat(f);
    const auto done = names.rename(root_id, "f", root_id, "f", 9999);
    REQUIRE(done);
    REQUIRE_FALSE(done->replaced);
    REQUIRE(*names.stat(f) == before);
    dir(root_id, "d");
    REQUIRE(names.rename(root_id, "d", root_id, "d", 9999));
}

TEST_CASE_METHOD(fixture, "a directory moves with all that is below it") {
    const file_id a = dir(root_id, "a");
    const file_id b = dir(root_id, "b");
    const file_id inner = dir(a, "inner");
    const file_id f = file(inner, "f");
    REQUIRE(names.rename(root_id, "a", b, "a2", 1));
    REQUIRE(names.lookup(b, "a2")->id == a);
    REQUIRE(names.lookup(a, "inner")->id == inner);
    REQUIRE(names.lookup(inner, "f")->id == f);
    // The new parent counts from now on, and the old one no more.
    REQUIRE(error_of(names.rename(root_id, "b", inner, "x", 1)) == errc::invalid_argument);
    REQUIRE(error_of(names.rmdir(root_id, "b")) == errc::not_empty);
    REQUIRE(names.rename(b, "a2", root_id, "a", 1));
    REQUIRE(names.rename(root_id, "b", inner, "x", 1));
}

TEST_CASE_METHOD(fixture, "a directory never moves into itself or below itself") {
    const file_id a = dir(root_id, "a");
    const file_id b = dir(a, "b");
    const file_id c = dir(b, "c");
    for (const file_id inside : {a, b, c}) {
        REQUIRE(error_of(names.rename(root_id, "a", inside, "x", 1)) == errc::invalid_argument);
    }
    REQUIRE(error_of(names.rename(a, "b", root_id, "a", 1)) == errc::not_empty); // over its own parent
    REQUIRE(names.lookup(root_id, "a")->id == a);
    REQUIRE(names.rename(b, "c", root_id, "c", 1));
    REQUIRE(names.rename(root_id, "a", c, "a", 1)); // no longer below
}

TEST_CASE_METHOD(fixture, "a rename replaces only what POSIX lets it replace") {
    const file_id d = dir(root_id, "d");
    const file_id empty = dir(root_id, "empty");
    dir(root_id, "full");
    file(names.lookup(root_id, "full")->id, "x");
    file(root_id, "f");
    REQUIRE(error_of(names.rename(root_id, "f", root_id, "d", 1)) == errc::is_a_directory);
    REQUIRE(error_of(names.rename(root_id, "d", root_id, "f", 1)) == errc::not_a_directory);
    REQUIRE(error_of(names.rename(root_id, "d", root_id, "full", 1)) == errc::not_empty);
    const auto done = names.rename(root_id, "d", root_id, "empty", 1);
    REQUIRE(done);
    REQUIRE(done->replaced->id == empty);
    REQUIRE(error_of(names.stat(empty)) == errc::stale_handle);
    REQUIRE(names.lookup(root_id, "empty")->id == d);
    REQUIRE(error_of(names.open(empty, "y", creating, {})) == errc::stale_handle);
    REQUIRE(names.counts().directories == 3);
}

} // namespace
} // namespace benchfs::metadata
