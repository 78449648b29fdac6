#include "benchfs/base/prng.hpp"
#include "support.hpp"

#include <map>
#include <set>

namespace benchfs::metadata {
namespace {

std::uint64_t eight_hashes(file_id parent, std::string_view name) {
    return default_name_hash(parent, name) << 61;
}

TEST_CASE_METHOD(fixture, "a listing has each entry once, with type, size and times") {
    const file_id d = dir(root_id, "d");
    const file_id sub = dir(d, "sub");
    const file_id f = file(d, "f");
    REQUIRE(names.extend(f, 0, 4711, 9000));
    file(root_id, "elsewhere");
    for (const std::size_t page : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
        std::map<std::string, listed> seen;
        for (const listed& one : list_all(names, d, page)) { REQUIRE(seen.emplace(one.name, one).second); }
        REQUIRE(seen.size() == 2);
        REQUIRE(seen["f"].id == f);
        REQUIRE(seen["f"].type == file_type::file);
        REQUIRE(seen["f"].attr == *names.stat(f));
        REQUIRE(seen["f"].attr.size == 4711);
        REQUIRE(seen["sub"].id == sub);
        REQUIRE(seen["sub"].type == file_type::directory);
    }
    REQUIRE(list_all(names, sub).empty());
}

TEST_CASE_METHOD(fixture, "a page without room shows nothing and is not the end") {
    file(root_id, "f");
    collector none(0);
    const auto complete = names.readdir(root_id, "", none);
    REQUIRE(complete);
    REQUIRE_FALSE(*complete);
    collector rest(1);
    REQUIRE(*names.readdir(root_id, "f", rest));
    REQUIRE(rest.entries.empty());
}

// Entries "keep*" exist from beginning to end; others come and go between any two pages.
void list_under_change(name_hash hash, std::uint64_t seed) {
    null_change_sink nowhere;
    name_space_options options = small_options();
    options.hash = hash;
    name_space names(options, nowhere);
    prng random(seed);
    std::set<std::string> keep;
    std::set<std::string> passing;
    for (std::uint64_t i = 0; i < 50 + random.below(300); ++i) {
        const std::string name = "keep" + std::to_string(i);
        keep.insert(name);
        REQUIRE(names.open(root_id, name, creating, {}));
    }
    std::set<std::string> ever;
    std::map<std::string, int> seen;
    std::string after;
    for (;;) {
        collector taken(1 + random.below(12));
        const auto complete = names.readdir(root_id, after, taken);
        REQUIRE(complete);
        for (const listed& one : taken.entries) { ++seen[one.name]; }
        if (*complete) { break; }
        REQUIRE_FALSE(taken.entries.empty());
        after = taken.entries.back().name;
        // The cursor's own name may go, and the table may double, between two pages.
        if (after.starts_with("pass") && random.below(2) == 0) {
            REQUIRE(names.unlink(root_id, after));
            passing.erase(after);
        }
        for (std::uint64_t i = random.below(60); i > 0; --i) {
            const std::string name = "pass" + std::to_string(random.below(500));
            if (passing.insert(name).second) {
                REQUIRE(names.open(root_id, name, exclusively, {}));
                ever.insert(name);
            } else {
                REQUIRE(names.unlink(root_id, name));
                passing.erase(name);
            }
        }
    }
    for (const std::string& name : keep) { REQUIRE(seen[name] == 1); }
    for (const auto& [name, times] : seen) {
        // A passing entry may be shown or not; the order makes it once at most, also when it came back.
        REQUIRE(times <= 1);
        REQUIRE((keep.contains(name) || ever.contains(name)));
    }
}

TEST_CASE("an entry that stays is listed exactly once while others come and go") {
    const auto hash = GENERATE(default_name_hash, eight_hashes);
    for (std::uint64_t seed = 1; seed <= 150; ++seed) { list_under_change(hash, seed); }
}

TEST_CASE("removing a directory's entries page by page ends and leaves it empty") {
    fixture f;
    const file_id d = f.dir(root_id, "d");
    for (int i = 0; i < 3000; ++i) { f.file(d, "f" + std::to_string(i)); }
    std::string after;
    int removed = 0;
    for (bool complete = false; !complete;) {
        collector page(100);
        const auto answer = f.names.readdir(d, after, page);
        REQUIRE(answer);
        complete = *answer;
        for (const listed& one : page.entries) {
            after = one.name;
            REQUIRE(f.names.unlink(d, one.name));
            ++removed;
        }
    }
    REQUIRE(removed == 3000);
    REQUIRE(f.names.rmdir(root_id, "d"));
}

} // namespace
} // namespace benchfs::metadata
