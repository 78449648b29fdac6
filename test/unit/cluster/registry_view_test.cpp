#include "support.hpp"

#include <sys/stat.h>

namespace benchfs::cluster {
namespace {

void refused(const std::string& dir, errc expected, const std::vector<std::string>& parts) {
    std::string why;
    const auto view = read_view(dir, why);
    INFO(why);
    REQUIRE_FALSE(view);
    REQUIRE(view.error() == expected);
    for (const std::string& part : parts) {
        INFO(part);
        REQUIRE(contains(why, part));
    }
}

TEST_CASE("a complete view has all servers in order") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 12);
    for (unsigned id = 12; id-- > 0;) { publish_ok(tmp.path(), record_of(cluster, id)); }
    std::string why = "old";
    const auto view = read_view(tmp.path(), why);
    REQUIRE(view);
    REQUIRE(why.empty());
    REQUIRE(view->cluster.id == cluster.id);
    REQUIRE(view->cluster.secret == cluster.secret);
    REQUIRE(view->servers.size() == 12);
    for (unsigned id = 0; id < 12; ++id) {
        REQUIRE(index(view->servers[id].id) == id);
        REQUIRE(view->servers[id].address == record_of(cluster, id).address);
    }
}

TEST_CASE("a missing directory, an empty one and one without servers are three different texts") {
    const temporary_directory tmp;
    refused(tmp.file("none"), errc::no_server, {tmp.file("none"), "does not exist"});
    refused(tmp.path(), errc::no_server, {tmp.path(), "no cluster.json"});
    make_cluster(tmp.path(), 1);
    refused(tmp.path(), errc::no_server, {"0 of 1 servers"});
}

TEST_CASE("a partial view is refused and says who is missing") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 4);
    publish_ok(tmp.path(), record_of(cluster, 0));
    publish_ok(tmp.path(), record_of(cluster, 2));
    refused(tmp.path(), errc::no_server, {"2 of 4 servers", "missing: 1, 3"});
}

TEST_CASE("the file of a process that ended is stale, not a server") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 2);
    publish_ok(tmp.path(), record_of(cluster, 0));
    server_record gone = record_of(cluster, 1);
    gone.process = ended_process();
    publish_ok(tmp.path(), gone);
    refused(tmp.path(), errc::no_server,
            {"1 of 2 servers", "missing: 1", "server-1.addr is stale", std::to_string(gone.process.pid)});
    publish_ok(tmp.path(), record_of(cluster, 1)); // it is started again
    std::string why;
    REQUIRE(read_view(tmp.path(), why));
}

TEST_CASE("a server of another machine counts, as its process cannot be seen") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 1);
    server_record remote = record_of(cluster, 0);
    remote.process = ended_process();
    remote.process.boot_id = "another";
    publish_ok(tmp.path(), remote);
    std::string why;
    REQUIRE(read_view(tmp.path(), why));
}

TEST_CASE("files of another cluster are refused, unless their process has ended") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 2);
    publish_ok(tmp.path(), record_of(cluster, 0));
    publish_ok(tmp.path(), record_of(cluster, 1));
    std::string why;
    REQUIRE(read_view(tmp.path(), why));

    cluster_info other = cluster;
    other.id = std::string(32, 'f');
    publish_ok(tmp.path(), record_of(other, 1));
    refused(tmp.path(), errc::wrong_cluster, {"server-1.addr", "another cluster", "ffffffff"});
    publish_ok(tmp.path(), record_of(cluster, 1));

    other = cluster;
    other.servers = 1; // left over from a cluster of one
    publish_ok(tmp.path(), record_of(other, 0));
    refused(tmp.path(), errc::wrong_cluster, {"server.addr", "1 servers"});
    server_record dead = record_of(other, 0);
    dead.process = ended_process();
    write_text(tmp.file("server.addr"), to_json(dead));
    REQUIRE(read_view(tmp.path(), why));
}

TEST_CASE("a file under the wrong name is refused") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 2);
    publish_ok(tmp.path(), record_of(cluster, 0));
    write_text(tmp.file("server-1.addr"), to_json(record_of(cluster, 0)));
    refused(tmp.path(), errc::bad_config, {"server-1.addr", "server 0"});
}

TEST_CASE("damaged files are named, whatever is in them") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 1);
    const std::string address = tmp.file("server.addr");
    for (const std::string& text : {std::string(), std::string("{"), std::string("\xff\x00\x01", 3),
                                    std::string("[1,2]"), std::string(300 * KiB, ' ')}) {
        write_text(address, text);
        std::string why;
        const auto view = read_view(tmp.path(), why);
        REQUIRE_FALSE(view);
        REQUIRE(contains(why, address));
    }
    std::filesystem::remove(address);
    std::filesystem::create_directory(address);
    refused(tmp.path(), errc::is_a_directory, {address});
    std::filesystem::remove(address);
    publish_ok(tmp.path(), record_of(cluster, 0));

    const std::string json = read_text(tmp.file("cluster.json"));
    for (const std::string& text :
         {std::string(), json.substr(0, json.size() / 2), std::string("{\"format\": 1}"),
          std::string(
              "{\"format\": 1, \"cluster_id\": \"xyz\", \"epoch\": 1, \"servers\": 1, \"chunk_size\": 4096, "
              "\"placement\": \"jump\"}")}) {
        write_text(tmp.file("cluster.json"), text);
        refused(tmp.path(), errc::bad_config, {tmp.file("cluster.json"), "damaged"});
    }
    write_text(tmp.file("cluster.json"), "{\"format\": 99}");
    refused(tmp.path(), errc::protocol_mismatch, {"format is 99"});
    write_text(tmp.file("cluster.json"), json);
    std::string why;
    REQUIRE(read_view(tmp.path(), why));
}

TEST_CASE("what may not be read gives access_denied and its name") {
    const temporary_directory tmp;
    const cluster_info cluster = make_cluster(tmp.path(), 1);
    publish_ok(tmp.path(), record_of(cluster, 0));
    REQUIRE(::chmod(tmp.path().c_str(), 0755) == 0);
    REQUIRE(::chmod(tmp.file("cluster.json").c_str(), 0) == 0);
    {
        const as_nobody here;
        refused(tmp.path(), errc::access_denied, {tmp.file("cluster.json")});
    }
    REQUIRE(::chmod(tmp.file("cluster.json").c_str(), 0644) == 0);
    REQUIRE(::chmod(tmp.file("secret").c_str(), 0) == 0);
    {
        const as_nobody here;
        refused(tmp.path(), errc::access_denied, {tmp.file("secret")});
    }
    REQUIRE(::chmod(tmp.path().c_str(), 0) == 0);
    {
        const as_nobody here;
        refused(tmp.path(), errc::access_denied, {tmp.path()});
    }
    REQUIRE(::chmod(tmp.path().c_str(), 0755) == 0);
}

} // namespace
} // namespace benchfs::cluster
