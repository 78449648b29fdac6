#include "benchfs/base/prng.hpp"
#include "benchfs/metadata/dentry_table.hpp"
#include "benchfs/metadata/inode_table.hpp"
#include "catch.hpp"

#include <map>
#include <string>
#include <vector>

namespace benchfs::metadata {
namespace {

std::uint64_t one_hash(file_id, std::string_view) { return 0x8000000000000000ULL; }
std::uint64_t five_hashes(file_id, std::string_view name) {
    return static_cast<std::uint64_t>(name.back() % 5) << 62 | static_cast<std::uint64_t>(name.back() % 5);
}
std::uint64_t low_bits_only(file_id parent, std::string_view name) {
    return default_name_hash(parent, name) >> 56;
}

std::vector<std::string> names_in(const dentry_table& table, const directory& in, std::string_view after = {}) {
    std::vector<std::string> out;
    table.list(in, after, [&](std::string_view name, const dentry&) {
        out.emplace_back(name);
        return true;
    });
    return out;
}

void compare_with_map(name_hash hash, std::uint64_t seed, int steps) {
    dentry_table table(hash);
    table.put_directory(root_id, root_id);
    directory& in = *table.find_directory(root_id);
    std::map<std::pair<std::uint64_t, std::string>, file_id> model;
    prng random(seed);
    for (int i = 0; i < steps; ++i) {
        const std::string name = "n" + std::to_string(random.below(400));
        const std::pair key{hash(root_id, name), name};
        const bool grow = (random.below(3) != 0) != (i / 500 % 2 == 1); // waves: up, then down
        if (grow) {
            const file_id child = file_id::make(server_id{3}, static_cast<std::uint64_t>(i) + 2);
            table.put(in, name, child, file_type::file);
            model[key] = child;
        } else {
            REQUIRE(table.erase(in, name) == (model.erase(key) == 1));
        }
        const dentry* found = table.find(in, name);
        REQUIRE((found != nullptr) == grow);
        if (found != nullptr) { REQUIRE(found->child == model[key]); }
    }
    std::vector<std::string> expected;
    for (const auto& [key, child] : model) { expected.push_back(key.second); }
    REQUIRE(in.entries.size() == model.size());
    REQUIRE(names_in(table, in) == expected);
    for (std::size_t i = 0; i < expected.size(); i += 17) { // from every sort of place
        const std::vector<std::string> rest(expected.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                            expected.end());
        REQUIRE(names_in(table, in, expected[i]) == rest);
    }
}

TEST_CASE("entries match a sorted map through waves of inserts and removals, whatever the hash") {
    const auto hash = GENERATE(default_name_hash, one_hash, five_hashes, low_bits_only);
    for (std::uint64_t seed = 1; seed <= 5; ++seed) { compare_with_map(hash, seed, 4000); }
}

TEST_CASE("an entry keeps its child while the table grows under it") {
    dentry_table table;
    table.put_directory(root_id, root_id);
    directory& in = *table.find_directory(root_id);
    for (std::uint64_t i = 1; i <= 5000; ++i) {
        table.put(in, std::to_string(i), file_id::make(server_id{0}, i), file_type::file);
        // In the middle of every doubling each earlier entry is found.
        for (std::uint64_t j = i; j > 0; j /= 3) {
            const dentry* found = table.find(in, std::to_string(j));
            REQUIRE(found != nullptr);
            REQUIRE(found->child.counter() == j);
        }
    }
    REQUIRE(table.find(in, "5001") == nullptr);
    REQUIRE(table.find(in, "") == nullptr);
}

TEST_CASE("an emptied directory gives its index back and can be used again") {
    dentry_table table;
    table.put_directory(root_id, root_id);
    directory& in = *table.find_directory(root_id);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) { table.put(in, std::to_string(i), root_id, file_type::file); }
        REQUIRE(in.entries.bytes() > 0);
        for (int i = 0; i < 1000; ++i) { REQUIRE(table.erase(in, std::to_string(i))); }
        REQUIRE(in.entries.bytes() == 0);
        REQUIRE(names_in(table, in).empty());
        REQUIRE_FALSE(table.erase(in, "1"));
    }
}

TEST_CASE("room of removed names is used again: the same names come and go in the same memory") {
    dentry_table table;
    table.put_directory(root_id, root_id);
    directory& in = *table.find_directory(root_id);
    std::size_t after_first = 0;
    for (int round = 0; round < 20; ++round) {
        for (std::size_t n = 1; n <= 255; ++n) { table.put(in, std::string(n, 'x'), root_id, file_type::file); }
        for (std::size_t n = 1; n <= 255; ++n) { REQUIRE(table.erase(in, std::string(n, 'x'))); }
        if (round == 0) { after_first = table.entry_bytes(); }
    }
    REQUIRE(table.entry_bytes() == after_first);
    REQUIRE(table.entries() == 0);
}

TEST_CASE("names of every length from 1 to 255 bytes come back as they went in") {
    dentry_table table;
    table.put_directory(root_id, root_id);
    directory& in = *table.find_directory(root_id);
    const auto name_of = [](std::size_t length) {
        std::string name(length, '?');
        for (std::size_t i = 0; i < length; ++i) { name[i] = static_cast<char>(1 + (length + i) % 46); }
        return name;
    };
    for (std::size_t n = 1; n <= 255; ++n) {
        table.put(in, name_of(n), file_id::make(server_id{1}, n), file_type::file);
    }
    for (std::size_t n = 1; n <= 255; ++n) { REQUIRE(table.find(in, name_of(n))->child.counter() == n); }
    REQUIRE(names_in(table, in).size() == 255);
}

TEST_CASE("inodes match a map, and one id of two servers is two inodes") {
    inode_table table;
    std::map<std::uint64_t, std::uint64_t> model;
    prng random(7);
    for (int i = 0; i < 20000; ++i) {
        attributes attr;
        const auto home = static_cast<server_id>(random.below(3));
        attr.id = file_id::make(home, random.below(3000) + 1);
        attr.size = static_cast<std::uint64_t>(i);
        if (random.below(3) == 0) {
            REQUIRE(table.erase(attr.id) == (model.erase(attr.id.value) == 1));
            REQUIRE(table.find(attr.id) == nullptr);
        } else {
            table.put(attr);
            model[attr.id.value] = attr.size;
        }
        REQUIRE(table.size() == model.size());
    }
    for (const auto& [id, size] : model) { REQUIRE(table.find(file_id{id})->size == size); }
}

} // namespace
} // namespace benchfs::metadata
