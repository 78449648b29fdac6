// The models: what they allow and what they refuse.
#include "catch.hpp"
#include "data_model.hpp"
#include "name_model.hpp"

#include <set>
#include <string>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

constexpr file_id one_file{7};
constexpr std::size_t f0 = directories; // in the root
constexpr std::size_t f1 = f0 + 1;

time_point at(int ms) { return time_point{std::chrono::milliseconds(ms)}; }

std::vector<std::byte> bytes_of_write(std::uint32_t op, std::uint64_t offset, std::size_t size) {
    std::vector<std::byte> out(size);
    data_model::fill(out, op, offset);
    return out;
}

void write(data_model& m, std::uint32_t op, int begin, int end) {
    m.begin_write(op, one_file, 0, 128, at(begin));
    m.end(op, fate::done, at(end));
}

bool reads(data_model& m, std::uint32_t op, int begin, int end) {
    const std::vector<std::byte> got = op == 0 ? std::vector<std::byte>(128) : bytes_of_write(op, 0, 128);
    return m.check_read(one_file, 0, 128, got, at(begin), at(end)).empty();
}

} // namespace

TEST_CASE("a read gives the last write that was answered before it, or one under way") {
    data_model m;
    write(m, 1, 1, 2);
    CHECK(reads(m, 1, 3, 4));
    CHECK_FALSE(reads(m, 0, 3, 4));
    m.begin_write(2, one_file, 0, 128, at(5));
    CHECK(reads(m, 1, 6, 7));
    CHECK(reads(m, 2, 8, 9));
    CHECK_FALSE(reads(m, 1, 10, 11)); // once seen, it does not go back
    m.end(2, fate::done, at(12));
    CHECK(reads(m, 2, 13, 14));
    CHECK_FALSE(reads(m, 1, 13, 14));
}

TEST_CASE("a write that may have happened is allowed, one that did not is not") {
    data_model m;
    write(m, 1, 1, 2);
    m.begin_write(2, one_file, 0, 128, at(3));
    m.end(2, fate::maybe, at(4));
    CHECK(reads(m, 1, 5, 6));
    CHECK(reads(m, 2, 7, 8));
    m.begin_write(3, one_file, 0, 128, at(9));
    m.end(3, fate::none, at(10));
    CHECK_FALSE(reads(m, 3, 11, 12));
}

TEST_CASE("foreign, moved and mixed bytes are recognised") {
    data_model m;
    write(m, 1, 1, 2);
    std::vector<std::byte> got = bytes_of_write(1, 64, 128); // of another place
    CHECK_FALSE(m.check_read(one_file, 0, 128, got, at(3), at(4)).empty());
    got = bytes_of_write(1, 0, 128);
    got[8] = std::byte{0x77};
    CHECK_FALSE(m.check_read(one_file, 0, 128, got, at(3), at(4)).empty());
    got = bytes_of_write(9, 0, 128); // nobody's
    CHECK_FALSE(m.check_read(one_file, 0, 128, got, at(3), at(4)).empty());
}

TEST_CASE("sizes and truncations") {
    data_model m;
    write(m, 1, 1, 2);
    CHECK(m.check_size(one_file, 128, at(3), at(4)).empty());
    CHECK_FALSE(m.check_size(one_file, 64, at(3), at(4)).empty());
    m.begin_truncate(2, one_file, 64, at(5));
    CHECK(m.check_size(one_file, 64, at(6), at(7)).empty());
    m.end(2, fate::done, at(8));
    CHECK_FALSE(m.check_size(one_file, 128, at(9), at(10)).empty());
    write(m, 3, 11, 12);
    CHECK(reads(m, 3, 13, 14));
}

TEST_CASE("what was not synced may be lost with the power, what was may not") {
    data_model m;
    write(m, 1, 1, 2);
    write(m, 2, 3, 4);
    write(m, 3, 7, 8);
    m.lose_power(at(5), at(9));
    CHECK(reads(m, 2, 10, 11));
    CHECK_FALSE(reads(m, 1, 10, 11));
}

