#include "support.hpp"

#include <set>
#include <sys/stat.h>

namespace benchfs::cluster {
namespace {

TEST_CASE("the first server makes directory, cluster and secret; the next ones join it") {
    const temporary_directory tmp;
    const std::string dir = tmp.file("a/b//registry");
    cluster_options wanted = with_servers(4);
    wanted.chunk_size = 65536;
    std::string why;
    const auto made = create_or_join(dir, wanted, why);
    INFO(why);
    REQUIRE(made);
    REQUIRE(made->id.size() == 32);
    REQUIRE(made->epoch == 1);
    REQUIRE(made->servers == 4);
    REQUIRE(made->chunk_size == 65536);
    REQUIRE(made->placement == "jump");
    REQUIRE(made->secret != cluster_secret{});
    struct stat info = {};
    REQUIRE(::stat((dir + "/secret").c_str(), &info) == 0);
    REQUIRE((info.st_mode & 0777) == 0600);
    REQUIRE(info.st_size == 32);

    const auto joined = create_or_join(dir, with_servers(4), why); // 0: takes the cluster's chunk size
    REQUIRE(joined);
    REQUIRE(joined->id == made->id);
    REQUIRE(joined->secret == made->secret);
    REQUIRE(joined->chunk_size == 65536);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir)) { ++files; }
    REQUIRE(files == 2); // no temporary files stay
}

TEST_CASE("two clusters have different ids and secrets") {
    const temporary_directory a;
    const temporary_directory b;
    const cluster_info one = make_cluster(a.path(), 1);
    const cluster_info two = make_cluster(b.path(), 1);
    REQUIRE(one.id != two.id);
    REQUIRE(one.secret != two.secret);
    REQUIRE(one.chunk_size == 4U << 20);
}

TEST_CASE("a server with other values than the cluster's is refused with both values") {
    const temporary_directory tmp;
    cluster_options first = with_servers(2);
    first.chunk_size = 8192;
    std::string why;
    REQUIRE(create_or_join(tmp.path(), first, why));
    REQUIRE(create_or_join(tmp.path(), with_servers(3), why).error() == errc::bad_config);
    REQUIRE(contains(why, tmp.path()));
    REQUIRE(contains(why, "servers 2, not 3"));
    cluster_options other = with_servers(2);
    other.chunk_size = 4096;
    REQUIRE(create_or_join(tmp.path(), other, why).error() == errc::bad_config);
    REQUIRE(contains(why, "chunk size 8192, not 4096"));
    other = with_servers(2);
    other.placement = "ring";
    REQUIRE(create_or_join(tmp.path(), other, why).error() == errc::bad_config);
    REQUIRE(contains(why, "placement jump, not ring"));
}

