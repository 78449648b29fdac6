// Bytes that change on the disk of a stopped server: told, never returned, and found by --check.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>

namespace benchfs::test {
namespace {

/// All at once: segments are large.
std::string bytes_of(const std::filesystem::path& path) {
    std::string bytes(std::filesystem::file_size(path), '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(file.good());
    return bytes;
}

/// Where `needle` is in the files of a directory whose names begin with `prefix`: file and offset.
std::optional<std::pair<std::filesystem::path, std::size_t>>
find_bytes(const std::string& directory, const std::string& prefix, const std::vector<std::byte>& needle) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (!entry.path().filename().string().starts_with(prefix)) { continue; }
        const std::string bytes = bytes_of(entry.path());
        const std::string wanted(reinterpret_cast<const char*>(needle.data()), needle.size());
        const std::size_t at = bytes.find(wanted);
        if (at != bytes.npos) { return std::pair{entry.path(), at}; }
    }
    return {};
}

void flip(const std::filesystem::path& path, std::size_t at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 0x20);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    REQUIRE(file.good());
}

struct checked {
    int code = -1;
    std::string text;
};

checked check(cluster_directory& directory, const std::string& data) {
    child_process run({program("BENCHFSD"), "--check", data}, directory.next_log());
    checked out;
    out.code = run.wait().value_or(-1);
    out.text = run.output();
    return out;
}

bool contains(const std::string& text, const std::string& what) { return text.find(what) != text.npos; }

constexpr std::size_t damaged_bytes = 10'000;

std::string name_of(int i) { return "/file-" + std::to_string(i); }

task<status> write_some(file_system& fs) {
    BFS_CO_CHECK(co_await fs.mkdir("/dir"));
    for (int i = 0; i < 20; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        BFS_CO_CHECK(co_await write_file(fs, name_of(i), damaged_bytes, seed));
    }
    co_return ok();
}

/// How a server's log names bytes of a file.
std::string in_file(const attributes& file, unsigned chunk, unsigned offset) {
    char text[96];
    std::snprintf(text, sizeof text, "file %#llx, chunk %u, offset %u of the chunk",
                  static_cast<unsigned long long>(file.id.value), chunk, offset);
    return text;
}

/// How reading each file ends.
task<status> read_all(file_system& fs, std::vector<std::string>& how) {
    for (int i = 0; i < 20; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        const status read = co_await check_file(fs, name_of(i), damaged_bytes, seed);
        how.push_back(outcome(read));
    }
    co_return ok();
}

} // namespace

TEST_CASE("a flipped byte in a segment is EIO for its file only, with file and offset in the server's log") {
    for (const bool killed : {true, false}) {
        DYNAMIC_SECTION((killed ? "after a kill" : "after a clean stop")) {
            cluster_directory directory;
            const std::string data = directory.path("data");
            server_process server(directory, {"--engine", "uring", "--data-dir", data});
            REQUIRE(server.wait_until_ready());
            {
                const auto client = mount_or_throw(client_of(directory.registry()));
                REQUIRE(outcome(client->run(write_some(client->fs()))) == "ok");
            }
            if (killed) { server.kill(); }
            if (!killed) { REQUIRE(server.stop()); }
            const checked before = check(directory, data);
            INFO(before.text);
            CHECK(before.code == 0);
            CHECK(contains(before.text, "20 files"));

            const std::vector<std::byte> bytes = pattern(damaged_bytes, 7);
            const std::vector<std::byte> needle(bytes.begin() + 5000, bytes.begin() + 5064);
            const auto place = find_bytes(data, "seg-", needle);
            REQUIRE(place);
            flip(place->first, place->second + 3);
            const std::string where =
                place->first.filename().string() + " at offset " + std::to_string(place->second / 4096 * 4096);
            const checked damaged = check(directory, data);
            INFO(damaged.text);
            CHECK(damaged.code == 1);
            CHECK(contains(damaged.text, where));

            server.restart();
            REQUIRE(server.wait_until_ready());
            const auto client = mount_or_throw(client_of(directory.registry()));
            std::vector<std::string> how;
            REQUIRE(outcome(client->run(read_all(client->fs(), how))) == "ok");
            CHECK(how[7] == "io_error");
            CHECK(std::ranges::count(how, "ok") == 19);
            CHECK(contains(server.self().output(), where));
            CHECK(contains(server.self().output(),
                           in_file(*client->run(client->fs().stat(name_of(7))), 0, 4096)));
            CHECK(contains(check(directory, data).text, "stop the server"));
            CHECK(server.stop());
        }
    }
}

