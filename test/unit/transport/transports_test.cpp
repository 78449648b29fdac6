#include "benchfs/transport/transports.hpp"

#include "benchfs/base/log.hpp"

#include "catch.hpp"

#include <set>

namespace benchfs::transport {

TEST_CASE("every transport of the table has a name of its own and a line of help") {
    std::set<std::string_view> names;
    for (const transport_entry& e : transport_table()) {
        CHECK(names.insert(e.name).second);
        CHECK(!e.help.empty());
        CHECK(e.make != nullptr);
    }
    CHECK(names.contains("loopback"));
}

TEST_CASE("an unknown transport is a configuration error") {
    runtime::loop loop;
    const transport_options options;
    const log_level before = current_log_level();
    set_log_level(log_level::off);
    CHECK(make_transport("carrier-pigeon", loop, options).error() == errc::bad_config);
    CHECK(make_transport("", loop, options).error() == errc::bad_config);
    // Loopback needs to be told which process it is in.
    CHECK(make_transport("loopback", loop, options).error() == errc::bad_config);
    set_log_level(before);
}

} // namespace benchfs::transport
