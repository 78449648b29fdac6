// The files of a BenchFS Mini server against a plain model, and what they cost.
#include "store.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

#include <string>

namespace benchfs::mini {
namespace {

const_byte_span view(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }

using model = std::map<std::string, std::string>;

std::uint64_t cost_of(const model& files) {
    std::uint64_t bytes = 0;
    for (const auto& [path, content] : files) { bytes += content.size() + store::entry_cost; }
    return bytes;
}

void check_same(const store& s, const model& m) {
    CHECK(s.count() == m.size());
    CHECK(s.used() == cost_of(m));
    for (const auto& [path, content] : m) {
        const auto* file = s.find(path);
        REQUIRE(file != nullptr);
        const const_byte_span wanted = view(content);
        CHECK(std::equal(file->begin(), file->end(), wanted.begin(), wanted.end()));
    }
}

} // namespace

TEST_CASE("a Mini store does what a map of strings does, within its limit") {
    constexpr std::uint64_t limit = 60'000;
    prng random(4711);
    store s(limit);
    model m;
    int refused = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::string path = "/f" + std::to_string(random.below(8));
        if (random.below(4) == 0) {
            CHECK(static_cast<bool>(s.remove(path)) == (m.erase(path) == 1));
            continue;
        }
        const bool replace = random.below(2) == 0;
        const std::uint64_t offset = replace ? 0 : random.below(6000);
        const std::string data(random.below(5000), static_cast<char>('a' + random.below(26)));
        model after = m;
        std::string& file = after[path];
        if (replace) { file.clear(); }
        if (!data.empty() && file.size() < offset + data.size()) { file.resize(offset + data.size()); }
        if (!data.empty()) { file.replace(offset, data.size(), data); }
        const status done = s.write(path, offset, view(data), replace);
        if (cost_of(after) > limit) {
            CHECK(done.error() == errc::no_space);
            ++refused;
        } else {
            REQUIRE(done);
            m = std::move(after);
        }
        if (step % 100 == 0) { check_same(s, m); }
    }
    check_same(s, m);
    CHECK(refused > 100);
}

TEST_CASE("bytes of a Mini request count while it lives") {
    store s(10'000);
    {
        counted_bytes one(s);
        counted_bytes two(s);
        CHECK(one.grow(4000));
        CHECK(two.grow(6000));
        CHECK(!one.grow(1));
        CHECK(s.used() == 10'000);
        CHECK(s.write("/a", 0, view("b"), true).error() == errc::no_space);
        two.clear();
        CHECK(one.grow(1));
        CHECK(one.bytes.size() == 4001);
    }
    CHECK(s.used() == 0);
    CHECK(s.write("/a", 10'001, view("b"), false).error() == errc::file_too_large);
    CHECK(s.write("/a", UINT64_MAX, view("b"), false).error() == errc::file_too_large);
    CHECK(s.used() == 0);
}

} // namespace benchfs::mini
