#include "benchfs/runtime/channel.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/base/counted.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;
using test::counted;
using test::tally;
using test::virtual_loop;

namespace {

constexpr int producers = 3;
constexpr int each = 20;

struct traffic_state {
    explicit traffic_state(std::size_t capacity) : values(capacity) {}
    tally t;
    channel<counted> values;
    int producing = producers;
    std::vector<int> sent;
    std::vector<int> received;
    std::size_t most = 0;
};

task<status> produce(traffic_state& p, int id) {
    for (int i = 0; i < each; ++i) {
        const int value = id * 1000 + i;
        p.sent.push_back(value);
        counted c(p.t, value);
        BFS_CO_CHECK(co_await p.values.send(std::move(c)));
        p.most = std::max(p.most, p.values.size());
        if (i % 3 == id) { BFS_CO_CHECK(co_await yield()); }
    }
    if (--p.producing == 0) { p.values.close(); }
    co_return ok();
}

task<status> consume(traffic_state& p, int id) {
    std::map<int, int> last; // of each producer
    while (true) {
        const result<counted> got = co_await p.values.receive();
        if (!got) {
            if (got.error() == channel_closed) { co_return ok(); }
            co_return got.error();
        }
        const int value = got->value();
        p.received.push_back(value);
        const auto before = last.find(value / 1000);
        if (before != last.end()) { REQUIRE(before->second < value); }
        last[value / 1000] = value;
        if (value % 2 == id) { BFS_CO_CHECK(co_await yield()); }
    }
}

task<status> traffic(task_scope& scope, traffic_state* p, int consumers) {
    for (int id = 0; id < producers; ++id) { scope.spawn(produce(*p, id)); }
    for (int id = 0; id < consumers; ++id) { scope.spawn(consume(*p, id)); }
    co_return ok();
}

task<status> stopped_traffic(task_scope& scope, traffic_state* p, int turns) {
    scope.spawn(traffic(scope, p, 2));
    for (int i = 0; i < turns; ++i) { (void)co_await yield(); }
    scope.request_stop(errc::cancelled);
    co_return ok();
}

task<status> send_one(channel<int>& c, int value, std::vector<errc>& outcomes) {
    const status s = co_await c.send(value);
    outcomes.push_back(s.error());
    co_return ok();
}

task<status> receive_one(channel<int>& c, std::vector<errc>& outcomes) {
    const result<int> r = co_await c.receive();
    outcomes.push_back(r.error());
    co_return ok();
}

task<status> close_on_senders(task_scope& scope, channel<int>* c, std::vector<errc>* outcomes) {
    for (int i = 0; i < 4; ++i) { scope.spawn(send_one(*c, i, *outcomes)); }
    c->close();
    scope.spawn(send_one(*c, 9, *outcomes));
    for (int i = 0; i < 3; ++i) { scope.spawn(receive_one(*c, *outcomes)); }
    co_return ok();
}

task<status> close_on_receivers(task_scope& scope, channel<int>* c, std::vector<errc>* outcomes) {
    for (int i = 0; i < 3; ++i) { scope.spawn(receive_one(*c, *outcomes)); }
    scope.spawn(send_one(*c, 1, *outcomes));
    c->close();
    co_return ok();
}

} // namespace

TEST_CASE("a channel delivers each value once and in order, in any order of running") {
    test::for_seeds([](virtual_loop& v, std::uint64_t seed) {
        for (const std::size_t capacity : {1UL, 2UL, 5UL}) {
            traffic_state p(capacity);
            const int consumers = 1 + static_cast<int>(seed % 3);
            REQUIRE(v.loop.run(with_scope(&traffic, &p, consumers)));
            REQUIRE(p.received.size() == producers * each);
            REQUIRE(p.most <= capacity);
            if (consumers == 1) { REQUIRE(p.received == p.sent); }
            std::sort(p.received.begin(), p.received.end());
            REQUIRE(std::unique(p.received.begin(), p.received.end()) == p.received.end());
            REQUIRE(p.t.alive() == 0);
        }
    });
}

TEST_CASE("a stop leaves no value behind, whenever it comes") {
    test::for_seeds([](virtual_loop& v, std::uint64_t seed) {
        auto p = std::make_unique<traffic_state>(2);
        const status outcome = v.loop.run(with_scope(&stopped_traffic, p.get(), static_cast<int>(seed % 7)));
        REQUIRE(outcome.error() == errc::cancelled);
        const int inside = static_cast<int>(p->values.size());
        REQUIRE(p->t.alive() == inside);
        while (p->values.try_receive()) {}
        REQUIRE(p->t.alive() == 0);
    });
}

TEST_CASE("closing wakes everybody, and what is in can still be taken") {
    constexpr errc good = errc::ok;
    constexpr errc shut = channel_closed;
    virtual_loop v;
    std::vector<errc> outcomes;
    {
        channel<int> c(2);
        REQUIRE(v.loop.run(with_scope(&close_on_senders, &c, &outcomes)));
        CHECK(c.closed());
        std::sort(outcomes.begin(), outcomes.end());
        // sends: two in, two woken, one refused; receives: two get a value, one finds it empty
        CHECK(outcomes == std::vector<errc>{good, good, good, good, shut, shut, shut, shut});
    }
    {
        outcomes.clear();
        channel<int> c(2);
        REQUIRE(v.loop.run(with_scope(&close_on_receivers, &c, &outcomes)));
        std::sort(outcomes.begin(), outcomes.end());
        CHECK(outcomes == std::vector<errc>{good, good, shut, shut});
    }
}

TEST_CASE("trying to send keeps the value when there is no room") {
    channel<std::unique_ptr<int>> c(1);
    auto a = std::make_unique<int>(1);
    auto b = std::make_unique<int>(2);
    CHECK(c.try_send(a));
    CHECK(!a);
    CHECK(!c.try_send(b));
    REQUIRE(b);
    CHECK(*b == 2);
    const auto got = c.try_receive();
    REQUIRE(got);
    CHECK(**got == 1);
    CHECK(!c.try_receive());
    c.close();
    CHECK(!c.try_send(b));
}
