#include "benchfs/base/prng.hpp"
#include "support.hpp"

#include <set>

namespace benchfs::metadata {
namespace {

std::string mdtest_name(int rank, int i) {
    return "file.mdtest." + std::to_string(rank) + "." + std::to_string(i);
}

TEST_CASE_METHOD(fixture, "16,000 mdtest names in one directory are 16,000 files") {
    const file_id d = dir(root_id, "test-dir.0-0");
    std::set<file_id> ids;
    for (int rank = 0; rank < 16; ++rank) {
        for (int i = 0; i < 1000; ++i) {
            const file_id id = file(d, mdtest_name(rank, i));
            REQUIRE(ids.insert(id).second);
            REQUIRE(names.extend(id, 0, static_cast<std::uint64_t>(rank * 1000 + i), 1));
        }
    }
    REQUIRE(list_all(names, d, 1000).size() == 16000);
    for (int rank = 15; rank >= 0; --rank) {
        for (int i = 0; i < 1000; ++i) {
            const auto found = names.lookup(d, mdtest_name(rank, i));
            REQUIRE(found);
            REQUIRE(found->size == static_cast<std::uint64_t>(rank * 1000 + i));
        }
    }
    for (int rank = 0; rank < 16; ++rank) {
        for (int i = 0; i < 1000; ++i) { REQUIRE(names.unlink(d, mdtest_name(rank, i))); }
    }
    REQUIRE(names.rmdir(root_id, "test-dir.0-0"));
}

// 128 for an inode and 72 and the name for an entry leave 200 of the 400 bytes that a file may cost to its
// extents and to slack.
void check_memory(const name_space& names, std::uint64_t files, std::uint64_t name_bytes) {
    const name_space_counts counts = names.counts();
    REQUIRE(counts.files == files);
    REQUIRE(counts.inode_bytes <= files * 128);
    REQUIRE(counts.entry_bytes <= files * 72 + name_bytes);
    REQUIRE(counts.inode_bytes + counts.entry_bytes <= files * 400 + name_bytes);
}

TEST_CASE_METHOD(fixture, "200,000 files in one directory stay within the memory for a file") {
    const file_id d = dir(root_id, "d");
    std::uint64_t name_bytes = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string name = mdtest_name(3, i);
        REQUIRE(names.open(d, name, creating, {}));
        name_bytes += name.size();
    }
    check_memory(names, 200'000, name_bytes);
    // Another 70,000 put the table into the middle of a doubling, where it holds two sizes of buckets.
    for (int i = 200'000; i < 270'000; ++i) {
        const std::string name = mdtest_name(3, i);
        REQUIRE(names.open(d, name, creating, {}));
        name_bytes += name.size();
    }
    check_memory(names, 270'000, name_bytes);
}

TEST_CASE_METHOD(fixture, "200,000 files spread over 2,000 directories stay within it too") {
    std::uint64_t name_bytes = 0;
    prng random(1);
    for (int i = 0; i < 2000; ++i) {
        const file_id d = dir(root_id, "d" + std::to_string(i));
        for (int j = 0; j < 100; ++j) {
            const std::string name = std::to_string(j) + std::string(random.below(40), 'z');
            REQUIRE(names.open(d, name, creating, {}));
            name_bytes += name.size();
        }
    }
    const name_space_counts counts = names.counts();
    REQUIRE(counts.directories == 2001);
    // An inode and an entry for a directory, and what a directory itself takes, is another budget.
    REQUIRE(counts.inode_bytes + counts.entry_bytes <= 202'001 * 200 + name_bytes + 2000 * 5);
    REQUIRE(counts.directory_bytes <= counts.directories * 128);
    check_memory(names, 200'000, name_bytes);
}

TEST_CASE_METHOD(fixture, "memory stays where it is while files come and go") {
    const auto fill = [&] {
        for (int i = 0; i < 20'000; ++i) { file(root_id, mdtest_name(0, i)); }
    };
    const auto clear = [&] {
        for (int i = 0; i < 20'000; ++i) { REQUIRE(names.unlink(root_id, mdtest_name(0, i))); }
    };
    fill();
    const name_space_counts first = names.counts();
    for (int round = 0; round < 3; ++round) {
        clear();
        REQUIRE(names.counts().files == 0);
        fill();
    }
    REQUIRE(names.counts().inode_bytes <= first.inode_bytes);
    REQUIRE(names.counts().entry_bytes <= first.entry_bytes);
}

} // namespace
} // namespace benchfs::metadata
