// Many files over several servers: nothing is lost, shared or listed twice, and every server has its part. And
// a file far larger than what is in it.
#include "server_process.hpp"
#include "work.hpp"

#include "benchfs/runtime/parallel_for.hpp"

#include "catch.hpp"
#include "repetitions.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

namespace benchfs::test {
namespace {

constexpr unsigned balanced_servers = 4;
// Fewer with a sanitizer.
constexpr unsigned files = static_cast<unsigned>(repeated(16'000, 4'000));
constexpr std::size_t mdtest_bytes = 3901;
constexpr std::size_t at_once = 16;

class four_servers {
public:
    explicit four_servers(const std::string& engine) {
        for (unsigned i = 0; i < balanced_servers; ++i) {
            const std::string id = std::to_string(i);
            std::vector<std::string> arguments{"--servers", std::to_string(balanced_servers), "--id", id};
            if (engine == "memory") {
                arguments.insert(arguments.end(), {"--memory", "--memory-ahead", "16MiB"});
            } else {
                arguments.insert(arguments.end(), {"--data-dir", directory_.path("data-" + id)});
            }
            servers_.push_back(
                std::make_unique<server_process>(directory_, arguments, "server-" + id + ".addr"));
        }
        for (auto& server : servers_) { REQUIRE(server->wait_until_ready()); }
    }
    [[nodiscard]] std::unique_ptr<mounted> client() { return mount_or_throw(client_of(directory_.registry())); }
    void stop() {
        for (auto& server : servers_) { CHECK(server->stop()); }
    }

private:
    cluster_directory directory_;
    std::vector<std::unique_ptr<server_process>> servers_;
};

/// Where mdtest puts file number `i` when it makes `folders` directories.
std::string mdtest_folder(unsigned i, unsigned folders) {
    return "/test-dir.0-0/mdtest_tree." + std::to_string(i % folders) + ".0";
}
std::string mdtest_path(unsigned i, unsigned folders) {
    return mdtest_folder(i, folders) + "/file.mdtest.0." + std::to_string(i);
}

task<status> make_all(file_system& fs, unsigned folders) {
    BFS_CO_CHECK(co_await fs.mkdir("/test-dir.0-0"));
    for (unsigned i = 0; i < folders; ++i) { BFS_CO_CHECK(co_await fs.mkdir(mdtest_folder(i, folders))); }
    task<status> all = runtime::parallel_for(files, at_once, [&fs, folders](std::size_t i) {
        const auto number = static_cast<unsigned>(i);
        return write_file(fs, mdtest_path(number, folders), mdtest_bytes, number);
    });
    co_return co_await std::move(all);
}

/// After all were written: bytes that two files share cannot be those of both.
task<status> check_all(file_system& fs, unsigned folders) {
    task<status> all = runtime::parallel_for(files, at_once, [&fs, folders](std::size_t i) {
        const auto number = static_cast<unsigned>(i);
        return check_file(fs, mdtest_path(number, folders), mdtest_bytes, number);
    });
    co_return co_await std::move(all);
}

void check_listings(mounted& client, unsigned folders) {
    std::set<std::string> seen;
    std::set<std::uint64_t> ids;
    for (unsigned i = 0; i < folders; ++i) {
        const std::string folder = mdtest_folder(i, folders);
        const auto listed = client.run(client.fs().readdir(folder));
        REQUIRE(listed.has_value());
        for (const directory_entry& entry : *listed) {
            CHECK(entry.attr.size == mdtest_bytes);
            seen.insert(folder + "/" + entry.name);
            ids.insert(entry.attr.id.value);
        }
    }
    REQUIRE(seen.size() == files);
    REQUIRE(ids.size() == files);
    for (unsigned i = 0; i < files; ++i) { REQUIRE(seen.count(mdtest_path(i, folders)) == 1); }
}

void check_balance(mounted& client, const char* what) {
    std::vector<double> here;
    std::vector<double> bytes;
    for (unsigned i = 0; i < balanced_servers; ++i) {
        const auto figures = client.run(client.fs().describe(server_id{static_cast<std::uint16_t>(i)}));
        REQUIRE(figures.has_value());
        here.push_back(static_cast<double>(figures->files));
        bytes.push_back(static_cast<double>(figures->bytes_used));
    }
    std::printf("%s: files", what);
    for (const double n : here) { std::printf(" %.0f", n); }
    std::printf(", MiB");
    for (const double n : bytes) { std::printf(" %.1f", n / MiB); }
    std::printf("\n");
    double all_bytes = 0;
    for (const double n : bytes) { all_bytes += n; }
    CHECK(all_bytes >= static_cast<double>(files) * mdtest_bytes);
    for (unsigned i = 0; i < balanced_servers; ++i) {
        CHECK(here[i] == Approx(files / balanced_servers).epsilon(0.15));
        CHECK(bytes[i] == Approx(all_bytes / balanced_servers).epsilon(0.15));
    }
}

} // namespace

TEST_CASE("16,000 files of mdtest in one and in 100 directories are spread evenly, listed and kept apart") {
    for (const unsigned folders : {1U, 100U}) {
        DYNAMIC_SECTION(folders << " directories") {
            four_servers cluster("memory");
            const auto client = cluster.client();
            REQUIRE(outcome(client->run(make_all(client->fs(), folders))) == "ok");
            CHECK(outcome(client->run(check_all(client->fs(), folders))) == "ok");
            check_listings(*client, folders);
            check_balance(*client, folders == 1 ? "one directory" : "100 directories");
            cluster.stop();
        }
    }
}

namespace {

constexpr std::uint64_t ten_gib = 10 * 1024 * MiB;

task<status> write_sparse(file& f, const std::vector<std::uint64_t>& places, std::size_t bytes) {
    for (const std::uint64_t at : places) {
        const std::vector<std::byte> data = pattern(bytes, at);
        BFS_CO_TRY(const std::size_t written, co_await f.write(data, at));
        if (written != bytes) { co_return errc::io_error; }
    }
    co_return ok();
}

/// What was written is there, between zeros.
task<status> check_sparse(file& f, const std::vector<std::uint64_t>& places, std::size_t bytes) {
    for (const std::uint64_t at : places) {
        const std::vector<std::byte> data = pattern(bytes, at);
        const std::uint64_t from = at - std::min<std::uint64_t>(at, bytes);
        std::vector<std::byte> back(static_cast<std::size_t>(at - from) + 2 * bytes, std::byte{0xff});
        BFS_CO_TRY(const std::size_t count, co_await f.read(back, from));
        if (count != std::min<std::uint64_t>(back.size(), ten_gib - from)) { co_return errc::io_error; }
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t place = from + i;
            const bool written = place >= at && place < at + bytes;
            const std::byte expected = written ? data[static_cast<std::size_t>(place - at)] : std::byte{0};
            if (back[i] != expected) { co_return errc::io_error; }
        }
    }
    co_return ok();
}

} // namespace

