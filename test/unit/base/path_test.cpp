#include "benchfs/base/path.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <string>
#include <vector>

using namespace benchfs;

namespace {

struct good {
    std::string text;
    std::string normal;
    bool names_directory;
};
struct bad {
    std::string text;
    errc error;
};

} // namespace

TEST_CASE("paths are normalised as text") {
    const std::string name255(255, 'n');
    const std::vector<good> table{
        {"/", "/", true},
        {"//", "/", true},
        {"/.", "/", true},
        {"/a", "/a", false},
        {"/a/", "/a", true},
        {"/a/.", "/a", true},
        {"//a///b", "/a/b", false},
        {"/a/./b/./c", "/a/b/c", false},
        {"/a/b/..", "/a", true},
        {"/a/../b", "/b", false},
        {"/a/..", "/", true},
        {"/a/b/../../c/", "/c", true},
        {"/...", "/...", false},
        {"/..a/b..", "/..a/b..", false},
        {"/ /\t/\xff", "/ /\t/\xff", false},
        {"/" + name255, "/" + name255, false},
        {"/" + name255 + "/../x", "/x", false},
    };
    for (const good& g : table) {
        CAPTURE(g.text);
        const auto p = path::parse(g.text);
        REQUIRE(p);
        CHECK(p->str() == g.normal);
        CHECK(p->names_directory() == g.names_directory);
        CHECK(p->is_root() == (g.normal == "/"));
        const auto again = path::parse(p->str());
        REQUIRE(again);
        CHECK(*again == *p);
    }
}

TEST_CASE("paths that no file can have are refused with the right error") {
    const std::vector<bad> table{
        {"", errc::invalid_argument},
        {"a", errc::invalid_argument},
        {"./a", errc::invalid_argument},
        {"../", errc::invalid_argument},
        {"/..", errc::invalid_argument},
        {"/a/../..", errc::invalid_argument},
        {"/a/../../a", errc::invalid_argument},
        {std::string("/a\0b", 4), errc::invalid_argument},
        {std::string("/\0", 2), errc::invalid_argument},
        {"/" + std::string(256, 'n'), errc::name_too_long},
        {"/" + std::string(256, 'n') + "/../x", errc::name_too_long},
        {"/" + std::string(4095, '/'), errc::name_too_long},
    };
    for (const bad& b : table) {
        CAPTURE(b.text);
        CHECK(path::parse(b.text).error() == b.error);
    }
}

TEST_CASE("a path may be 4095 bytes long and not one more") {
    std::string text;
    while (text.size() + 2 <= path_max) { text += "/x"; }
    text += "y";
    REQUIRE(text.size() == path_max);
    const auto longest = path::parse(text);
    REQUIRE(longest);
    CHECK(longest->depth() == 2047);
    CHECK(path::parse(text + "y").error() == errc::name_too_long);
    CHECK(longest->child("z").error() == errc::name_too_long);
}

TEST_CASE("a path gives its names, its parent and its children") {
    const path p = *path::parse("/one/two/three");
    CHECK(p.depth() == 3);
    CHECK(p.component(0) == "one");
    CHECK(p.component(1) == "two");
    CHECK(p.component(2) == "three");
    CHECK(p.name() == "three");
    CHECK(p.parent().str() == "/one/two");
    CHECK(p.parent().parent().parent().is_root());
    const path root;
    CHECK(root.depth() == 0);
    CHECK(root.name().empty());
    CHECK(root.parent() == root);
    CHECK(root.child("a")->str() == "/a");
    CHECK(p.child("four")->name() == "four");
    CHECK(p.child("four")->parent() == p);
    CHECK(p.child("..").error() == errc::invalid_argument);
}

TEST_CASE("names are checked the way directory entries need it") {
    CHECK(validate_name("a"));
    CHECK(validate_name("..."));
    CHECK(validate_name(std::string(255, 'a')));
    CHECK(validate_name(std::string(256, 'a')).error() == errc::name_too_long);
    CHECK(validate_name("").error() == errc::invalid_argument);
    CHECK(validate_name(".").error() == errc::invalid_argument);
    CHECK(validate_name("..").error() == errc::invalid_argument);
    CHECK(validate_name("a/b").error() == errc::invalid_argument);
    CHECK(validate_name(std::string_view("a\0", 2)).error() == errc::invalid_argument);
}

TEST_CASE("random bytes give a path that is normal, or an error") {
    prng random(31);
    constexpr std::string_view alphabet("/././../ab\0c", 12);
    int accepted = 0;
    for (int round = 0; round < 50'000; ++round) {
        std::string text = random.below(10) == 0 ? "" : "/";
        for (std::uint64_t n = random.below(24); n > 0; --n) {
            text += alphabet[random.below(alphabet.size())];
        }
        const auto p = path::parse(text);
        if (!p) { continue; }
        ++accepted;
        REQUIRE(p->str().front() == '/');
        std::string rebuilt;
        for (std::size_t i = 0; i < p->depth(); ++i) {
            REQUIRE(validate_name(p->component(i)));
            rebuilt += "/" + std::string(p->component(i));
        }
        REQUIRE(p->str() == (rebuilt.empty() ? "/" : rebuilt));
    }
    CHECK(accepted > 5'000);
}
