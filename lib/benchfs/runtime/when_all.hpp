// when_all: several calls at once, and all their results.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace benchfs::runtime {

namespace detail {

/// `slot` lives in the frame that joins this.
template <class T>
task<status> keep_result(task<result<T>> call, std::optional<result<T>>& slot) {
    result<T> outcome = co_await std::move(call);
    slot.emplace(std::move(outcome));
    co_return ok();
}

} // namespace detail

/// Runs all tasks concurrently, each to its end (the error of one does not stop the others), and gives their
/// results in the order of the arguments. An exception of one asks the others to stop and is rethrown.
template <class... Ts>
[[nodiscard]] task<std::tuple<result<Ts>...>> when_all(task<result<Ts>>... calls) {
    call_context& context = co_await current_context();
    task_scope scope(context);
    std::tuple<std::optional<result<Ts>>...> slots;
    std::apply([&](auto&... slot) { (scope.spawn(detail::keep_result(std::move(calls), slot)), ...); }, slots);
    (void)co_await scope.join();
    co_return std::apply([](auto&... slot) { return std::tuple<result<Ts>...>(std::move(*slot)...); }, slots);
}

/// The same for a number of tasks that is known at run time only. All start at once: bound the number, or use
/// parallel_for().
template <class T>
[[nodiscard]] task<std::vector<result<T>>> when_all(std::vector<task<result<T>>> calls) {
    call_context& context = co_await current_context();
    task_scope scope(context);
    std::vector<std::optional<result<T>>> slots(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        scope.spawn(detail::keep_result(std::move(calls[i]), slots[i]));
    }
    (void)co_await scope.join();
    std::vector<result<T>> results;
    results.reserve(slots.size());
    for (auto& slot : slots) { results.push_back(std::move(*slot)); }
    co_return std::move(results);
}

} // namespace benchfs::runtime
