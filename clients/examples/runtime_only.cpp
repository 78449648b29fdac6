// The runtime by itself: tasks, a channel between two of them, and a time limit. No file system, no network.
#include <benchfs/base/result.hpp>
#include <benchfs/runtime/channel.hpp>
#include <benchfs/runtime/loop.hpp>
#include <benchfs/runtime/sleep.hpp>
#include <benchfs/runtime/task_scope.hpp>
#include <benchfs/runtime/with_timeout.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

using namespace benchfs;
using namespace std::chrono_literals;
using runtime::task;

namespace {

constexpr int numbers = 5;

task<status> produce(runtime::channel<int>& out) {
    for (int i = 1; i <= numbers; ++i) {
        BFS_CO_CHECK(co_await runtime::sleep_for(1ms));
        BFS_CO_CHECK(co_await out.send(i));
    }
    out.close();
    co_return ok();
}

task<status> consume(runtime::channel<int>& in, int& sum) {
    while (true) {
        const result<int> next = co_await in.receive();
        if (next.error() == runtime::channel_closed) { co_return ok(); }
        if (!next) { co_return next.error(); }
        sum += *next;
    }
}

/// Both run until both have ended: a scope joins what it started.
task<status> pipeline(runtime::task_scope& scope, runtime::channel<int>& numbers_between, int& sum) {
    scope.spawn(produce(numbers_between));
    scope.spawn(consume(numbers_between, sum));
    co_return ok();
}

task<result<int>> too_slow() {
    BFS_CO_CHECK(co_await runtime::sleep_for(1h));
    co_return 1;
}

task<status> app() {
    runtime::channel<int> between(2);
    int sum = 0;
    BFS_CO_CHECK(co_await runtime::with_scope(&pipeline, std::ref(between), std::ref(sum)));
    std::printf("the sum is %d\n", sum);

    const result<int> late = co_await runtime::with_timeout(20ms, too_slow());
    std::printf("waiting an hour, for 20 ms: %s\n", std::string(message(late.error())).c_str());

    const bool as_expected = sum == numbers * (numbers + 1) / 2 && late.error() == errc::timed_out;
    if (!as_expected) { co_return errc::io_error; }
    co_return ok();
}

} // namespace

int main() {
    runtime::loop loop;
    return loop.run(app()) ? 0 : 1;
}
