#include "benchfs/cluster/store_cluster.hpp"

#include "support.hpp"

using namespace benchfs;
using namespace benchfs::cluster;

TEST_CASE("a store remembers the first cluster that it was started in") {
    const temporary_directory data;
    const temporary_directory registry;
    std::string why;
    REQUIRE(read_store_cluster(data.path(), why).value().empty());
    REQUIRE(read_store_cluster(data.file("not made yet"), why).value().empty());
    const cluster_info first = make_cluster(registry.path(), 2);
    REQUIRE(check_store_cluster(data.path(), {}, registry.path(), first, why));
    REQUIRE(keep_store_cluster(data.path(), first.id));
    REQUIRE(read_store_cluster(data.path(), why).value() == first.id);
    REQUIRE(check_store_cluster(data.path(), first.id, registry.path(), first, why));

    const temporary_directory another;
    const cluster_info second = make_cluster(another.path(), 2);
    REQUIRE(check_store_cluster(data.path(), first.id, another.path(), second, why).error() ==
            errc::bad_config);
    REQUIRE(contains(why, data.path()));
    REQUIRE(contains(why, another.path()));
    REQUIRE(contains(why, first.id.substr(0, 8)));
    REQUIRE(contains(why, second.id.substr(0, 8)));
    REQUIRE(keep_store_cluster(data.path(), second.id)); // it stays what it was
    REQUIRE(read_store_cluster(data.path(), why).value() == first.id);
}

TEST_CASE("a registry that is made for a store has the cluster of that store") {
    const temporary_directory registry;
    cluster_options wanted = with_servers(3);
    wanted.id = std::string(cluster_id_digits, 'a');
    std::string why;
    REQUIRE(create_or_join(registry.path(), wanted, why).value().id == wanted.id);
    wanted.id = std::string(cluster_id_digits, 'b'); // too late
    REQUIRE(create_or_join(registry.path(), wanted, why).value().id == std::string(cluster_id_digits, 'a'));
}

TEST_CASE("a damaged cluster.id is refused by name") {
    const temporary_directory data;
    for (const char* text :
         {"", "abc", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n", "00112233445566778899aabbccddeeff0"}) {
        write_text(data.file("cluster.id"), text);
        std::string why;
        REQUIRE(read_store_cluster(data.path(), why).error() == errc::bad_config);
        REQUIRE(contains(why, data.file("cluster.id")));
    }
}