TEST_CASE("a file of 10 GiB that is almost all holes takes the space of what is in it") {
    for (const char* engine : {"memory", "uring"}) {
        DYNAMIC_SECTION(engine) {
            four_servers cluster(engine);
            const auto client = cluster.client();
            file_system& fs = client->fs();
            constexpr std::size_t bytes = 10'007;
            // Its ends, both sides of chunk borders, and places on every server.
            std::vector<std::uint64_t> places{0, ten_gib - bytes, 4 * MiB - 5003, 5000 * MiB};
            for (std::uint64_t at = 100 * MiB; at < ten_gib - 4 * MiB; at += 613 * MiB) {
                places.push_back(at + at / 1024 % 4096);
            }
            auto opened = client->run(
                fs.open("/sparse", open_flags::read_write | open_flags::create | open_flags::exclusive));
            REQUIRE(opened);
            REQUIRE(outcome(client->run(write_sparse(*opened, places, bytes))) == "ok");
            CHECK(client->run(fs.stat("/sparse"))->size == ten_gib);
            CHECK(outcome(client->run(check_sparse(*opened, places, bytes))) == "ok");
            const auto used = client->run(fs.usage());
            REQUIRE(used.has_value());
            CHECK(used->bytes_used >= places.size() * bytes);
            CHECK(used->bytes_used < 64 * MiB);
            // The same for one who was not there when it was written.
            const auto other = cluster.client();
            auto again = other->run(other->fs().open("/sparse", open_flags::read));
            REQUIRE(again);
            CHECK(outcome(other->run(check_sparse(*again, places, bytes))) == "ok");
            // A hole can grow at its end, too, and everything goes.
            REQUIRE(outcome(client->run(opened->truncate(4 * MiB))) == "ok");
            REQUIRE(outcome(client->run(opened->truncate(ten_gib))) == "ok");
            CHECK(other->run(other->fs().stat("/sparse"))->size == ten_gib);
            CHECK(outcome(client->run(check_sparse(*opened, {0}, bytes))) == "ok");
            REQUIRE(outcome(client->run(fs.unlink("/sparse"))) == "ok");
            CHECK(client->run(fs.usage())->bytes_used == 0);
            cluster.stop();
        }
    }
}

} // namespace benchfs::test
