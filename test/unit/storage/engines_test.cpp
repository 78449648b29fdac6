#include "catch.hpp"
#include "store_driver.hpp"
#include "toy_engine.hpp"

namespace benchfs::storage {

TEST_CASE("an engine that does not exist is bad_config") {
    runtime::loop loop;
    store_environment environment{loop};
    REQUIRE(loop.run(open_store("floppy", environment, store_options{})).error() == errc::bad_config);
    REQUIRE(loop.run(open_store("", environment, store_options{})).error() == errc::bad_config);
}

TEST_CASE("the uring engine needs a directory and a ring") {
    runtime::loop loop;
    store_environment environment{loop};
    store_options options;
    REQUIRE(loop.run(open_store("uring", environment, options)).error() == errc::bad_config);
    options.data_dir = "/tmp";
    REQUIRE(loop.run(open_store("uring", environment, options)).error() == errc::bad_config);
}

TEST_CASE("a data directory that cannot be made is an error") {
    rig r;
    store_options options;
    options.data_dir = "/proc/no/such/place";
    REQUIRE(!r.loop.run(open_store("uring", r.environment, options)));
}

TEST_CASE("the memory engine opens with its defaults") {
    runtime::loop loop;
    store_environment environment{loop};
    auto opened = loop.run(open_store("memory", environment, store_options{}));
    REQUIRE(opened);
    const store_stats stats = (*opened)->stats();
    REQUIRE(stats.bytes_limit > 16 * MiB);
    REQUIRE(stats.bytes_used == 0);
    REQUIRE((*opened)->name() == "memory");
    REQUIRE(loop.run((*opened)->close()));
}

TEST_CASE("the table names every engine once") {
    for (const engine_entry& entry : engines()) {
        int same = 0;
        for (const engine_entry& other : engines()) { same += other.name == entry.name ? 1 : 0; }
        REQUIRE(same == 1);
        REQUIRE(!entry.help.empty());
    }
    REQUIRE(engines().size() >= 2);
}

} // namespace benchfs::storage
