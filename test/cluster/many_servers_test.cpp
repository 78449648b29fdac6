// Several real servers as one file system: directories, renames, appends, truncation and removal across them.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <algorithm>
#include <memory>

namespace benchfs::test {
namespace {

constexpr unsigned server_count = 4;

class cluster_of_four {
public:
    cluster_of_four() {
        for (unsigned i = 0; i < server_count; ++i) {
            const std::string id = std::to_string(i);
            const std::vector<std::string> arguments{"--memory",
                                                     "--servers",
                                                     std::to_string(server_count),
                                                     "--id",
                                                     id,
                                                     "--memory-ahead",
                                                     "16MiB",
                                                     "--chunk-size",
                                                     "64KiB"};
            servers_.push_back(
                std::make_unique<server_process>(directory_, arguments, "server-" + id + ".addr"));
        }
        for (auto& server : servers_) { REQUIRE(server->wait_until_ready()); }
    }
    [[nodiscard]] std::unique_ptr<mounted> client() { return mount_or_throw(client_of(directory_.registry())); }
    [[nodiscard]] server_process& server(std::size_t i) { return *servers_[i]; }
    void stop() {
        for (auto& server : servers_) { CHECK(server->stop()); }
    }

private:
    cluster_directory directory_;
    std::vector<std::unique_ptr<server_process>> servers_;
};

/// Files in a directory, all of the same size.
task<status> make_files(file_system& fs, std::string prefix, unsigned count, std::size_t bytes) {
    for (unsigned i = 0; i < count; ++i) {
        BFS_CO_CHECK(co_await write_file(fs, prefix + std::to_string(i), bytes, i));
    }
    co_return ok();
}

} // namespace

TEST_CASE("directories of several servers are made, moved and removed as one tree") {
    cluster_of_four cluster;
    const auto one = cluster.client();
    const auto two = cluster.client();
    file_system& a = one->fs();
    file_system& b = two->fs();
    for (unsigned i = 0; i < 20; ++i) {
        const std::string d = "/d" + std::to_string(i);
        REQUIRE(outcome(one->run(a.mkdir(d))) == "ok");
        REQUIRE(outcome(one->run(a.mkdir(d + "/sub"))) == "ok");
        // Another client sees it at once, on whatever server.
        REQUIRE(outcome(two->run(write_file(b, d + "/sub/file", 100, i))) == "ok");
    }
    CHECK(outcome(two->run(b.mkdir("/d3"))) == "already_exists");
    CHECK(outcome(one->run(a.mkdir("/none/x"))) == "not_found");
    CHECK(outcome(one->run(a.mkdir("/d1/sub/file/x"))) == "not_a_directory");
    CHECK(outcome(one->run(a.rmdir("/d3"))) == "not_empty");
    CHECK(outcome(one->run(a.rmdir("/d3/sub"))) == "not_empty");
    CHECK(outcome(one->run(a.rmdir("/d3/sub/file"))) == "not_a_directory");
    CHECK(outcome(one->run(a.unlink("/d3/sub"))) == "is_a_directory");
    CHECK(outcome(one->run(a.rename("/d3", "/d3/sub/inside"))) == "invalid_argument");
    CHECK(outcome(one->run(a.rename("/d3", "/d4"))) == "not_empty");
    CHECK(outcome(one->run(a.rename("/d3/sub/file", "/d4"))) == "is_a_directory");
    CHECK(outcome(one->run(a.rename("/d3", "/d4/sub/file"))) == "not_a_directory");

    // A moved directory takes what is in it along, also for a client that remembers the old path.
    REQUIRE(outcome(two->run(b.stat("/d5/sub/file"))) == "ok");
    REQUIRE(outcome(one->run(a.rename("/d5", "/d6/moved"))) == "ok");
    CHECK(outcome(two->run(b.stat("/d5/sub/file"))) == "not_found");
    CHECK(outcome(two->run(write_file(b, "/d5/sub/late", 1, 1))) == "not_found");
    CHECK(outcome(two->run(check_file(b, "/d6/moved/sub/file", 100, 5))) == "ok");
    // Over an empty directory.
    REQUIRE(outcome(one->run(a.mkdir("/empty"))) == "ok");
    REQUIRE(outcome(two->run(b.rename("/d6/moved", "/empty"))) == "ok");
    CHECK(outcome(one->run(check_file(a, "/empty/sub/file", 100, 5))) == "ok");

    const auto listed = one->run(a.readdir("/"));
    REQUIRE(listed.has_value());
    CHECK(listed->size() == 20);
    for (const directory_entry& entry : *listed) { CHECK(entry.attr.is_directory()); }
    for (const directory_entry& entry : *listed) {
        const std::string d = "/" + entry.name;
        REQUIRE(outcome(two->run(b.unlink(d + "/sub/file"))) == "ok");
        REQUIRE(outcome(one->run(a.rmdir(d + "/sub"))) == "ok");
        REQUIRE(outcome(two->run(b.rmdir(d))) == "ok");
        CHECK(outcome(one->run(a.stat(d))) == "not_found");
        CHECK(outcome(one->run(write_file(a, d + "/sub/file", 1, 1))) == "not_found");
    }
    CHECK(one->run(a.readdir("/"))->empty());
    const auto usage = one->run(a.usage());
    CHECK(usage->directories == 1);
    CHECK(usage->files == 0);
    cluster.stop();
}

TEST_CASE("symbolic links lead from any server to any other") {
    cluster_of_four cluster;
    const auto one = cluster.client();
    const auto two = cluster.client();
    file_system& a = one->fs();
    file_system& b = two->fs();
    REQUIRE(outcome(one->run(a.mkdir("/data"))) == "ok");
    REQUIRE(outcome(one->run(a.mkdir("/data/step1"))) == "ok");
    REQUIRE(outcome(one->run(a.mkdir("/data/step2"))) == "ok");
    REQUIRE(outcome(one->run(a.symlink("step1", "/data/latest"))) == "ok");
    CHECK(outcome(one->run(a.symlink("step1", "/data/latest"))) == "already_exists");
    REQUIRE(outcome(two->run(write_file(b, "/data/latest/out", 100, 1))) == "ok");
    CHECK(outcome(one->run(check_file(a, "/data/step1/out", 100, 1))) == "ok");
    CHECK(*two->run(b.readlink("/data/latest")) == "step1");
    CHECK(two->run(b.lstat("/data/latest"))->is_symlink());
    CHECK(two->run(b.stat("/data/latest"))->is_directory());
    // It points elsewhere from now on, also for a client that went through it before.
    REQUIRE(outcome(one->run(a.unlink("/data/latest"))) == "ok");
    REQUIRE(outcome(one->run(a.symlink("/data/step2", "/data/latest"))) == "ok");
    CHECK(outcome(two->run(b.stat("/data/latest/out"))) == "not_found");
    // To a file: opened, made, truncated and written through it, under a new name, too.
    for (unsigned i = 0; i < 8; ++i) {
        const std::string link = "/link" + std::to_string(i);
        const std::string moved = "/data/moved" + std::to_string(i);
        REQUIRE(outcome(one->run(a.symlink("data/step2/file" + std::to_string(i), link))) == "ok");
        CHECK(outcome(two->run(b.stat(link))) == "not_found");
        REQUIRE(outcome(two->run(write_file(b, link, 5000, i))) == "ok");
        REQUIRE(outcome(one->run(a.rename(link, moved))) == "ok");
        CHECK(outcome(two->run(b.lstat(link))) == "not_found");
        CHECK(outcome(two->run(b.stat(moved))) == "not_found"); // relative to where it is now
        REQUIRE(outcome(one->run(a.unlink(moved))) == "ok");
        CHECK(outcome(two->run(check_file(b, "/data/step2/file" + std::to_string(i), 5000, i))) == "ok");
    }
    REQUIRE(outcome(one->run(a.symlink("/b", "/a"))) == "ok");
    REQUIRE(outcome(one->run(a.symlink("/a", "/b"))) == "ok");
    CHECK(outcome(two->run(b.stat("/a"))) == "too_many_symlinks");
    CHECK(outcome(two->run(b.stat("/a/x"))) == "too_many_symlinks");
    CHECK(outcome(two->run(write_file(b, "/a", 1, 1))) == "too_many_symlinks");
    CHECK(outcome(one->run(a.readlink("/data"))) == "invalid_argument");
    CHECK(outcome(one->run(a.symlink("", "/empty"))) == "invalid_argument");
    CHECK(outcome(one->run(a.symlink(std::string(512, 'x'), "/long"))) == "name_too_long");
    cluster.stop();
}

TEST_CASE("a file that is renamed to another server keeps its bytes and replaces what was there") {
    cluster_of_four cluster;
    const auto client = cluster.client();
    file_system& fs = client->fs();
    constexpr std::size_t bytes = 300'000; // chunks on all servers
    for (unsigned i = 0; i < 16; ++i) {
        const std::string from = "/from" + std::to_string(i);
        const std::string to = "/to" + std::to_string(i);
        REQUIRE(outcome(client->run(write_file(fs, from, bytes, i))) == "ok");
        REQUIRE(outcome(client->run(write_file(fs, to, bytes, 100 + i))) == "ok");
        const auto id = client->run(fs.stat(from))->id;
        REQUIRE(outcome(client->run(fs.rename(from, to))) == "ok");
        CHECK(outcome(client->run(fs.stat(from))) == "not_found");
        CHECK(client->run(fs.stat(to))->id == id);
        REQUIRE(outcome(client->run(check_file(fs, to, bytes, i))) == "ok");
        // It can be opened, truncated, made executable and listed like any other.
        REQUIRE(outcome(client->run(fs.chmod(to, 0755))) == "ok");
        CHECK(client->run(fs.stat(to))->mode == 0755);
    }
    const auto listed = client->run(fs.readdir("/"));
    REQUIRE(listed->size() == 16);
    for (const directory_entry& entry : *listed) { CHECK(entry.attr.size == bytes); }
    for (unsigned i = 0; i < 16; ++i) {
        const std::string to = "/to" + std::to_string(i);
        if (i % 2 == 0) {
            auto opened =
                client->run(fs.open(to, open_flags::read_write | open_flags::create | open_flags::truncate));
            REQUIRE(opened);
            CHECK(client->run(opened->stat())->size == 0);
        }
        REQUIRE(outcome(client->run(fs.unlink(to))) == "ok");
    }
    // The space of all of them comes back, wherever it was.
    const auto usage = client->run(fs.usage());
    CHECK(usage->files == 0);
    CHECK(usage->bytes_used == 0);
    cluster.stop();
}

TEST_CASE("truncation reaches every server before it is answered") {
    cluster_of_four cluster;
    const auto one = cluster.client();
    const auto two = cluster.client();
    constexpr std::size_t bytes = 1'000'000;
    REQUIRE(outcome(one->run(write_file(one->fs(), "/file", bytes, 1))) == "ok");
    auto first = one->run(one->fs().open("/file", open_flags::read_write));
    auto second = two->run(two->fs().open("/file", open_flags::read_write));
    REQUIRE((first && second));
    REQUIRE(outcome(one->run(first->truncate(100'000))) == "ok");
    REQUIRE(outcome(one->run(first->truncate(bytes))) == "ok");
    std::vector<std::byte> back(bytes);
    REQUIRE(*two->run(second->read(back, 0)) == bytes);
    const auto expected = pattern(100'000, 1);
    CHECK(std::equal(expected.begin(), expected.end(), back.begin()));
    CHECK(std::all_of(back.begin() + 100'000, back.end(), [](std::byte b) { return b == std::byte{0}; }));
    // A handle from before writes on, in the new epoch.
    const auto more = pattern(500'000, 2);
    REQUIRE(outcome(two->run(second->write(more, 200'000))) == "ok");
    std::vector<std::byte> again(more.size());
    REQUIRE(*one->run(first->read(again, 200'000)) == more.size());
    CHECK(again == more);
    REQUIRE(outcome(one->run(one->fs().unlink("/file"))) == "ok");
    CHECK(outcome(two->run(second->write(more, 0))) == "stale_handle");
    CHECK(outcome(two->run(second->read(again, 0))) == "stale_handle");
    CHECK(one->run(one->fs().usage())->bytes_used == 0);
    cluster.stop();
}

namespace {

task<status> append_records(file& f, std::byte mark, unsigned count, std::size_t size) {
    const std::vector<std::byte> record(size, mark);
    for (unsigned i = 0; i < count; ++i) {
        BFS_CO_TRY(const std::size_t wrote, co_await f.write(record, 0));
        if (wrote != size) { co_return errc::io_error; }
    }
    co_return ok();
}

} // namespace

TEST_CASE("appends of several clients to a striped file neither overlap nor tear") {
    cluster_of_four cluster;
    const auto one = cluster.client();
    const auto two = cluster.client();
    const open_flags how = open_flags::append | open_flags::write | open_flags::create;
    auto first = one->run(one->fs().open("/log", how));
    auto second = two->run(two->fs().open("/log", how));
    REQUIRE((first && second));
    constexpr std::size_t size = 10'000; // records cross chunks of 64 KiB
    constexpr unsigned rounds = 20;
    for (unsigned i = 0; i < rounds; ++i) {
        REQUIRE(outcome(one->run(append_records(*first, std::byte{1}, 2, size))) == "ok");
        REQUIRE(outcome(two->run(append_records(*second, std::byte{2}, 1, size))) == "ok");
    }
    auto reader = one->run(one->fs().open("/log", open_flags::read));
    std::vector<std::byte> all(3 * rounds * size);
    REQUIRE(*one->run(reader->read(all, 0)) == all.size());
    for (std::size_t i = 0; i < 3 * rounds; ++i) {
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(i * size);
        const std::byte mark = i % 3 == 2 ? std::byte{2} : std::byte{1};
        REQUIRE(std::all_of(at, at + size, [&](std::byte b) { return b == mark; }));
    }
    cluster.stop();
}

TEST_CASE("many files spread evenly over the servers, and a listing has all of them") {
    constexpr unsigned files = 4000;
    cluster_of_four cluster;
    const auto client = cluster.client();
    file_system& fs = client->fs();
    REQUIRE(outcome(client->run(fs.mkdir("/run"))) == "ok");
    REQUIRE(outcome(client->run(make_files(fs, "/run/file.mdtest.0.", files, 64))) == "ok");
    const auto listed = client->run(fs.readdir("/run"));
    REQUIRE(listed.has_value());
    REQUIRE(listed->size() == files);
    std::vector<unsigned> homes(server_count);
    for (const directory_entry& entry : *listed) { ++homes[index(entry.attr.id.home())]; }
    for (const unsigned here : homes) {
        CHECK(here > files / server_count * 85 / 100);
        CHECK(here < files / server_count * 115 / 100);
    }
    for (unsigned i = 0; i < files; i += 97) {
        REQUIRE(outcome(client->run(check_file(fs, "/run/file.mdtest.0." + std::to_string(i), 64, i))) == "ok");
    }
    CHECK(outcome(client->run(fs.rmdir("/run"))) == "not_empty");
    cluster.stop();
}

namespace {

/// A name in the root that this server has.
std::string name_at(const file_system& fs, std::size_t server, std::string_view prefix) {
    for (unsigned i = 0;; ++i) {
        const std::string made = std::string(prefix) + std::to_string(i);
        if (index(fs.server_of_name(root_id, made)) == server) { return "/" + made; }
    }
}

/// The outcome, with who did not answer.
template <class T>
std::string blame(const file_system& fs, const result<T>& r) {
    std::string text = outcome(r);
    if (!r && fs.silent_server()) { text += " by " + std::to_string(index(*fs.silent_server())); }
    return text;
}

} // namespace

TEST_CASE("while a server is away, a change that needs it names it and has not happened") {
    const std::size_t victim = GENERATE(std::size_t{0}, std::size_t{2});
    CAPTURE(victim);
    const std::string down = "peer_down by " + std::to_string(victim);
    cluster_of_four cluster;
    const auto client = cluster.client();
    file_system& fs = client->fs();
    const std::string kept = name_at(fs, 1, "kept");
    const std::string moved = name_at(fs, 3, "moved");
    REQUIRE(outcome(client->run(fs.mkdir(kept))) == "ok");
    cluster.server(victim).kill();
    if (victim == 0) {
        // The first one may have been on its way when the server died.
        const std::string first = blame(fs, client->run(fs.mkdir(name_at(fs, 1, "first"))));
        CHECK((first == down || first == "outcome_unknown by 0"));
        for (int i = 0; i < 3; ++i) { CHECK(blame(fs, client->run(fs.mkdir(name_at(fs, 1, "new")))) == down); }
    } else {
        REQUIRE(outcome(client->run(fs.mkdir(name_at(fs, 1, "new")))) == "ok");
    }
    for (int i = 0; i < 2; ++i) {
        CHECK(blame(fs, client->run(fs.rmdir(kept))) == down);
        CHECK(blame(fs, client->run(fs.rename(kept, moved))) == down);
    }
    // The same of what the server itself would have to answer; no_server if it was never called before.
    const std::string its = blame(fs, client->run(fs.mkdir(name_at(fs, victim, "its"))));
    CHECK((its == down || its == "no_server by " + std::to_string(victim)));
}

} // namespace benchfs::test
