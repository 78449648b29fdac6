// The C interface against a server in another process: what works, what is refused, and what a lost peer looks
// like.
#include "rig.hpp"

#include "catch.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace benchfs::mini::test {
namespace {

using bytes = std::vector<unsigned char>;

bytes text(const char* characters) { return {characters, characters + std::strlen(characters)}; }

std::int64_t read_all(const char* path, bytes& to, std::uint64_t offset = 0) {
    return benchfs_mini_read_at(path, to.data(), to.size(), offset, 0);
}

bool says(const char* part) { return std::string(benchfs_mini_error()).find(part) != std::string::npos; }

} // namespace

TEST_CASE("files keep what was written to them") {
    for (const char* tls : {"tcp,self", "posix,sysv,tcp,self"}) {
        server s(tls);
        client c(s);
        bytes buffer(100);
        CHECK(benchfs_mini_read("/a", buffer.data(), 100, 0) == -ENOENT);
        CHECK(says("/a"));
        CHECK(benchfs_mini_size("/a", 0) == -ENOENT);
        CHECK(benchfs_mini_remove("/a", 0) == -ENOENT);
        CHECK(benchfs_mini_write("/a", "hello, world", 12, 0) == 0);
        CHECK(benchfs_mini_size("/a", 0) == 12);
        CHECK(benchfs_mini_read("/a", buffer.data(), 100, 0) == 12);
        CHECK(bytes(buffer.begin(), buffer.begin() + 12) == text("hello, world"));
        CHECK(benchfs_mini_read("/a", buffer.data(), 5, 0) == 5);
        CHECK(benchfs_mini_write("/a", "bye", 3, 0) == 0); // replaces
        CHECK(benchfs_mini_size("/a", 0) == 3);
        CHECK(benchfs_mini_write_at("/a", "XY", 2, 6, 0) == 0);
        bytes whole(8);
        CHECK(read_all("/a", whole) == 8);
        CHECK(whole == bytes({'b', 'y', 'e', 0, 0, 0, 'X', 'Y'}));
        CHECK(read_all("/a", whole, 7) == 1);
        CHECK(read_all("/a", whole, 8) == 0);
        CHECK(read_all("/a", whole, UINT64_MAX) == 0);
        CHECK(benchfs_mini_write_at("/empty", nullptr, 0, 0, 0) == 0);
        CHECK(benchfs_mini_size("/empty", 0) == 0);
        benchfs_mini_usage_t usage{};
        CHECK(benchfs_mini_usage(0, &usage) == 0);
        CHECK(usage.files == 2);
        CHECK(usage.used == 2 * 4096 + 8);
        CHECK(usage.limit > usage.used);
        CHECK(c.works(std::size_t{20} << 20));
        CHECK(c.works(BENCHFS_MINI_DATA_MAX));
        CHECK(benchfs_mini_remove("/a", 0) == 0);
        CHECK(benchfs_mini_remove("/empty", 0) == 0);
        CHECK(s.stats()["memory"] == 0);
        CHECK(s.quit());
    }
}

TEST_CASE("what a client must not ask for is refused before anything is sent") {
    CHECK(benchfs_mini_size("/a", 0) == -EINVAL);
    CHECK(says("benchfs_mini_init"));
    server s("tcp,self");
    client c(s);
    char byte = 0;
    const std::string longest(BENCHFS_MINI_PATH_MAX, 'p');
    CHECK(benchfs_mini_init(s.registry().c_str(), 0) == -EBUSY);
    CHECK(benchfs_mini_start_server() == -EINVAL);
    CHECK(benchfs_mini_write("", &byte, 1, 0) == -ENAMETOOLONG);
    CHECK(benchfs_mini_write(nullptr, &byte, 1, 0) == -ENAMETOOLONG);
    CHECK(benchfs_mini_write((longest + "p").c_str(), &byte, 1, 0) == -ENAMETOOLONG);
    CHECK(benchfs_mini_write(longest.c_str(), &byte, 1, 0) == 0);
    CHECK(benchfs_mini_write("/a", &byte, std::size_t{BENCHFS_MINI_DATA_MAX} + 1, 0) == -EMSGSIZE);
    CHECK(benchfs_mini_write("/a", &byte, 1, 1) == -EHOSTDOWN);
    CHECK(says("benchfs_mini_connect"));
    CHECK(c.works(10));
    CHECK(s.stats()["requests"] == 4); // the last two calls that were allowed
    CHECK(s.quit());
}

