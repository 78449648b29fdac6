#include "benchfs/runtime/scheduler.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "catch.hpp"
#include "unit/runtime/support.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace benchfs;
using namespace benchfs::runtime;

namespace {

task<status> note(std::vector<int>& order, int id, int times) {
    for (int i = 0; i < times; ++i) {
        BFS_CO_CHECK(co_await yield());
        order.push_back(id);
    }
    co_return ok();
}

task<status> many(task_scope& scope, std::vector<int>& order, int n) {
    for (int id = 0; id < n; ++id) { scope.spawn(note(order, id, 5)); }
    co_return ok();
}

task<status> run_many(std::vector<int>& order, int n) {
    auto body = [](task_scope& scope, std::vector<int>* o, int count) { return many(scope, *o, count); };
    co_return co_await with_scope(body, &order, n);
}

std::vector<int> order_of(pick_policy policy, std::uint64_t seed, int n) {
    std::vector<int> order;
    test::virtual_loop v(policy, seed);
    REQUIRE(v.loop.run(run_many(order, n)));
    return order;
}

} // namespace

TEST_CASE("the production order is first come first served") {
    std::vector<int> expected;
    for (int round = 0; round < 5; ++round) {
        for (int id = 0; id < 10; ++id) { expected.push_back(id); }
    }
    CHECK(order_of(pick_policy::fifo, 1, 10) == expected);
    CHECK(order_of(pick_policy::fifo, 2, 10) == expected);
}

TEST_CASE("a seed fixes the order, and another seed gives another") {
    std::set<std::vector<int>> orders;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const std::vector<int> order = order_of(pick_policy::seeded, seed, 10);
        CHECK(order == order_of(pick_policy::seeded, seed, 10));
        CHECK(orders.insert(order).second);
        std::vector<int> sorted = order;
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 0; i < sorted.size(); ++i) { REQUIRE(sorted[i] == static_cast<int>(i / 5)); }
    }
}

TEST_CASE("the ready queue grows when more coroutines are ready than ever") {
    for (const pick_policy policy : {pick_policy::fifo, pick_policy::seeded}) {
        std::vector<int> order = order_of(policy, 3, 5'000);
        CHECK(order.size() == 25'000);
        std::sort(order.begin(), order.end());
        CHECK(order.front() == 0);
        CHECK(order.back() == 4'999);
    }
}
