#include "benchfs/base/histogram.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

using namespace benchfs;

namespace {

std::uint64_t exact(const std::vector<std::uint64_t>& sorted, double p) {
    const auto rank = static_cast<std::size_t>(std::ceil(p / 100.0 * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void compare(std::vector<std::uint64_t> values) {
    const auto h = std::make_unique<histogram>();
    std::uint64_t sum = 0;
    for (const std::uint64_t v : values) {
        h->record(v);
        sum += v;
    }
    std::sort(values.begin(), values.end());
    CHECK(h->count() == values.size());
    CHECK(h->sum() == sum);
    CHECK(h->min() == values.front());
    CHECK(h->max() == values.back());
    for (const double p : {0.0, 0.1, 1.0, 10.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
        const auto want = static_cast<double>(exact(values, p));
        const auto got = static_cast<double>(h->percentile(p));
        CAPTURE(p, want, got);
        CHECK(std::abs(got - want) <= want * 0.02);
    }
}

} // namespace

TEST_CASE("percentiles are within two per cent of the exact ones") {
    prng random(9);
    std::vector<std::uint64_t> even;
    std::vector<std::uint64_t> wide;
    std::vector<std::uint64_t> small;
    for (int i = 0; i < 20'000; ++i) {
        even.push_back(1000 + random.below(1'000'000));
        wide.push_back(random.next() >> random.below(64));
        small.push_back(random.below(40));
    }
    compare(even);
    compare(wide);
    compare(small);
    compare({42});
    compare({0});
    compare({~std::uint64_t{0}, 0});
}

TEST_CASE("an empty histogram answers 0") {
    const histogram h;
    CHECK(h.count() == 0);
    CHECK(h.min() == 0);
    CHECK(h.max() == 0);
    CHECK(h.mean() == 0.0);
    CHECK(h.percentile(50) == 0);
}

TEST_CASE("merging two histograms is recording everything in one") {
    prng random(10);
    const auto a = std::make_unique<histogram>();
    const auto b = std::make_unique<histogram>();
    const auto both = std::make_unique<histogram>();
    for (int i = 0; i < 5'000; ++i) {
        const std::uint64_t v = random.below(1 << 20);
        (i % 3 == 0 ? a : b)->record(v);
        both->record(v);
    }
    a->merge(*b);
    a->merge(histogram{});
    CHECK(a->count() == both->count());
    CHECK(a->sum() == both->sum());
    CHECK(a->min() == both->min());
    CHECK(a->max() == both->max());
    for (int p = 0; p <= 100; ++p) { REQUIRE(a->percentile(p) == both->percentile(p)); }
    a->clear();
    CHECK(a->count() == 0);
    CHECK(a->percentile(99) == 0);
}
