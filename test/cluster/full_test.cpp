// A server whose space ends: the writer is told, nothing acknowledged is lost, and unlink makes room.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sys/mount.h>

namespace benchfs::test {
namespace {

constexpr std::size_t file_bytes = 3 * MiB + 4097;
constexpr unsigned more_than_fit = 64; // of these files in 64 MiB

std::string name_of(unsigned i) { return "/f" + std::to_string(i); }

/// Writes files until one is refused: how many were acknowledged.
task<result<unsigned>> fill(file_system& fs) {
    for (unsigned i = 0; i < more_than_fit; ++i) {
        const status wrote = co_await write_file(fs, name_of(i), file_bytes, i);
        if (wrote) { continue; }
        if (wrote.error() != errc::no_space) { co_return wrote.error(); }
        co_return i;
    }
    co_return errc::out_of_range;
}

/// Space may come back a little after the unlink; the writer's own patience is short.
task<status> write_again(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed) {
    status wrote = ok();
    for (int i = 0; i < 50; ++i) {
        wrote = co_await write_file(fs, path, bytes, seed);
        if (wrote || wrote.error() != errc::no_space) { break; }
        BFS_CO_CHECK(co_await runtime::sleep_for(milliseconds(20)));
    }
    co_return wrote;
}

task<status> fill_and_empty(file_system& fs) {
    BFS_CO_TRY(const unsigned files, co_await fill(fs));
    std::printf("%u files of %zu bytes fit into 64 MiB\n", files, file_bytes);
    CHECK(files >= 4);
    for (unsigned i = 0; i < files; ++i) {
        INFO("file " << i);
        const status same = co_await check_file(fs, name_of(i), file_bytes, i);
        CHECK(outcome(same) == "ok");
    }
    BFS_CO_CHECK(co_await fs.unlink(name_of(0)));
    BFS_CO_CHECK(co_await fs.unlink(name_of(1)));
    const status again = co_await write_again(fs, "/again", file_bytes, 99);
    CHECK(outcome(again) == "ok");
    BFS_CO_CHECK(co_await check_file(fs, "/again", file_bytes, 99));
    co_return co_await check_file(fs, name_of(2), file_bytes, 2);
}

/// A small file system in memory for the data; unmounted with the object.
class small_tmpfs {
public:
    explicit small_tmpfs(std::string at) : at_(std::move(at)) {
        std::filesystem::create_directory(at_);
        mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=64m") == 0;
        if (!mounted_) { std::printf("no tmpfs can be mounted here: %s\n", std::strerror(errno)); }
    }
    small_tmpfs(const small_tmpfs&) = delete;
    small_tmpfs& operator=(const small_tmpfs&) = delete;
    ~small_tmpfs() {
        if (mounted_) { ::umount2(at_.c_str(), MNT_DETACH); }
    }
    [[nodiscard]] bool ready() const noexcept { return mounted_; }

private:
    std::string at_;
    bool mounted_ = false;
};

} // namespace

TEST_CASE("a full memory engine tells the writer and keeps what it acknowledged") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            cluster_directory directory;
            server_process server(directory,
                                  {"--memory", "--memory-limit", "64MiB", "--memory-ahead", "16MiB"});
            REQUIRE(server.wait_until_ready());
            const auto client = mount_or_throw(client_of(directory.registry(), transport));
            CHECK(outcome(client->run(fill_and_empty(client->fs()))) == "ok");
            INFO(server.self().output());
            CHECK(server.stop());
        }
    }
}

TEST_CASE("a full disk tells the writer and keeps what was acknowledged") {
    cluster_directory directory;
    const small_tmpfs disk(directory.path("disk"));
    if (!disk.ready()) { return; }
    server_process server(directory, {"--engine", "uring", "--data-dir", directory.path("disk") + "/data"});
    const bool ready = server.wait_until_ready().has_value();
    INFO(server.self().output());
    REQUIRE(ready);
    {
        const auto client = mount_or_throw(client_of(directory.registry()));
        const std::string end = outcome(client->run(fill_and_empty(client->fs())));
        INFO(server.self().output());
        CHECK(end == "ok");
    }
    CHECK(server.stop());
}

} // namespace benchfs::test
