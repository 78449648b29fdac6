#include "benchfs/base/slab.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"
#include "unit/base/counted.hpp"

#include <map>
#include <stdexcept>

using namespace benchfs;
using test::counted;
using test::tally;

TEST_CASE("a slab refuses stale, foreign and nonsensical handles") {
    slab<int> s(4);
    const slab_handle a = s.insert(1);
    REQUIRE(a != 0);
    CHECK(*s.find(a) == 1);
    CHECK(s.erase(a));
    CHECK(s.find(a) == nullptr);
    CHECK(!s.erase(a));
    const slab_handle b = s.insert(2); // the same slot
    CHECK(static_cast<std::uint32_t>(a) == static_cast<std::uint32_t>(b));
    CHECK(a != b);
    CHECK(s.find(a) == nullptr);
    CHECK(*s.find(b) == 2);
    CHECK(s.find(0) == nullptr);
    CHECK(s.find(~slab_handle{0}) == nullptr);
    CHECK(s.find(b + 1) == nullptr);
    CHECK(s.find(b + (slab_handle{1} << 32)) == nullptr);
}

TEST_CASE("a slab takes as many as its limit and says 0 then") {
    slab<int> s(70);
    std::vector<slab_handle> handles;
    for (int i = 0; i < 70; ++i) { handles.push_back(s.insert(i)); }
    CHECK(s.full());
    CHECK(s.insert(99) == 0);
    CHECK(s.size() == 70);
    CHECK(s.erase(handles[33]));
    CHECK(s.insert(99) != 0);
    for (int i = 0; i < 70; ++i) {
        if (i != 33) { CHECK(*s.find(handles[static_cast<std::size_t>(i)]) == i); }
    }
}

TEST_CASE("two slabs with different first generations don't accept each other's handles") {
    slab<int> before(4, 1);
    slab<int> after(4, 2);
    const slab_handle h = before.insert(1);
    (void)after.insert(2);
    CHECK(after.find(h) == nullptr);
}

TEST_CASE("a slab behaves like a map under random inserts and erases") {
    tally t;
    {
        slab<counted> s(200);
        std::map<slab_handle, int> model;
        std::vector<slab_handle> gone;
        prng random(11);
        for (int step = 0; step < 20'000; ++step) {
            if (random.below(2) == 0) {
                const slab_handle h = s.insert(t, step);
                REQUIRE((h == 0) == (model.size() == 200));
                if (h != 0) { REQUIRE(model.emplace(h, step).second); }
            } else if (!model.empty()) {
                const auto victim =
                    std::next(model.begin(), static_cast<std::ptrdiff_t>(random.below(model.size())));
                REQUIRE(s.erase(victim->first));
                gone.push_back(victim->first);
                model.erase(victim);
            }
            REQUIRE(s.size() == model.size());
        }
        for (const auto& [h, value] : model) { REQUIRE(s.find(h)->value() == value); }
        for (const slab_handle h : gone) { REQUIRE(s.find(h) == nullptr); }
        std::size_t seen = 0;
        s.for_each([&](slab_handle h, counted& c) {
            REQUIRE(model.at(h) == c.value());
            ++seen;
            s.erase(h);
        });
        CHECK(seen == model.size());
        CHECK(s.size() == 0);
        CHECK(t.alive() == 0);
        (void)s.insert(t, 1);
    }
    CHECK(t.alive() == 0);
}

TEST_CASE("a slab loses no slot when a constructor throws") {
    struct picky {
        explicit picky(bool fail) {
            if (fail) { throw std::runtime_error("no"); }
        }
    };
    slab<picky> s(1);
    CHECK_THROWS_AS(s.insert(true), std::runtime_error);
    CHECK(s.size() == 0);
    CHECK(s.insert(false) != 0);
}