TEST_CASE("names: an answer that no order explains is refused") {
    name_model m;
    m.begin(1, name_op::create_exclusive, f0, 0, at(1));
    CHECK(m.end(1, errc::ok, 50, at(2)).empty());
    m.begin(2, name_op::lookup, f0, 0, at(3));
    CHECK(m.end(2, errc::ok, 50, at(4)).empty());
    m.begin(3, name_op::unlink, f0, 0, at(5));
    m.begin(4, name_op::lookup, f0, 0, at(5));
    CHECK(m.end(4, errc::not_found, 0, at(6)).empty()); // the removal under way has happened
    m.begin(5, name_op::lookup, f0, 0, at(7));
    CHECK_FALSE(m.end(5, errc::ok, 50, at(8)).empty());
}

TEST_CASE("names: a link is followed step by step, and the answer is one of where it leads") {
    constexpr std::size_t l0 = paths;
    constexpr std::size_t l1 = paths + 1;
    name_model m;
    const auto link = [&](std::uint32_t op, std::size_t name, std::size_t to) {
        m.begin(op, name_op::symlink, name, to, at(1));
        CHECK(m.end(op, errc::ok, 0, at(1)).empty());
    };
    const auto answers = [&](std::uint32_t op, name_op kind, std::size_t path, errc answer, std::uint64_t id) {
        name_model copy = m;
        copy.begin(op, kind, path, 0, at(1));
        return copy.end(op, answer, id, at(1)).empty();
    };
    link(1, l0, f0);
    CHECK(answers(2, name_op::readlink, l0, errc::ok, link_mark | f0));
    CHECK_FALSE(answers(2, name_op::readlink, l0, errc::ok, link_mark | f1));
    CHECK_FALSE(answers(2, name_op::readlink, l1, errc::ok, link_mark | f0));
    CHECK(answers(2, name_op::follow_lookup, l0, errc::not_found, 0)); // what it points to is missing
    CHECK_FALSE(answers(2, name_op::follow_lookup, l0, errc::too_many_symlinks, 0));
    m.begin(3, name_op::follow_open, l0, 0, at(1)); // and is made
    CHECK(m.end(3, errc::ok, 50, at(1)).empty());
    CHECK(answers(4, name_op::lookup, f0, errc::ok, 50));
    CHECK_FALSE(answers(4, name_op::lookup, f0, errc::not_found, 0));
    link(5, l1, l0);
    CHECK(answers(6, name_op::follow_lookup, l1, errc::ok, 50));
    CHECK_FALSE(answers(6, name_op::follow_lookup, l1, errc::ok, 51));
    CHECK_FALSE(answers(6, name_op::symlink, l1, errc::ok, 0));
    m.begin(7, name_op::unlink, l0, 0, at(1));
    CHECK(m.end(7, errc::ok, 0, at(1)).empty());
    link(8, l0, l1);
    CHECK(answers(9, name_op::follow_open, l0, errc::too_many_symlinks, 0));
    CHECK_FALSE(answers(9, name_op::follow_lookup, l0, errc::ok, 50));
}

TEST_CASE("names: a path goes on through a link to a directory") {
    constexpr std::size_t inner = top_directories;
    name_model m;
    std::uint32_t op = 0;
    const auto answers = [&](name_op kind, std::size_t path, std::uint64_t other, errc answer,
                             std::uint64_t id) {
        name_model copy = m;
        ++op;
        copy.begin(op, kind, path, other, at(1));
        if (!copy.end(op, answer, id, at(1)).empty()) { return false; }
        m = copy;
        return true;
    };
    const auto opens = [&](errc answer, std::uint64_t id) {
        return answers(name_op::follow_open, directory_link, inside(1), answer, id);
    };
    CHECK(opens(errc::not_found, 0));
    CHECK(answers(name_op::symlink, directory_link, inner, errc::ok, 0));
    CHECK(opens(errc::not_found, 0)); // no such directory
    CHECK_FALSE(opens(errc::ok, 50));
    CHECK(answers(name_op::mkdir, 0, 0, errc::ok, 0));
    CHECK(answers(name_op::mkdir, inner, 0, errc::ok, 0));
    CHECK(opens(errc::ok, 50));
    CHECK(answers(name_op::lookup, file_in(inner, 1), 0, errc::ok, 50));
    CHECK(answers(name_op::follow_lookup, directory_link, inside(0), errc::not_found, 0));
    CHECK(answers(name_op::lookup, inner, 0, errc::ok, 60));
    CHECK(answers(name_op::follow_lookup, directory_link, 0, errc::ok, 60));
    CHECK_FALSE(answers(name_op::follow_lookup, directory_link, inside(1), errc::ok, 60));
    CHECK(answers(name_op::follow_open, paths, 0, errc::ok, 51)); // a file under a link's name
    CHECK(answers(name_op::follow_open, paths, inside(0), errc::not_a_directory, 0));
}