TEST_CASE("a full server refuses what does not fit and goes on") {
    server s("tcp,self", {"--memory", "8M"});
    client c(s);
    const bytes data(std::size_t{10} << 20, 'x');
    CHECK(benchfs_mini_write("/big", data.data(), data.size(), 0) == -ENOSPC);
    CHECK(benchfs_mini_write_at("/far", data.data(), 1, std::uint64_t{1} << 40, 0) == -EFBIG);
    CHECK(benchfs_mini_write_at("/far", data.data(), 1, UINT64_MAX, 0) == -EFBIG);
    CHECK(c.works(1 << 20));
    CHECK(s.stats()["memory"] == 0);
    CHECK(s.quit());
}

TEST_CASE("a client without a server says what is missing") {
    benchfs::test::temporary_directory directory;
    const std::string registry = (directory / "r").string();
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    o.registry_dir = registry.c_str();
    o.connect_ms = 100;
    REQUIRE(benchfs_mini_init_with(&o) == 0);
    CHECK(benchfs_mini_connect(3) == -ENOENT);
    CHECK(says("server_3.txt"));
    for (const char* nonsense : {"", "host", ":1", "host:", "host:0", "host:65536", "host:12x"}) {
        std::ofstream(registry + "/server_0.txt") << nonsense;
        INFO(nonsense);
        CHECK(benchfs_mini_connect(0) == -EINVAL);
        CHECK(says("instead of hostname:port"));
    }
    std::ofstream(registry + "/server_0.txt") << "no-such-host.invalid:4000\n";
    CHECK(benchfs_mini_connect(0) < 0);
    CHECK(says("--advertise"));
    std::ofstream(registry + "/server_0.txt") << "127.0.0.1:1\n"; // nobody listens there
    CHECK(benchfs_mini_connect(0) < 0);
    CHECK(says("127.0.0.1:1"));
    CHECK(benchfs_mini_finalize() == 0);
}

TEST_CASE("a client waits for a server that replaces one that was killed") {
    benchfs::test::temporary_directory directory;
    auto first = std::make_unique<server>("tcp,self");
    std::filesystem::create_directory(directory / "r");
    std::filesystem::copy(first->registry() + "/server_0.txt", directory / "r/server_0.txt");
    first->self().signal(SIGKILL);
    CHECK(first->self().wait(patience) == -SIGKILL);
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    const std::string registry = (directory / "r").string();
    o.registry_dir = registry.c_str();
    o.connect_ms = 60'000;
    o.quiet = 1;
    REQUIRE(benchfs_mini_init_with(&o) == 0);
    server second("tcp,self");
    std::thread later([&] { // while this thread is in connect
        std::this_thread::sleep_for(300ms);
        std::filesystem::copy(second.registry() + "/server_0.txt", directory / "r/server_0.txt",
                              std::filesystem::copy_options::overwrite_existing);
    });
    CHECK(benchfs_mini_connect(0) == 0);
    later.join();
    CHECK(benchfs_mini_write("/a", "b", 1, 0) == 0);
    CHECK(benchfs_mini_finalize() == 0);
}

