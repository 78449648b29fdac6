// Code that g++ 12 miscompiles (an object is destroyed twice) or rejects, one shape a line. Never built or run:
// it proves that tools/coro_gcc12.query finds each shape, and leaves the harmless ones at the end alone.
#include "benchfs/runtime/task.hpp"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace {

using benchfs::runtime::task;

struct options {
    int size = 0;
    std::string name;
};

task<int> by_value(options o) { co_return o.size; }
task<int> by_reference(const options& o) { co_return o.size; }
task<int> by_text(std::string s) { co_return static_cast<int>(s.size()); }
task<int> by_list(std::initializer_list<std::string> l) { co_return static_cast<int>(l.size()); }
task<int> by_vector(std::vector<std::string> v) { co_return static_cast<int>(v.size()); }
task<std::string> text() { co_return "text"; }

task<int> aggregate_temporary() {
    co_return co_await by_value(options{1, "name"}); // EXPECT: G12a
}
task<int> designated_temporary() {
    co_return co_await by_value({.size = 1, .name = "name"}); // EXPECT: G12a
}
task<int> aggregate_bound_to_reference() {
    co_return co_await by_reference({.size = 1, .name = "name"}); // EXPECT: G12a
}
task<int> conditional_temporary(bool yes) {
    co_return co_await by_text(yes ? std::string("yes") : std::string("no")); // EXPECT: G12c
}
task<int> capturing_lambda_awaited() {
    std::string name = "name";
    co_return co_await [name]() -> task<int> { return by_text(name); }(); // EXPECT: G12d
}
task<int> initializer_list_argument() {
    co_return co_await by_list({"a", "b"}); // EXPECT: G12a G12e
}
task<int> vector_from_braces() {
    co_return co_await by_vector({"a", "b"}); // EXPECT: G12a G12e
}
task<int> aggregate_from_awaits() {
    options o{1, co_await text()}; // EXPECT: G12f
    co_return o.size;
}
task<int> array_from_awaits() {
    std::string a[2] = {co_await text(), co_await text()}; // EXPECT: G12g
    co_return static_cast<int>(a[0].size());
}

// The same, written as the house rule says: the object has a name on the line before.
task<int> named() {
    options o{1, "name"};
    int n = co_await by_value(std::move(o));
    std::vector<std::string> v{"a", "b"};
    n += co_await by_vector(std::move(v));
    std::string s = co_await text();
    n += co_await by_text(s + "tail");
    co_return n;
}

} // namespace

task<int> all() {
    int n = co_await aggregate_temporary();
    n += co_await designated_temporary();
    n += co_await aggregate_bound_to_reference();
    n += co_await conditional_temporary(n > 0);
    n += co_await capturing_lambda_awaited();
    n += co_await initializer_list_argument();
    n += co_await vector_from_braces();
    n += co_await aggregate_from_awaits();
    n += co_await array_from_awaits();
    n += co_await named();
    co_return n;
}
