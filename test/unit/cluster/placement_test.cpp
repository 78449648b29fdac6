#include "benchfs/base/hash.hpp"
#include "benchfs/base/prng.hpp"
#include "benchfs/cluster/placement.hpp"
#include "catch.hpp"
#include "repetitions.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace benchfs::cluster {
namespace {

std::unique_ptr<placement> policy(std::string_view name, std::uint32_t servers) {
    auto made = make_placement(name, servers);
    REQUIRE(made);
    REQUIRE((*made)->servers() == servers);
    return *std::move(made);
}

/// Keys on the fullest server, against the mean.
double imbalance(const placement& p, std::size_t keys, const std::function<server_id(std::size_t)>& place) {
    std::vector<std::size_t> counts(p.servers());
    for (std::size_t i = 0; i < keys; ++i) { ++counts.at(index(place(i))); }
    const double mean = static_cast<double>(keys) / static_cast<double>(p.servers());
    return static_cast<double>(*std::max_element(counts.begin(), counts.end())) / mean;
}

struct name_pattern {
    const char* title;
    std::function<std::string(std::size_t)> name;
    bool directory_each; // every name in a directory of its own
};

std::vector<name_pattern> patterns() {
    const auto padded = [](std::size_t i) {
        std::string digits = std::to_string(i);
        return std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits;
    };
    return {
        {"IOR file per process", [=](std::size_t i) { return "testFile." + padded(i); }, false},
        {"mdtest, all ranks in one directory",
         [](std::size_t i) { return "file.mdtest." + std::to_string(i % 64) + "." + std::to_string(i / 64); },
         false},
        {"mdtest, a directory for each rank",
         [](std::size_t i) { return "file.mdtest.0." + std::to_string(i); }, true},
        {"mdtest directories", [](std::size_t i) { return "dir.mdtest.3." + std::to_string(i); }, false},
        {"numbers", [](std::size_t i) { return std::to_string(i); }, false},
    };
}

TEST_CASE("the fullest server has at most 1.15 of the mean with jump, for names as IOR and mdtest make them") {
    for (const std::uint32_t servers : {2U, 3U, 4U, 7U, 16U, 40U, 64U, 128U, 333U, 1024U}) {
        if (servers > test::repeated(1024, 64)) { continue; }
        const auto jump = policy("jump", servers);
        for (const name_pattern& pattern : patterns()) {
            const std::size_t keys = std::size_t{servers} * 1000;
            const double worst = imbalance(*jump, keys, [&](std::size_t i) {
                const std::uint64_t rank = pattern.directory_each ? i % 64 : 0;
                return place_name(*jump, file_id::make(server_id{0}, 2 + rank), pattern.name(i));
            });
            INFO(pattern.title << ", " << servers << " servers");
            REQUIRE(worst <= 1.15);
        }
    }
}

TEST_CASE("a ring is less even and within its documented bound") {
    for (const std::uint32_t servers : {2U, 16U, 128U}) {
        const auto ring = policy("ring", servers);
        const double worst = imbalance(*ring, std::size_t{servers} * 1000, [&](std::size_t i) {
            return place_name(*ring, root_id, "file.mdtest.0." + std::to_string(i));
        });
        REQUIRE(worst <= 1.4);
    }
}

TEST_CASE("keys that are plain numbers are spread too, by every policy") {
    for (const placement_entry& entry : placement_table()) {
        const auto p = policy(entry.name, 16);
        REQUIRE(imbalance(*p, 16000, [&](std::size_t i) { return p->place(i); }) <= 1.4);
        REQUIRE(imbalance(*p, 16000, [&](std::size_t i) { return p->place(i << 40U); }) <= 1.4);
    }
}

TEST_CASE("growing by a server moves keys to the new one only, and about its share of them") {
    for (const placement_entry& entry : placement_table()) {
        for (const std::uint32_t before : {1U, 2U, 9U, 63U}) {
            const auto old_policy = policy(entry.name, before);
            const auto new_policy = policy(entry.name, before + 1);
            std::size_t moved = 0;
            constexpr std::size_t keys = 50'000;
            for (std::size_t i = 0; i < keys; ++i) {
                const std::uint64_t key = hash64(std::to_string(i));
                const server_id was = old_policy->place(key);
                const server_id is = new_policy->place(key);
                if (was == is) { continue; }
                REQUIRE(index(is) == before);
                ++moved;
            }
            const double share = static_cast<double>(moved) / keys * (before + 1);
            INFO(entry.name << " from " << before << " servers: " << share);
            REQUIRE(share > 0.6);
            REQUIRE(share < 1.4);
        }
    }
}

TEST_CASE("places do not change between releases") {
    // Files written before an upgrade must be found after it.
    const auto jump = policy("jump", 1000);
    const auto ring = policy("ring", 1000);
    CHECK(index(place_name(*jump, root_id, "a")) == 937);
    CHECK(index(place_name(*jump, file_id::make(server_id{5}, 77), "file.mdtest.0.1")) == 627);
    CHECK(index(place_name(*ring, root_id, "a")) == 651);
    CHECK(index(place_chunk(*jump, file_id::make(server_id{5}, 77), 3)) == 891);
}

TEST_CASE("the same name in two directories is two keys") {
    const auto jump = policy("", 64);
    std::set<std::size_t> places;
    for (std::uint64_t d = 2; d < 200; ++d) {
        places.insert(index(place_name(*jump, file_id::make(server_id{0}, d), "results.dat")));
    }
    REQUIRE(places.size() > 48);
}

TEST_CASE("chunk 0 is at home and every round of chunks visits each server once") {
    for (const std::uint32_t servers : {1U, 2U, 3U, 8U, 100U}) {
        const auto jump = policy("jump", servers);
        for (std::uint64_t counter = 1; counter < 50; ++counter) {
            const file_id file = file_id::make(static_cast<server_id>(counter % servers), counter);
            REQUIRE(place_chunk(*jump, file, 0) == file.home());
            for (std::uint32_t round = 0; round < 3; ++round) {
                std::set<server_id> visited;
                for (std::uint32_t i = 0; i < servers; ++i) {
                    visited.insert(place_chunk(*jump, file, round * servers + i));
                }
                REQUIRE(visited.size() == servers);
            }
        }
    }
}

TEST_CASE("the second chunks of one server's files are spread over all other servers") {
    const auto jump = policy("jump", 16);
    const double worst = imbalance(
        *jump, 15000, [&](std::size_t i) { return place_chunk(*jump, file_id::make(server_id{3}, i + 2), 1); });
    REQUIRE(worst <= 16.0 / 15 * 1.15);
}

TEST_CASE("an unknown policy and an impossible server count are refused") {
    REQUIRE(make_placement("modulo", 4).error() == errc::bad_config);
    REQUIRE(make_placement("jump", 0).error() == errc::invalid_argument);
    REQUIRE(make_placement("jump", max_servers + 1).error() == errc::invalid_argument);
    REQUIRE(make_placement("", max_servers));
    REQUIRE(placement_table().front().name == "jump");
}

// What it takes to add a policy: a class and a line in a table.
class modulo_placement final : public placement {
public:
    explicit modulo_placement(std::uint32_t servers) : placement(servers) {}
    [[nodiscard]] server_id place(std::uint64_t key_hash) const noexcept override {
        return static_cast<server_id>(key_hash % servers());
    }
};

TEST_CASE("a new policy is a class and a line in the table") {
    const placement_entry table[] = {placement_table()[0],
                                     {"modulo", "a toy", [](std::uint32_t n) -> std::unique_ptr<placement> {
                                          return std::make_unique<modulo_placement>(n);
                                      }}};
    const auto made = make_placement("modulo", 7, table);
    REQUIRE(made);
    REQUIRE((*made)->place(15) == server_id{1});
    const auto spread =
        imbalance(**made, 7000, [&](std::size_t i) { return place_name(**made, root_id, std::to_string(i)); });
    REQUIRE(spread <= 1.15);
}

} // namespace
} // namespace benchfs::cluster
