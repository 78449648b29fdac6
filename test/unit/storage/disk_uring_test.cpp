// The real disk: locks, damage seen through the file system, O_DIRECT.
#include "catch.hpp"
#include "store_driver.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/disk_uring.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace benchfs::storage {
namespace {

std::unique_ptr<chunk_store> open_uring(rig& r, const std::string& dir,
                                        direct_io direct = direct_io::automatic) {
    store_options options;
    options.data_dir = dir;
    options.segment_size = 16 * MiB;
    options.direct = direct;
    auto opened = r.loop.run(open_store("uring", r.environment, options));
    if (!opened && direct == direct_io::on && opened.error() == errc::not_supported) { return nullptr; }
    REQUIRE(opened);
    return std::move(*opened);
}

} // namespace

TEST_CASE("a data directory belongs to one store at a time") {
    const log_level before = current_log_level();
    set_log_level(log_level::off);
    scratch_dir dir;
    rig r;
    auto store = open_uring(r, dir.path());
    disk_uring_options options;
    options.lock_wait = std::chrono::milliseconds(20);
    auto second = disk_uring::open_directory(*r.ring, dir.path(), options);
    REQUIRE(second);
    REQUIRE(r.loop.run((*second)->open("seg-000000.dat", false)).error() == errc::busy);
    REQUIRE(r.loop.run(store->close()));
    auto file = r.loop.run((*second)->open("seg-000000.dat", false));
    REQUIRE(file);
    REQUIRE((*file)->size() == 16 * MiB);
    REQUIRE(r.loop.run((*file)->close()));
    REQUIRE(r.loop.run((*second)->close()));
    set_log_level(before);
}

TEST_CASE("segments are preallocated, and a changed byte in the file is an error") {
    const log_level before = current_log_level();
    set_log_level(log_level::off);
    scratch_dir dir;
    rig r;
    auto store = open_uring(r, dir.path());
    const std::string name = dir.path() + "/seg-000000.dat";
    struct ::stat about{};
    REQUIRE(::stat(name.c_str(), &about) == 0);
    REQUIRE(about.st_size == 16 * MiB);
    REQUIRE(about.st_blocks * 512 >= about.st_size);

    const byte_vector bytes = pattern(3 * MiB, 1);
    REQUIRE(r.loop.run(write_chunk(*store, chunk_number(0), 0, bytes)));
    REQUIRE(r.loop.run(store->sync()));
    const int fd = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    byte_vector found(16 * MiB);
    REQUIRE(::pread(fd, found.data(), found.size(), 0) == static_cast<::ssize_t>(found.size()));
    const void* at = ::memmem(found.data(), found.size(), bytes.data() + 1 * MiB, 64);
    REQUIRE(at != nullptr);
    const auto offset = static_cast<const std::byte*>(at) - found.data();
    const std::byte wrong = bytes[1 * MiB] ^ std::byte{4};
    REQUIRE(::pwrite(fd, &wrong, 1, offset) == 1);
    REQUIRE(r.loop.run(read_chunk(*store, chunk_number(0), 0, 3 * MiB)).error() == errc::io_error);
    REQUIRE(r.loop.run(read_chunk(*store, chunk_number(0), 2 * MiB, 1 * MiB)));
    REQUIRE(::pwrite(fd, &bytes[1 * MiB], 1, offset) == 1);
    const auto healed = r.loop.run(read_chunk(*store, chunk_number(0), 0, 3 * MiB));
    REQUIRE(healed);
    REQUIRE((*healed == bytes));
    ::close(fd);
    REQUIRE(r.loop.run(store->close()));
    set_log_level(before);
}

TEST_CASE("the engine works around the page cache where the file system lets it") {
    scratch_dir dir;
    rig r;
    auto store = open_uring(r, dir.path(), direct_io::on);
    if (!store) {
        WARN("no O_DIRECT below /tmp: not tested");
        return;
    }
    r.loop.run(random_operations(*store, 5, 150, 1 << 20));
    REQUIRE(r.loop.run(store->sync()));
    REQUIRE(r.loop.run(store->close()));
}

TEST_CASE("the owner of a data directory is noted and its note is gone after a clean close") {
    scratch_dir dir;
    rig r;
    auto store = open_uring(r, dir.path());
    const std::string note = dir.path() + "/owner.pid";
    REQUIRE(::access(note.c_str(), F_OK) == 0);
    REQUIRE(r.loop.run(store->close()));
    REQUIRE(::access(note.c_str(), F_OK) != 0);
}

} // namespace benchfs::storage
