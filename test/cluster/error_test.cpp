// What servers and clients say when they cannot start: every message names the culprit.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <csignal>
#include <fstream>

namespace benchfs::test {
namespace {

void write_text(const std::string& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    REQUIRE(file.good());
}

/// Why a client with little patience cannot mount; empty if it can.
std::string refusal(const std::string& registry) {
    client_options options = client_of(registry);
    options.connect_wait = milliseconds(300);
    std::string why;
    const auto made = mount(options, why);
    return made ? "" : why;
}

struct bad_start {
    std::vector<std::string> arguments;
    std::vector<std::string> named; // in the output
};

/// The server ends by itself, not with 0, and says these words.
void check_refused(cluster_directory& directory, const bad_start& start,
                   const std::vector<std::string>& environment = {}) {
    std::vector<std::string> command{program("BENCHFSD")};
    command.insert(command.end(), start.arguments.begin(), start.arguments.end());
    child_process server(command, directory.next_log(), environment);
    const std::optional<int> code = server.wait();
    const std::string output = server.output();
    INFO(output);
    REQUIRE(code);
    CHECK(*code > 0);
    for (const std::string& word : start.named) {
        INFO(word);
        CHECK(output.find(word) != output.npos);
    }
}

} // namespace

TEST_CASE("a mount without a server names the directory") {
    cluster_directory directory;
    const std::string nowhere = refusal(directory.registry());
    CHECK(nowhere.find(directory.registry()) != nowhere.npos);
    CHECK(nowhere.find("300 ms") != nowhere.npos);

    std::filesystem::create_directory(directory.registry());
    const std::string empty = refusal(directory.registry());
    CHECK(empty.find(directory.registry()) != empty.npos);
    CHECK(empty.find("cluster.json") != empty.npos);
}

TEST_CASE("a mount tells of the dead process that left its address file") {
    cluster_directory directory;
    server_process server(directory, {"--memory"});
    REQUIRE(server.wait_until_ready());
    server.kill();
    const std::string why = refusal(directory.registry());
    INFO(why);
    CHECK(why.find(directory.registry()) != why.npos);
    CHECK(why.find("server.addr is stale") != why.npos);
    CHECK(why.find("process " + std::to_string(server.self().pid())) != why.npos);
}

TEST_CASE("a mount waits for the missing server of a cluster and names it") {
    cluster_directory directory;
    server_process server(directory, {"--memory", "--servers", "2", "--id", "0"}, "server-0.addr");
    REQUIRE(server.wait_until_ready());
    const std::string why = refusal(directory.registry());
    INFO(why);
    CHECK(why.find("1 of 2") != why.npos);
    CHECK(why.find("missing: 1") != why.npos);
}

TEST_CASE("a client with another secret is refused, and the server goes on") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            cluster_directory directory;
            server_process server(directory, {"--memory"});
            REQUIRE(server.wait_until_ready());
            const std::string secret = directory.registry() + "/secret";
            std::filesystem::copy_file(secret, directory.path("secret"));
            write_text(secret, std::string(std::filesystem::file_size(secret), 'x'));
            client_options options = client_of(directory.registry(), transport);
            options.connect_wait = milliseconds(300);
            std::string why;
            {
                const auto made = mount(options, why);
                CHECK_FALSE(made);
                INFO(why);
                CHECK(why.find(directory.registry()) != why.npos);
                CHECK(why.find("refuses this client") != why.npos);
                CHECK(why.find("secret") != why.npos);
            }
            write_text(secret, "short");
            const std::string damaged = refusal(directory.registry());
            CHECK(damaged.find(secret) != damaged.npos);
            std::filesystem::copy_file(directory.path("secret"), secret,
                                       std::filesystem::copy_options::overwrite_existing);
            const auto client = mount_or_throw(client_of(directory.registry(), transport));
            CHECK(outcome(client->run(write_and_check(client->fs(), "/f", 1000, 1))) == "ok");
        }
    }
}

TEST_CASE("a server that cannot start says why and ends") {
    cluster_directory directory;
    const std::string registry = directory.registry();
    const std::string config = directory.path("config.json");
    const std::string file = directory.path("file");
    write_text(config, R"({"memory": true, "chunksize": 65536})");
    write_text(file, "not a directory");
    const bad_start starts[] = {
        {{"--registry-dir", registry, "--memory", "--colour", "red"}, {"--colour"}},
        {{"--registry-dir", registry, "--memory", "--servers", "many"}, {"servers", "many"}},
        {{"--registry-dir", registry, "--config", config}, {config, "chunksize"}},
        {{"--registry-dir", registry, "--config", directory.path("none.json")}, {"none.json"}},
        {{"--registry-dir", registry, "--memory", "--chunk-size", "5000"}, {"chunk_size", "5000"}},
        {{"--registry-dir", registry, "--memory", "--id", "3", "--servers", "2"}, {"id", "3", "servers", "2"}},
        {{"--registry-dir", registry}, {"data_dir"}},
        {{"--memory"}, {"registry_dir"}},
        {{"--registry-dir", registry, "--memory", "--transport", "pigeon"}, {"transport", "pigeon"}},
        {{"--registry-dir", registry, "--engine", "paper"}, {"engine", "paper"}},
        {{"--registry-dir", registry, "--memory", "--log-level", "loud"}, {"log_level", "loud"}},
        {{"--registry-dir", file, "--memory"}, {file}},
        {{"--registry-dir", registry, "--data-dir", file}, {file}},
    };
    for (const bad_start& start : starts) { check_refused(directory, start); }
    CHECK_FALSE(std::filesystem::exists(registry + "/server.addr"));
}

TEST_CASE("UCX without a network transport is reported by name") {
    cluster_directory directory;
    const std::vector<std::string> arguments{"--registry-dir", directory.registry(), "--memory"};
    check_refused(directory, {arguments, {"Failed to create UCX context", "UCX_TLS"}}, {"UCX_TLS=posix"});
}

TEST_CASE("two servers do not share a data directory or a place in the registry") {
    cluster_directory directory;
    const std::string data = directory.path("data");
    server_process server(directory, {"--data-dir", data});
    REQUIRE(server.wait_until_ready());
    check_refused(directory, {{"--registry-dir", directory.path("other"), "--data-dir", data}, {data}});
    check_refused(directory, {{"--registry-dir", directory.registry(), "--memory"},
                              {"server.addr", "process " + std::to_string(server.self().pid())}});
    check_refused(directory,
                  {{"--registry-dir", directory.registry(), "--memory", "--servers", "2", "--id", "1"},
                   {directory.registry(), "servers"}});
    const auto client = mount_or_throw(client_of(directory.registry()));
    CHECK(outcome(client->run(write_and_check(client->fs(), "/f", 1000, 1))) == "ok");
    CHECK(server.stop());
}

} // namespace benchfs::test