TEST_CASE("a client's call ends with an error when its server is killed") {
    for (const bool busy : {true, false}) {
        server s("tcp,self");
        client c(s);
        const bytes data(std::size_t{8} << 20, 'k');
        std::thread killer;
        if (busy) {
            killer = std::thread([&] {
                std::this_thread::sleep_for(50ms);
                s.self().signal(SIGKILL);
            });
        } else {
            s.self().signal(SIGKILL);
            CHECK(s.self().wait(patience) == -SIGKILL);
        }
        int outcome = 0;
        while (outcome == 0) { outcome = benchfs_mini_write("/k", data.data(), data.size(), 0); }
        INFO(benchfs_mini_error());
        CHECK(outcome == -EHOSTDOWN); // it was told, and did not wait for the deadline
        if (busy) { killer.join(); }
        CHECK(benchfs_mini_write("/k", data.data(), 1, 0) == -EHOSTDOWN);
        CHECK(says("not connected"));
    }
}

TEST_CASE("a client's call ends at its deadline when its server stands still") {
    server s("tcp,self");
    client c(s, 300);
    s.self().signal(SIGSTOP);
    char byte = 0;
    CHECK(benchfs_mini_read("/a", &byte, 1, 0) == -ETIMEDOUT);
    CHECK(says("connect again"));
    s.self().signal(SIGCONT);
    CHECK(benchfs_mini_connect(0) == 0);
    CHECK(c.works(1000));
    CHECK(s.quit());
}

TEST_CASE("clients that are killed while they write free their memory") {
    server s("tcp,self");
    const std::string program = std::getenv("BENCHFS_MINI");
    constexpr std::uint64_t size = std::uint64_t{16} << 20;
    for (int round = 0; round < 6; ++round) {
        process victim({program, "client", "--registry", s.registry(), "--quiet", "--size",
                        std::to_string(size), "--count", "100"});
        REQUIRE(victim.line(patience).value_or("").find("connect") != std::string::npos);
        std::this_thread::sleep_for(std::chrono::milliseconds(30 + 60 * round));
        victim.signal(SIGKILL);
        CHECK(s.reaches("connected", 0));
        auto stats = s.stats();
        CHECK(stats["memory"] == stats["files"] * (size + 4096)); // whole files and nothing else
    }
    client c(s);
    CHECK(c.works(100'000));
    CHECK(s.quit());
}

TEST_CASE("the selftest goes through everything, and names the step that fails") {
    const std::string program = std::getenv("BENCHFS_MINI");
    for (const char* tls : {"tcp,self", "posix,sysv,tcp,self"}) {
        ::setenv("UCX_TLS", tls, 1);
        process self({program, "selftest", "--quiet", "--size", "300000"});
        std::string last;
        while (const auto line = self.line(patience)) { last = *line; }
        CHECK(last == "OK");
        CHECK(self.wait(patience) == 0);
    }
    ::setenv("UCX_TLS", "nothing", 1);
    process self({program, "selftest"});
    CHECK(self.line(patience).value_or("").starts_with("FAILED at init:"));
    CHECK(self.line(patience).value_or("").starts_with("likely cause: "));
    CHECK(self.wait(patience) == 1);
    ::unsetenv("UCX_TLS");
}

TEST_CASE("one process may be server and client") {
    benchfs::test::temporary_directory directory;
    ::setenv("UCX_TLS", "tcp,self", 1);
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    const std::string registry = (directory / "r").string();
    o.registry_dir = registry.c_str();
    o.is_server = 1;
    o.rank = 5;
    o.advertise = "127.0.0.1";
    o.quiet = 1;
    for (int round = 0; round < 3; ++round) {
        REQUIRE(benchfs_mini_init_with(&o) == 0);
        REQUIRE(benchfs_mini_start_server() == 0);
        CHECK(benchfs_mini_start_server() == -EINVAL);
        REQUIRE(benchfs_mini_connect(5) == 0);
        CHECK(benchfs_mini_write("/a", "bc", 2, 5) == 0);
        CHECK(benchfs_mini_size("/a", 5) == 2);
        (void)benchfs_mini_progress();
        CHECK(benchfs_mini_progress_for(1) == 0);
        CHECK(benchfs_mini_finalize() == 0);
        CHECK(!std::filesystem::exists(registry + "/server_5.txt"));
    }
}

} // namespace benchfs::mini::test
