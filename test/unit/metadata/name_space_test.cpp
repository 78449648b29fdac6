#include "support.hpp"

namespace benchfs::metadata {
namespace {

TEST_CASE_METHOD(fixture, "the root is there from the start") {
    const auto root = names.stat(root_id);
    REQUIRE(root);
    REQUIRE(root->is_directory());
    REQUIRE(root->mode == 0755);
    REQUIRE(root->mtime_ns == 1000);
    REQUIRE(names.lookup(root_id, "")->id == root_id);
    REQUIRE(list_all(names, root_id).empty());
}

TEST_CASE_METHOD(fixture, "a created file has what it was created with") {
    new_inode how;
    how.mode = 0100640; // type bits are not the caller's business
    how.uid = 7;
    how.gid = 8;
    how.chunk_size = 65536;
    how.now_ns = 42;
    const auto made = names.open(root_id, "a", creating, how);
    REQUIRE(made);
    REQUIRE(made->created);
    REQUIRE_FALSE(made->truncated);
    const attributes& a = made->attr;
    REQUIRE(a.type == file_type::file);
    REQUIRE(a.mode == 0640);
    REQUIRE(a.uid == 7);
    REQUIRE(a.gid == 8);
    REQUIRE(a.chunk_size == 65536);
    REQUIRE(a.size == 0);
    REQUIRE(a.epoch == 0);
    REQUIRE(a.nlink == 1);
    REQUIRE((a.mtime_ns == 42 && a.ctime_ns == 42 && a.atime_ns == 42));
    REQUIRE(*names.lookup(root_id, "a") == a);
    REQUIRE(*names.stat(a.id) == a);
    REQUIRE(names.stat(root_id)->mtime_ns == 1000); // creating does not touch the directory

    how.now_ns = 99;
    const auto again = names.open(root_id, "a", creating, how);
    REQUIRE(again);
    REQUIRE_FALSE(again->created);
    REQUIRE(again->attr == a);
}

TEST_CASE_METHOD(fixture, "chunk sizes have limits") {
    new_inode how;
    for (const std::uint32_t bad : {1U, 4095U, 4097U, 5000U, max_chunk_size + 4096U, 0xffffffffU}) {
        how.chunk_size = bad;
        REQUIRE(error_of(names.open(root_id, "x", creating, how)) == errc::invalid_argument);
    }
    REQUIRE(error_of(names.lookup(root_id, "x")) == errc::not_found);
    for (const std::uint32_t good : {min_chunk_size, 12288U, max_chunk_size}) {
        how.chunk_size = good;
        REQUIRE(names.open(root_id, std::to_string(good), creating, how)->attr.chunk_size == good);
    }
    how.chunk_size = 0;
    REQUIRE(names.open(root_id, "default", creating, how)->attr.chunk_size == default_chunk_size);
}

TEST_CASE_METHOD(fixture, "bad names get the POSIX error from every operation that takes one") {
    struct bad_name {
        std::string text;
        errc expected;
    };
    const bad_name all[] = {{".", errc::invalid_argument},
                            {"..", errc::invalid_argument},
                            {"a/b", errc::invalid_argument},
                            {"/", errc::invalid_argument},
                            {std::string("a\0b", 3), errc::invalid_argument},
                            {std::string(256, 'n'), errc::name_too_long}};
    const file_id d = dir(root_id, "d");
    file(root_id, "f");
    for (const auto& [bad, expected] : all) {
        REQUIRE(error_of(names.lookup(d, bad)) == expected);
        REQUIRE(error_of(names.open(d, bad, creating, {})) == expected);
        REQUIRE(error_of(names.mkdir(d, bad, {})) == expected);
        REQUIRE(error_of(names.unlink(d, bad)) == expected);
        REQUIRE(error_of(names.rmdir(d, bad)) == expected);
        REQUIRE(error_of(names.rename(d, bad, root_id, "g", 1)) == expected);
        REQUIRE(error_of(names.rename(root_id, "f", d, bad, 1)) == expected);
        collector taken(1);
        REQUIRE(error_of(names.readdir(d, bad, taken)) == expected);
    }
    REQUIRE(error_of(names.open(d, "", creating, {})) == errc::invalid_argument);
    REQUIRE(names.open(d, std::string(255, 'n'), creating, {}));
}

TEST_CASE_METHOD(fixture, "a parent that is a file or is gone is told apart") {
    const file_id f = file(root_id, "f");
    const file_id gone = dir(root_id, "gone");
    REQUIRE(names.rmdir(root_id, "gone"));
    const file_id never = file_id::make(server_id{9}, 77);
    for (const auto& [parent, expected] :
         {std::pair{f, errc::not_a_directory}, std::pair{gone, errc::stale_handle},
          std::pair{never, errc::stale_handle}}) {
        REQUIRE(error_of(names.lookup(parent, "x")) == expected);
        REQUIRE(error_of(names.open(parent, "x", creating, {})) == expected);
        REQUIRE(error_of(names.mkdir(parent, "x", {})) == expected);
        REQUIRE(error_of(names.unlink(parent, "x")) == expected);
        REQUIRE(error_of(names.rmdir(parent, "x")) == expected);
        REQUIRE(error_of(names.rename(parent, "x", root_id, "y", 1)) == expected);
        REQUIRE(error_of(names.rename(root_id, "f", parent, "y", 1)) == expected);
        collector taken(1);
        REQUIRE(error_of(names.readdir(parent, "", taken)) == expected);
    }
    REQUIRE(error_of(names.stat(never)) == errc::stale_handle);
    REQUIRE(error_of(names.truncate(never, 1, 1)) == errc::stale_handle);
    REQUIRE(error_of(names.extend(never, 0, 1, 1)) == errc::stale_handle);
    REQUIRE(error_of(names.set_attributes(never, {}, 1)) == errc::stale_handle);
}

TEST_CASE_METHOD(fixture, "open tells missing, existing and directory apart") {
    const file_id d = dir(root_id, "d");
    const file_id f = file(root_id, "f");
    REQUIRE(error_of(names.open(root_id, "none", plain, {})) == errc::not_found);
    REQUIRE(error_of(names.open(root_id, "none", truncating, {})) == errc::not_found);
    REQUIRE(error_of(names.open(root_id, "f", exclusively, {})) == errc::already_exists);
    REQUIRE(error_of(names.open(root_id, "d", exclusively, {})) == errc::already_exists);
    REQUIRE(error_of(names.open(root_id, "d", creating, {})) == errc::is_a_directory);
    REQUIRE(error_of(names.open(root_id, "d", truncating, {})) == errc::is_a_directory);
    REQUIRE(names.open(root_id, "d", plain, {})->attr.id == d);
    REQUIRE(names.open(root_id, "f", plain, {})->attr.id == f);
    REQUIRE(error_of(names.mkdir(root_id, "f", {})) == errc::already_exists);
    REQUIRE(error_of(names.mkdir(root_id, "d", {})) == errc::already_exists);
}

TEST_CASE_METHOD(fixture, "removing keeps files and directories apart and counts what is inside") {
    const file_id d = dir(root_id, "d");
    const file_id f = file(d, "f");
    REQUIRE(error_of(names.unlink(root_id, "d")) == errc::is_a_directory);
    REQUIRE(error_of(names.rmdir(d, "f")) == errc::not_a_directory);
    REQUIRE(error_of(names.rmdir(root_id, "d")) == errc::not_empty);
    REQUIRE(error_of(names.unlink(d, "g")) == errc::not_found);
    REQUIRE(error_of(names.rmdir(d, "g")) == errc::not_found);
    REQUIRE(names.extend(f, 0, 12345, 3000));
    const auto gone = names.unlink(d, "f");
    REQUIRE(gone);
    REQUIRE(gone->id == f);
    REQUIRE(gone->size == 12345);
    REQUIRE(gone->nlink == 0);
    REQUIRE(error_of(names.stat(f)) == errc::stale_handle);
    REQUIRE(error_of(names.extend(f, 0, 1, 1)) == errc::stale_handle);
    REQUIRE(names.rmdir(root_id, "d")->id == d);
    REQUIRE(error_of(names.stat(d)) == errc::stale_handle);
    REQUIRE(names.counts().files == 0);
    REQUIRE(names.counts().directories == 1);
}

TEST_CASE_METHOD(fixture, "the root cannot be made, removed, opened for writing or moved") {
    REQUIRE(error_of(names.rmdir(root_id, "")) == errc::busy);
    REQUIRE(error_of(names.unlink(root_id, "")) == errc::is_a_directory);
    REQUIRE(error_of(names.mkdir(root_id, "", {})) == errc::already_exists);
    REQUIRE(error_of(names.open(root_id, "", exclusively, {})) == errc::already_exists);
    REQUIRE(error_of(names.open(root_id, "", creating, {})) == errc::is_a_directory);
    REQUIRE(error_of(names.open(root_id, "", truncating, {})) == errc::is_a_directory);
    REQUIRE(names.open(root_id, "", plain, {})->attr.id == root_id);
    REQUIRE(error_of(names.rename(root_id, "", root_id, "x", 1)) == errc::busy);
    file(root_id, "f");
    REQUIRE(error_of(names.rename(root_id, "f", root_id, "", 1)) == errc::busy);
}

TEST_CASE_METHOD(fixture, "the size grows to the furthest end of a write in its epoch") {
    const file_id f = file(root_id, "f");
    REQUIRE(names.extend(f, 0, 100, 3000)->size == 100);
    REQUIRE(names.extend(f, 0, 50, 3001)->size == 100); // an earlier part arrives later
    REQUIRE(names.stat(f)->mtime_ns == 3001);
    REQUIRE(error_of(names.extend(f, 1, 500, 3002)) == errc::stale_epoch);

    const auto cut = names.truncate(f, 10, 4000);
    REQUIRE(cut);
    REQUIRE(cut->old_size == 100);
    REQUIRE(cut->attr.size == 10);
    REQUIRE(cut->attr.epoch == 1);
    REQUIRE(error_of(names.extend(f, 0, 500, 4001)) == errc::stale_epoch);
    REQUIRE(names.stat(f)->size == 10);
    REQUIRE(names.extend(f, 1, 20, 4002)->size == 20);

    REQUIRE(names.truncate(f, 1 << 20, 5000)->attr.size == 1 << 20); // growing makes a hole
    REQUIRE(names.stat(f)->epoch == 2);
    new_inode how;
    how.now_ns = 6000;
    const auto opened = names.open(root_id, "f", truncating, how);
    REQUIRE(opened->truncated);
    REQUIRE(opened->old_size == 1 << 20);
    REQUIRE(opened->attr.size == 0);
    REQUIRE(opened->attr.epoch == 3);
    REQUIRE(opened->attr.mtime_ns == 6000);
}

TEST_CASE_METHOD(fixture, "sizes have a limit, and directories have none") {
    new_inode how;
    how.chunk_size = 4096;
    const file_id small = names.open(root_id, "small", creating, how)->attr.id;
    const std::uint64_t most = (std::uint64_t{1} << 32) * 4096;
    REQUIRE(names.truncate(small, most, 1)->attr.size == most);
    REQUIRE(error_of(names.truncate(small, most + 1, 1)) == errc::file_too_large);
    REQUIRE(error_of(names.extend(small, 1, most + 1, 1)) == errc::file_too_large);
    how.chunk_size = max_chunk_size;
    const file_id large = names.open(root_id, "large", creating, how)->attr.id;
    REQUIRE(error_of(names.truncate(large, ~std::uint64_t{0}, 1)) == errc::file_too_large); // a negative size
    REQUIRE(names.stat(small)->size == most);
    const file_id d = dir(root_id, "d");
    REQUIRE(error_of(names.truncate(d, 0, 1)) == errc::is_a_directory);
    REQUIRE(error_of(names.extend(d, 0, 1, 1)) == errc::is_a_directory);
}

TEST_CASE_METHOD(fixture, "set_attributes changes what it was given and the change time") {
    const file_id f = file(root_id, "f");
    const attributes before = *names.stat(f);
    attribute_changes changes;
    changes.mode = 0107777;
    changes.mtime_ns = -5; // before 1970
    const auto after = names.set_attributes(f, changes, 7000);
    REQUIRE(after);
    attributes expected = before;
    expected.mode = 07777;
    expected.mtime_ns = -5;
    expected.ctime_ns = 7000;
    REQUIRE(*after == expected);
    REQUIRE(*names.stat(f) == expected);
    changes = {};
    changes.uid = 1;
    changes.gid = 2;
    changes.atime_ns = 3;
    const auto root = names.set_attributes(root_id, changes, 8000);
    REQUIRE((root->uid == 1 && root->gid == 2 && root->atime_ns == 3 && root->mode == 0755));
}

TEST_CASE("ids carry their home, are never reused and start where they are told to") {
    null_change_sink nowhere;
    name_space_options options = small_options();
    options.self = server_id{5};
    options.first_id = 1000;
    name_space names(options, nowhere);
    file_id last{};
    for (int i = 0; i < 10000; ++i) {
        const auto made = names.open(root_id, "same", exclusively, {});
        REQUIRE(made);
        REQUIRE(made->attr.id.home() == server_id{5});
        REQUIRE(made->attr.id > last);
        REQUIRE(made->attr.id.counter() == 1000U + static_cast<unsigned>(i));
        last = made->attr.id;
        REQUIRE(names.unlink(root_id, "same"));
    }
}

TEST_CASE("a full namespace says no_space and takes files again after one is removed") {
    null_change_sink nowhere;
    name_space_options options = small_options();
    options.max_inodes = 3; // the root counts
    name_space names(options, nowhere);
    REQUIRE(names.open(root_id, "a", creating, {}));
    REQUIRE(names.mkdir(root_id, "b", {}));
    REQUIRE(error_of(names.open(root_id, "c", creating, {})) == errc::no_space);
    REQUIRE(error_of(names.mkdir(root_id, "c", {})) == errc::no_space);
    REQUIRE(error_of(names.lookup(root_id, "c")) == errc::not_found);
    REQUIRE(names.unlink(root_id, "a"));
    REQUIRE(names.open(root_id, "c", creating, {}));
}

} // namespace
} // namespace benchfs::metadata
