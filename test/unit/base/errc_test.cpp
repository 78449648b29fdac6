#include "benchfs/base/errc.hpp"

#include "catch.hpp"

#include <cerrno>
#include <set>

using namespace benchfs;

TEST_CASE("every error code has a name, a message and an errno") {
    std::set<std::string_view> names;
    int known = 0;
    for (std::int32_t value = 0; value < 2000; ++value) {
        const auto code = static_cast<errc>(value);
        if (name(code) == "unknown") { continue; }
        ++known;
        CAPTURE(value);
        CHECK(names.insert(name(code)).second);
        CHECK(!message(code).empty());
        CHECK(message(code) != "unknown error");
        CHECK(message(code).back() != '.');
        CHECK((to_errno(code) == 0) == (code == errc::ok));
        CHECK(to_errno(code) < 1000);
        CHECK(from_wire(value) == code);
    }
    CHECK(known == 42);
    CHECK(name(errc::no_server) == "no_server");
}

TEST_CASE("an errno survives the way through errc and back") {
    for (int value = 1; value < 134; ++value) {
        CAPTURE(value);
        CHECK(to_errno(from_errno(value)) == value);
    }
    CHECK(from_errno(0) == errc::ok);
    CHECK(from_errno(ENOENT) == errc::not_found);
}

TEST_CASE("numbers that are no error codes are answered, not trusted") {
    CHECK(from_errno(-1) == errc::io_error);
    CHECK(from_errno(1000) == errc::io_error);
    CHECK(from_wire(-1) == errc::bad_frame);
    CHECK(from_wire(500) == errc::bad_frame);
    CHECK(from_wire(999'999) == errc::bad_frame);
    CHECK(from_wire(static_cast<std::int32_t>(errc::peer_down)) == errc::peer_down);
    CHECK(message(static_cast<errc>(777)) == "unknown error");
    CHECK(to_errno(static_cast<errc>(12345)) == EIO);
    CHECK(to_errno(static_cast<errc>(-5)) == EIO);
}

TEST_CASE("our own codes look like the nearest errno to a C caller") {
    CHECK(to_errno(errc::timed_out) == ETIMEDOUT);
    CHECK(to_errno(errc::peer_down) == EHOSTDOWN);
    CHECK(to_errno(errc::outcome_unknown) == EREMOTEIO);
    CHECK(to_errno(errc::bad_config) == EINVAL);
}