TEST_CASE("values that no cluster can have are refused before anything is written") {
    const temporary_directory tmp;
    const std::string dir = tmp.file("r");
    std::string why;
    REQUIRE(create_or_join(dir, with_servers(0), why).error() == errc::bad_config);
    REQUIRE(create_or_join(dir, with_servers(100'000), why).error() == errc::bad_config);
    cluster_options wanted;
    wanted.placement = "nowhere";
    REQUIRE(create_or_join(dir, wanted, why).error() == errc::bad_config);
    REQUIRE(contains(why, "nowhere"));
    REQUIRE(create_or_join("", {}, why).error() == errc::bad_config);
    REQUIRE_FALSE(std::filesystem::exists(dir));
}

TEST_CASE("servers that start together agree on one cluster and one secret") {
    for (int round = 0; round < 25; ++round) {
        const temporary_directory tmp;
        const std::string dir = tmp.file("registry");
        constexpr int racers = 6;
        int start[2];
        int results[2];
        REQUIRE(::pipe(start) == 0);
        REQUIRE(::pipe(results) == 0);
        pid_t children[racers];
        for (pid_t& child : children) {
            child = ::fork();
            if (child != 0) { continue; }
            ::close(start[1]);
            char byte = 0;
            (void)!::read(start[0], &byte, 1); // until the parent closes: all at once
            std::string why;
            const auto info = create_or_join(dir, with_servers(2), why);
            char line[64] = {};
            if (info) {
                info->id.copy(line, 32);
                std::copy_n(reinterpret_cast<const char*>(info->secret.data()), 32, line + 32);
            }
            ::_exit(::write(results[1], line, sizeof line) == sizeof line ? 0 : 1);
        }
        ::close(start[0]);
        ::close(start[1]);
        std::set<std::string> answers;
        for (const pid_t child : children) {
            int state = -1;
            REQUIRE(::waitpid(child, &state, 0) == child);
            REQUIRE(state == 0);
            char line[64];
            REQUIRE(::read(results[0], line, sizeof line) == sizeof line);
            answers.insert(std::string(line, sizeof line));
        }
        ::close(results[0]);
        ::close(results[1]);
        REQUIRE(answers.size() == 1);
        REQUIRE(answers.begin()->at(0) != '\0');
    }
}

TEST_CASE("a secret that others can read, or that is damaged or gone, is refused and named") {
    const temporary_directory tmp;
    make_cluster(tmp.path(), 1);
    const std::string secret = tmp.file("secret");
    std::string why;
    REQUIRE(::chmod(secret.c_str(), 0640) == 0);
    REQUIRE(create_or_join(tmp.path(), {}, why).error() == errc::bad_config);
    REQUIRE(contains(why, "chmod 600 " + secret));
    REQUIRE(::chmod(secret.c_str(), 0600) == 0);
    write_text(secret, "short");
    REQUIRE(create_or_join(tmp.path(), {}, why).error() == errc::bad_config);
    REQUIRE(contains(why, secret + " is damaged: it has 5 bytes"));
    std::filesystem::remove(secret);
    REQUIRE(create_or_join(tmp.path(), {}, why).error() == errc::bad_config);
    REQUIRE(contains(why, secret + " is missing"));
}

TEST_CASE("a registry that is a file, or below one, is refused") {
    const temporary_directory tmp;
    write_text(tmp.file("f"), "x");
    std::string why;
    REQUIRE(create_or_join(tmp.file("f"), {}, why).error() == errc::not_a_directory);
    REQUIRE(contains(why, tmp.file("f")));
    REQUIRE_FALSE(create_or_join(tmp.file("f/g"), {}, why));
    REQUIRE(contains(why, tmp.file("f")));
}

TEST_CASE("a directory where nothing may be written gives access_denied and its name") {
    const temporary_directory tmp;
    REQUIRE(::chmod(tmp.path().c_str(), 0555) == 0);
    std::string why;
    {
        const as_nobody here;
        REQUIRE(create_or_join(tmp.file("sub"), {}, why).error() == errc::access_denied);
        REQUIRE(contains(why, tmp.file("sub")));
        REQUIRE(create_or_join(tmp.path(), {}, why).error() == errc::access_denied);
        REQUIRE(contains(why, tmp.path()));
    }
    REQUIRE(::chmod(tmp.path().c_str(), 0755) == 0);
}

TEST_CASE("a published address is replaced only when its process is gone or the same") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 1);
    server_record mine = record_of(cluster, 0);
    publish_ok(tmp.path(), mine);
    mine.address.push_back(std::byte{9});
    publish_ok(tmp.path(), mine); // again by the same process
    std::string why;
    server_record other = record_of(cluster, 0);
    other.process = ended_process();
    REQUIRE(publish(tmp.path(), other, why).error() == errc::address_in_use);
    REQUIRE(contains(why, "running already"));
    REQUIRE(contains(why, std::to_string(::getpid())));
    REQUIRE(read_view(tmp.path(), why)->servers[0].address == mine.address);

    withdraw(tmp.path(), other); // not its own
    REQUIRE(std::filesystem::exists(tmp.file("server.addr")));
    withdraw(tmp.path(), mine);
    REQUIRE_FALSE(std::filesystem::exists(tmp.file("server.addr")));
    withdraw(tmp.path(), mine); // nothing there: nothing happens

    publish_ok(tmp.path(), other); // then it dies without a word
    publish_ok(tmp.path(), mine);
    REQUIRE(read_view(tmp.path(), why)->servers[0].address == mine.address);
    write_text(tmp.file("server.addr"), "damaged");
    publish_ok(tmp.path(), mine);
}

} // namespace
} // namespace benchfs::cluster