TEST_CASE("a flipped byte in a striped file is told by the server that has the chunk, and never returned") {
    constexpr unsigned servers = 3;
    constexpr std::size_t chunk = 64 * 1024;
    constexpr std::size_t bytes = 6 * chunk;
    cluster_directory directory;
    std::vector<std::unique_ptr<server_process>> all;
    const auto data_of = [&](unsigned i) { return directory.path("data-" + std::to_string(i)); };
    for (unsigned i = 0; i < servers; ++i) {
        const std::string id = std::to_string(i);
        const std::vector<std::string> arguments{"--engine", "uring", "--data-dir", data_of(i),     "--servers",
                                                 "3",        "--id",  id,           "--chunk-size", "64KiB"};
        all.push_back(std::make_unique<server_process>(directory, arguments, "server-" + id + ".addr"));
    }
    for (auto& server : all) { REQUIRE(server->wait_until_ready()); }
    attributes file;
    unsigned holder = 0;
    {
        const auto client = mount_or_throw(client_of(directory.registry()));
        REQUIRE(outcome(client->run(write_file(client->fs(), "/striped", bytes, 3))) == "ok");
        file = *client->run(client->fs().stat("/striped"));
        holder = static_cast<unsigned>(index(client->fs().server_of_chunk(file.id, 1)));
    }
    REQUIRE(holder != static_cast<unsigned>(index(file.id.home())));
    REQUIRE(all[holder]->stop());
    const std::vector<std::byte> content = pattern(bytes, 3);
    const std::size_t damaged_at = chunk + 9000; // in the third block of chunk 1
    const auto from = content.begin() + static_cast<std::ptrdiff_t>(damaged_at);
    const auto place = find_bytes(data_of(holder), "seg-", {from, from + 64});
    REQUIRE(place);
    flip(place->first, place->second);
    CHECK(check(directory, data_of(holder)).code == 1);
    all[holder]->restart();
    REQUIRE(all[holder]->wait_until_ready());
    const auto client = mount_or_throw(client_of(directory.registry()));
    auto opened = client->run(client->fs().open("/striped", open_flags::read));
    REQUIRE(opened);
    std::vector<std::byte> back(bytes);
    CHECK(outcome(client->run(opened->read(back, 0))) == "io_error");
    for (std::size_t at = 0; at < bytes; at += 4096) { // every other block is there
        std::vector<std::byte> block(4096);
        const auto got = client->run(opened->read(block, at));
        const bool damaged = at == damaged_at / 4096 * 4096;
        REQUIRE(outcome(got) == (damaged ? "io_error" : "ok"));
        const auto expected = content.begin() + static_cast<std::ptrdiff_t>(at);
        if (!damaged) { REQUIRE(std::equal(block.begin(), block.end(), expected)); }
    }
    CHECK(contains(all[holder]->self().output(), in_file(file, 1, 8192)));
    for (auto& server : all) { CHECK(server->stop()); }
}

TEST_CASE("a flipped byte in the log refuses the start, and --check tells where") {
    cluster_directory directory;
    const std::string data = directory.path("data");
    server_process server(directory, {"--engine", "uring", "--data-dir", data});
    REQUIRE(server.wait_until_ready());
    {
        const auto client = mount_or_throw(client_of(directory.registry()));
        REQUIRE(outcome(client->run(write_some(client->fs()))) == "ok");
    }
    server.kill();
    const std::string name = "file-7";
    std::vector<std::byte> needle;
    for (const char c : name) { needle.push_back(static_cast<std::byte>(c)); }
    const auto place = find_bytes(data, "log-", needle);
    REQUIRE(place);
    flip(place->first, place->second);
    const checked damaged = check(directory, data);
    INFO(damaged.text);
    CHECK(damaged.code == 1);
    CHECK(contains(damaged.text, place->first.filename().string() + " at offset "));
    server.restart();
    CHECK(!server.wait_until_ready());
    CHECK(server.self().wait() == 1);
    CHECK(contains(server.self().output(), place->first.filename().string() + " at offset "));
    // Put right again, everything is there.
    flip(place->first, place->second);
    CHECK(check(directory, data).code == 0);
    server.restart();
    REQUIRE(server.wait_until_ready());
    const auto client = mount_or_throw(client_of(directory.registry()));
    std::vector<std::string> how;
    REQUIRE(outcome(client->run(read_all(client->fs(), how))) == "ok");
    CHECK(std::ranges::count(how, "ok") == 20);
    CHECK(server.stop());
}

TEST_CASE("a torn end of the log is where recovery ends, and is told") {
    cluster_directory directory;
    const std::string data = directory.path("data");
    server_process server(directory, {"--engine", "uring", "--data-dir", data});
    REQUIRE(server.wait_until_ready());
    {
        const auto client = mount_or_throw(client_of(directory.registry()));
        REQUIRE(outcome(client->run(write_some(client->fs()))) == "ok");
        server.kill();
    }
    // The newest frame is the reply and size of the last file: its first bytes stay, the rest is zeros.
    const std::vector<std::byte> magic = {std::byte{'b'}, std::byte{'f'}, std::byte{'r'}, std::byte{'m'}};
    std::filesystem::path newest;
    std::size_t last = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data)) {
        if (!entry.path().filename().string().starts_with("log-")) { continue; }
        const std::string bytes = bytes_of(entry.path());
        const std::size_t at = bytes.rfind("bfrm");
        if (at != bytes.npos) {
            newest = entry.path();
            last = at;
        }
    }
    REQUIRE(last != 0);
    {
        std::fstream file(newest, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(last + 60));
        const std::string zeros(4096, '\0');
        file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
    }
    const std::string where = newest.filename().string() + " at offset " + std::to_string(last);
    const checked torn = check(directory, data);
    INFO(torn.text);
    CHECK(torn.code == 0);
    CHECK(contains(torn.text, where));
    server.restart();
    REQUIRE(server.wait_until_ready());
    CHECK(contains(server.self().output(), where));
    const auto client = mount_or_throw(client_of(directory.registry()));
    std::vector<std::string> how;
    REQUIRE(outcome(client->run(read_all(client->fs(), how))) == "ok");
    CHECK(std::ranges::count(how, "ok") == 19);
    CHECK(how[19] != "ok");
    CHECK(server.stop());
}

TEST_CASE("what cannot be checked is told with exit code 2") {
    cluster_directory directory;
    const checked nothing = check(directory, directory.path("nowhere"));
    CHECK(nothing.code == 2);
    CHECK(contains(nothing.text, "no such directory"));
    CHECK(!std::filesystem::exists(directory.path("nowhere")));
    std::filesystem::create_directory(directory.path("empty"));
    CHECK(check(directory, directory.path("empty")).code == 1);
}

} // namespace benchfs::test
