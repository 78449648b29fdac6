// Moves that are over. A question about one may be on its way still, held up in a queue or sent by a driver
// that has died since: when it arrives it must change nothing, for the names may mean something else by then.
//
// Kept in memory, and for a while: no message is held up longer, and none outlives the connection to a process.
#pragma once

#include "benchfs/base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <utility>

namespace benchfs::server {

class ended_moves {
public:
    void add(std::uint64_t move, time_point now) {
        while (!order_.empty() && (order_.front().first + kept_for < now || order_.size() >= kept_max)) {
            all_.erase(order_.front().second);
            order_.pop_front();
        }
        if (all_.insert(move).second) { order_.emplace_back(now, move); }
    }
    [[nodiscard]] bool has(std::uint64_t move) const noexcept { return !all_.empty() && all_.contains(move); }

private:
    static constexpr duration kept_for = std::chrono::seconds(60);
    static constexpr std::size_t kept_max = 65536;
    std::deque<std::pair<time_point, std::uint64_t>> order_;
    std::unordered_set<std::uint64_t> all_;
};

} // namespace benchfs::server
