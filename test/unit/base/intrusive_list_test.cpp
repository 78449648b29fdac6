#include "benchfs/base/intrusive_list.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

using namespace benchfs;

namespace {

struct node : list_hook<> {
    int id = 0;
};

std::vector<int> ids(intrusive_list<node>& list) {
    std::vector<int> out;
    list.for_each([&](node& n) { out.push_back(n.id); });
    return out;
}

} // namespace

TEST_CASE("an intrusive list keeps the order and forgets what is unlinked") {
    std::array<node, 4> n;
    for (int i = 0; i < 4; ++i) { n[static_cast<std::size_t>(i)].id = i; }
    intrusive_list<node> list;
    CHECK(list.empty());
    list.push_back(n[1]);
    list.push_back(n[2]);
    list.push_front(n[0]);
    list.push_back(n[3]);
    CHECK(ids(list) == std::vector<int>{0, 1, 2, 3});
    n[2].unlink();
    n[2].unlink(); // once more is nothing
    CHECK(!n[2].linked());
    CHECK(ids(list) == std::vector<int>{0, 1, 3});
    CHECK(list.pop_front().id == 0);
    list.for_each([](node& each) { each.unlink(); });
    CHECK(list.empty());
}

TEST_CASE("splicing moves everything to the end and leaves the source empty") {
    std::array<node, 4> n;
    for (int i = 0; i < 4; ++i) { n[static_cast<std::size_t>(i)].id = i; }
    intrusive_list<node> a;
    intrusive_list<node> b;
    a.splice_back(b);
    CHECK(a.empty());
    a.push_back(n[0]);
    b.push_back(n[1]);
    b.push_back(n[2]);
    a.splice_back(b);
    CHECK(b.empty());
    CHECK(ids(a) == std::vector<int>{0, 1, 2});
    b.push_back(n[3]);
    n[3].unlink();
    b.splice_back(a);
    CHECK(ids(b) == std::vector<int>{0, 1, 2});
    while (!b.empty()) { b.pop_front(); }
}

TEST_CASE("an intrusive list behaves like a deque under random operations") {
    std::array<node, 32> nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) { nodes[i].id = static_cast<int>(i); }
    intrusive_list<node> list;
    std::deque<int> model;
    prng random(5);
    for (int step = 0; step < 20'000; ++step) {
        node& n = nodes[random.below(nodes.size())];
        if (n.linked()) {
            n.unlink();
            model.erase(std::find(model.begin(), model.end(), n.id));
        } else if (random.below(2) == 0) {
            list.push_back(n);
            model.push_back(n.id);
        } else {
            list.push_front(n);
            model.push_front(n.id);
        }
        REQUIRE(list.empty() == model.empty());
        if (!model.empty()) { REQUIRE(list.front().id == model.front()); }
    }
    CHECK(ids(list) == std::vector<int>(model.begin(), model.end()));
    while (!list.empty()) { list.pop_front(); }
}