TEST_CASE("names: an id that was given out before is refused for a new file") {
    name_model m;
    m.begin(1, name_op::create_exclusive, f0, 0, at(1));
    CHECK(m.end(1, errc::ok, 50, at(2)).empty());
    m.begin(2, name_op::create_exclusive, f1, 0, at(3));
    CHECK_FALSE(m.end(2, errc::ok, 50, at(4)).empty());
}

TEST_CASE("names: a removal done twice is noticed, one that may have happened is allowed") {
    name_model m;
    m.begin(1, name_op::create_exclusive, f0, 0, at(1));
    CHECK(m.end(1, errc::ok, 50, at(2)).empty());
    m.begin(2, name_op::unlink, f0, 0, at(3));
    m.maybe(2, at(4));
    m.begin(3, name_op::unlink, f0, 0, at(5));
    CHECK(m.end(3, errc::not_found, 0, at(6)).empty());
    m.begin(4, name_op::create_exclusive, f1, 0, at(7));
    CHECK(m.end(4, errc::ok, 51, at(8)).empty());
    m.begin(5, name_op::unlink, f1, 0, at(9));
    CHECK_FALSE(m.end(5, errc::not_found, 0, at(10)).empty());
}

TEST_CASE("names: every path has a name and a parent of its own") {
    std::set<std::string> seen;
    for (std::size_t p = 0; p < paths_and_links; ++p) {
        const std::string text = path_text(p);
        CHECK(seen.insert(text).second);
        const std::size_t parent = parent_of(p);
        CHECK((parent == root_path || is_directory(parent)));
        CHECK(text == (parent == root_path ? "" : path_text(parent)) + "/" + leaf_text(p));
        CHECK(lies_in(p, root_path));
    }
}

TEST_CASE("names: what is in a directory moves along, to any depth, and never into itself") {
    constexpr std::size_t outer = 0;
    constexpr std::size_t inner = top_directories;
    constexpr std::size_t other = 1;
    constexpr std::size_t other_inner = top_directories + 1;
    name_model m;
    std::uint32_t op = 0;
    const auto answers = [&](name_op kind, std::size_t path, std::size_t to, errc answer, std::uint64_t id) {
        name_model copy = m;
        ++op;
        copy.begin(op, kind, path, to, at(1));
        if (!copy.end(op, answer, id, at(1)).empty()) { return false; }
        m = copy;
        return true;
    };
    CHECK(answers(name_op::mkdir, inner, 0, errc::not_found, 0));
    CHECK(answers(name_op::mkdir, outer, 0, errc::ok, 0));
    CHECK(answers(name_op::mkdir, inner, 0, errc::ok, 0));
    CHECK(answers(name_op::create_exclusive, file_in(inner, 1), 0, errc::ok, 50));
    CHECK(answers(name_op::rename, outer, inner, errc::invalid_argument, 0));
    CHECK_FALSE(answers(name_op::rename, outer, inner, errc::ok, 0));
    CHECK(answers(name_op::rename, inner, outer, errc::not_empty, 0));
    CHECK_FALSE(answers(name_op::rmdir, outer, 0, errc::ok, 0));
    CHECK(answers(name_op::rename, outer, other, errc::ok, 0));
    CHECK(answers(name_op::lookup, file_in(inner, 1), 0, errc::not_found, 0));
    CHECK(answers(name_op::lookup, file_in(other_inner, 1), 0, errc::ok, 50));
    CHECK(answers(name_op::rename, other_inner, outer, errc::ok, 0)); // out of its directory
    CHECK(answers(name_op::lookup, file_in(outer, 1), 0, errc::ok, 50));
    CHECK(answers(name_op::rmdir, other, 0, errc::ok, 0));
    CHECK_FALSE(answers(name_op::lookup, other, 0, errc::ok, 51));
}
