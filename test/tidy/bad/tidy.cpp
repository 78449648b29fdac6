// Mistakes that .clang-tidy turns into errors, one a line. Never built or run: it proves that the checks are on and
// that clang-tidy can follow this project's task type.
#include "benchfs/runtime/task.hpp"

#include <mutex>
#include <string>
#include <utility>

namespace {

using benchfs::runtime::task;

task<int> length(std::string s) { co_return static_cast<int>(s.size()); }

task<int> capturing_lambda() {
    std::string name = "name";
    auto work = [name]() -> task<int> { co_return co_await length(name); }; // EXPECT: cppcoreguidelines-avoid-capturing-lambda-coroutines
    co_return co_await work();
}

task<int> used_after_move(std::string s) {
    int n = co_await length(std::move(s));
    n += static_cast<int>(s.size()); // EXPECT: bugprone-use-after-move
    co_return n;
}

task<int> lock_across_suspension(std::mutex& m) {
    std::lock_guard<std::mutex> guard(m); // EXPECT: misc-coroutine-hostile-raii
    co_return co_await length("name"); // EXPECT: cppcoreguidelines-no-suspend-with-lock
}

} // namespace

task<int> all(std::mutex& m) {
    int n = co_await capturing_lambda();
    n += co_await used_after_move("name");
    n += co_await lock_across_suspension(m);
    co_return n;
}
