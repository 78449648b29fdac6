// The files of a BenchFS Mini server against a plain model, and what they cost.
#include "rig.hpp"

#include "benchfs/base/prng.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>

namespace benchfs::mini::test {
namespace {

using model = std::map<std::string, std::string>;

constexpr std::uint64_t entry_cost = 4096; // of a file beside its bytes

std::uint64_t cost_of(const model& files) {
    std::uint64_t bytes = 0;
    for (const auto& [path, content] : files) { bytes += content.size() + entry_cost; }
    return bytes;
}

void check_same(const model& m) {
    benchfs_mini_usage_t usage{};
    REQUIRE(benchfs_mini_usage(0, &usage) == 0);
    CHECK(usage.files == m.size());
    CHECK(usage.used == cost_of(m));
    const std::uint64_t piece = usage.limit - usage.used; // what is sent counts, too
    for (const auto& [path, content] : m) {
        CHECK(benchfs_mini_size(path.c_str(), 0) == static_cast<std::int64_t>(content.size()));
        std::string got(content.size(), '?');
        for (std::uint64_t at = 0; piece > 0 && at < got.size(); at += piece) {
            const auto n = static_cast<std::int64_t>(std::min(piece, got.size() - at));
            REQUIRE(benchfs_mini_read_at(path.c_str(), got.data() + at, static_cast<std::size_t>(n), at, 0) ==
                    n);
        }
        if (piece > 0) { CHECK(got == content); }
    }
}

} // namespace

TEST_CASE("a Mini server's files do what a map of strings does, within the limit") {
    // A write counts twice while it is under way: what has arrived, and what the file grows to.
    constexpr std::uint64_t limit = 60'000;
    server s("tcp,self", {"--memory", std::to_string(limit)});
    client c(s);
    prng random(4711);
    model m;
    int refused = 0;
    for (int step = 0; step < 4000; ++step) {
        const std::string path = "/f" + std::to_string(random.below(8));
        if (random.below(4) == 0) {
            CHECK(benchfs_mini_remove(path.c_str(), 0) == (m.erase(path) == 1 ? 0 : -ENOENT));
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
        const int done = replace ? benchfs_mini_write(path.c_str(), data.data(), data.size(), 0)
                                 : benchfs_mini_write_at(path.c_str(), data.data(), data.size(), offset, 0);
        if (std::max(cost_of(after), cost_of(m)) + data.size() > limit) {
            CHECK(done == -ENOSPC);
            ++refused;
        } else {
            REQUIRE(done == 0);
            m = std::move(after);
        }
        if (step % 100 == 0) { check_same(m); }
    }
    check_same(m);
    CHECK(refused > 100);
    CHECK(s.quit());
}

TEST_CASE("a full Mini server refuses what does not fit, also a copy to be sent, and answers the rest") {
    server s("tcp,self", {"--memory", "10000"});
    client c(s);
    std::string data(2900, 'x');
    CHECK(benchfs_mini_write("/a", data.data(), data.size(), 0) == 0); // 6996 of 10000
    CHECK(benchfs_mini_write("/b", "y", 1, 0) == -ENOSPC);
    CHECK(benchfs_mini_write_at("/a", "z", 1, 10'001, 0) == -EFBIG);
    CHECK(benchfs_mini_read("/a", data.data(), data.size(), 0) == 2900);
    CHECK(benchfs_mini_write_at("/a", "z", 1, 4900, 0) == 0); // 8997 of 10000
    CHECK(benchfs_mini_read("/a", data.data(), data.size(), 0) == -ENOMEM);
    CHECK(benchfs_mini_read_at("/a", data.data(), 1, 4900, 0) == 1);
    CHECK(data[0] == 'z');
    CHECK(benchfs_mini_size("/a", 0) == 4901);
    CHECK(benchfs_mini_remove("/a", 0) == 0);
    CHECK(s.stats()["memory"] == 0);
    CHECK(s.quit());
}

#ifndef __SANITIZE_ADDRESS__ // which ends the process instead
TEST_CASE("a file that there is no memory for is not left behind empty") {
    server s("tcp,self", {"--memory", std::to_string(std::uint64_t{1} << 60)});
    client c(s);
    CHECK(benchfs_mini_write_at("/a", "z", 1, std::uint64_t{1} << 59, 0) ==
          -ENOMEM); // no address space has that
    CHECK(benchfs_mini_size("/a", 0) == -ENOENT);
    CHECK(benchfs_mini_write("/b", "y", 1, 0) == 0);
    CHECK(benchfs_mini_write_at("/b", "z", 1, std::uint64_t{1} << 59, 0) == -ENOMEM);
    CHECK(benchfs_mini_size("/b", 0) == 1);
    auto stats = s.stats();
    CHECK(stats["files"] == 1);
    CHECK(stats["memory"] == entry_cost + 1);
    CHECK(s.quit());
}
#endif

} // namespace benchfs::mini::test
