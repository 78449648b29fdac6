#include "benchfs/base/result.hpp"

#include "catch.hpp"
#include "unit/base/counted.hpp"

#include <memory>
#include <string>

using namespace benchfs;
using test::counted;
using test::tally;

namespace {

result<int> half(int n) {
    if (n % 2 != 0) { return errc::invalid_argument; }
    return n / 2;
}

result<int> quarter(int n) {
    BFS_TRY(const int first, half(n));
    BFS_TRY(const int second, half(first));
    return second;
}

status check_even(int n) {
    BFS_CHECK(half(n));
    return ok();
}

} // namespace

TEST_CASE("a result holds its value or its error") {
    const result<int> good = half(8);
    REQUIRE(good.has_value());
    CHECK(*good == 4);
    CHECK(good.error() == errc::ok);
    const result<int> bad = half(7);
    CHECK(!bad);
    CHECK(bad.error() == errc::invalid_argument);
    CHECK(half(7).value_or(-1) == -1);
    CHECK(half(6).value_or(-1) == 3);
}

TEST_CASE("BFS_TRY hands errors up from any depth") {
    CHECK(*quarter(12) == 3);
    CHECK(quarter(6).error() == errc::invalid_argument);
    CHECK(quarter(5).error() == errc::invalid_argument);
    CHECK(check_even(4));
    CHECK(check_even(3).error() == errc::invalid_argument);
}

TEST_CASE("a status is small and converts from an error") {
    CHECK(ok().has_value());
    const status s = errc::no_space;
    CHECK(s.error() == errc::no_space);
    CHECK(sizeof(status) == 4);
    CHECK(sizeof(result<std::size_t>) == 16);
}

TEST_CASE("a result moves its value and destroys each object once") {
    tally t;
    {
        result<counted> a{counted{t, 7}};
        result<counted> b{std::move(a)};
        CHECK(b->value() == 7);
        CHECK(a->value() == -1);
        result<counted> c{errc::busy};
        c = std::move(b);
        CHECK(c->value() == 7);
        c = result<counted>{errc::io_error};
        CHECK(c.error() == errc::io_error);
        c = result<counted>{counted{t, 9}};
        CHECK(c->value() == 9);
        auto& same = c;
        c = std::move(same);
        CHECK(c->value() == 9);
        const counted out = *std::move(c);
        CHECK(out.value() == 9);
    }
    CHECK(t.made > 0);
    CHECK(t.alive() == 0);
}

TEST_CASE("a result copies what can be copied and holds what can only move") {
    tally t;
    {
        const result<counted> a{counted{t, 3}};
        const result<counted> b{a};
        CHECK(a->value() == 3);
        CHECK(b->value() == 3);
    }
    CHECK(t.alive() == 0);
    static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
    result<std::unique_ptr<int>> p{std::make_unique<int>(5)};
    CHECK(**p == 5);
    const std::unique_ptr<int> taken = *std::move(p);
    CHECK(*taken == 5);
    const result<std::string> text{"from a literal"};
    CHECK(*text == "from a literal");
}
