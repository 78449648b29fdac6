#include "benchfs/runtime/context.hpp"

#include "catch.hpp"

#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;

namespace {

class recorder final : public stop_callback {
public:
    void on_stop(errc reason) noexcept override {
        seen.push_back(reason);
        if (other != nullptr) { other->unlink(); }
    }
    std::vector<errc> seen;
    recorder* other = nullptr;
    ~recorder() { unlink(); }
};

} // namespace

TEST_CASE("the first stop request wins, and each callback hears of it once") {
    stop_state s;
    recorder a;
    recorder b;
    s.subscribe(a);
    s.subscribe(b);
    CHECK(!s.requested());
    s.request_stop(errc::timed_out);
    s.request_stop(errc::cancelled);
    CHECK(s.reason() == errc::timed_out);
    CHECK(a.seen == std::vector<errc>{errc::timed_out});
    CHECK(b.seen == std::vector<errc>{errc::timed_out});
}

TEST_CASE("a stop callback may take others out of the list that is being called") {
    stop_state s;
    recorder a;
    recorder b;
    recorder c;
    a.other = &b;
    c.other = &a; // called already: nothing to take out
    s.subscribe(a);
    s.subscribe(b);
    s.subscribe(c);
    s.request_stop(errc::cancelled);
    CHECK(a.seen.size() == 1);
    CHECK(b.seen.empty());
    CHECK(c.seen.size() == 1);
}

TEST_CASE("a stop goes down a chain of links and not up") {
    stop_state top;
    stop_state middle;
    stop_state bottom;
    stop_link first(&top, middle);
    stop_link second(&middle, bottom);
    bottom.request_stop(errc::timed_out);
    CHECK(!middle.requested());
    top.request_stop(errc::shutting_down);
    CHECK(middle.reason() == errc::shutting_down);
    CHECK(bottom.reason() == errc::timed_out);
}

TEST_CASE("a link below a stopped state stops at once, and a link to nobody does nothing") {
    stop_state top;
    top.request_stop(errc::shutting_down);
    stop_state late;
    stop_link link(&top, late);
    CHECK(late.reason() == errc::shutting_down);
    stop_state alone;
    stop_link nobody(nullptr, alone);
    CHECK(!alone.requested());
}

TEST_CASE("a link that has ended does not pass anything on") {
    stop_state top;
    stop_state child;
    { stop_link link(&top, child); }
    top.request_stop(errc::cancelled);
    CHECK(!child.requested());
}
