#include "benchfs/base/units.hpp"

#include "benchfs/base/types.hpp"
#include "catch.hpp"

using namespace benchfs;
using namespace std::chrono_literals;

TEST_CASE("sizes are read as people write them") {
    CHECK(*parse_bytes("0") == 0);
    CHECK(*parse_bytes("47008") == 47008);
    CHECK(*parse_bytes("512B") == 512);
    CHECK(*parse_bytes("4KiB") == 4 * KiB);
    CHECK(*parse_bytes("4kib") == 4 * KiB);
    CHECK(*parse_bytes("4K") == 4 * KiB);
    CHECK(*parse_bytes("4MiB") == 4 * MiB);
    CHECK(*parse_bytes("16g") == 16 * GiB);
    CHECK(*parse_bytes("1TiB") == 1024 * GiB);
    CHECK(*parse_bytes("18446744073709551615") == ~std::uint64_t{0});
}

TEST_CASE("what is no size is refused") {
    for (const char* text : {"", "MiB", "-1", "+1", " 1", "1 ", "1 MiB", "1.5MiB", "0x10", "1MB", "1MiBB",
                             "1e3", "18446744073709551616", "16777216TiB", "1KK"}) {
        CAPTURE(text);
        CHECK(parse_bytes(text).error() == errc::bad_config);
    }
}

TEST_CASE("times are read as people write them") {
    CHECK(*parse_duration("5") == 5s);
    CHECK(*parse_duration("0ms") == 0s);
    CHECK(*parse_duration("7ns") == 7ns);
    CHECK(*parse_duration("50us") == 50us);
    CHECK(*parse_duration("1500ms") == 1500ms);
    CHECK(*parse_duration("10s") == 10s);
    CHECK(*parse_duration("2min") == 120s);
    CHECK(*parse_duration("1h") == 3600s);
    for (const char* text :
         {"", "s", "-1s", "1.5s", "1 s", "1d", "1m", "9223372036854775808ns", "10000000000h"}) {
        CAPTURE(text);
        CHECK(parse_duration(text).error() == errc::bad_config);
    }
}

TEST_CASE("what is printed reads back as the same") {
    CHECK(format_bytes(4 * MiB) == "4MiB");
    CHECK(format_bytes(4097) == "4097");
    CHECK(format_bytes(0) == "0");
    CHECK(format_duration(1500ms) == "1500ms");
    CHECK(format_duration(60s) == "1min");
    CHECK(format_duration(0s) == "0ns");
    for (std::uint64_t n = 1; n < (std::uint64_t{1} << 62); n = n * 3 + 1) {
        REQUIRE(*parse_bytes(format_bytes(n)) == n);
        REQUIRE(*parse_bytes(format_bytes(n << 1)) == n << 1);
        const duration d{static_cast<std::int64_t>(n)};
        REQUIRE(*parse_duration(format_duration(d)) == d);
    }
}

TEST_CASE("a count is digits and nothing else") {
    CHECK(*parse_count("12") == 12);
    for (const char* text : {"", "1KiB", "-1", "1.0", " 1", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(parse_count(text).error() == errc::bad_config);
    }
}
