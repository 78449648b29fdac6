// Sessions at the server: which mutations of a client it has seen, and what it answered.
//
// A client has at most 64 consecutive mutations unanswered, so a reply's place is its number modulo 64. A
// repeat of an answered mutation gets the kept reply; a repeat of one that still runs is joined to it; nothing
// runs twice.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/rpc/frame.hpp"
#include "benchfs/rpc/mutation_window.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace benchfs::rpc {

class server_call;

class session {
public:
    /// The largest reply (frame and body) that can be kept; at-most-once methods stay below it.
    static constexpr std::size_t reply_max = 192;

    struct entry {
        std::uint64_t sequence = 0;     // 0: unused
        server_call* running = nullptr; // not answered yet
        std::uint32_t method = 0;
        std::uint32_t size = 0; // of the kept reply
        std::array<std::byte, reply_max> reply;
    };

    /// No mutation runs that would keep its reply here.
    [[nodiscard]] bool idle() const noexcept {
        return std::ranges::none_of(entries_, [](const entry& e) { return e.running != nullptr; });
    }
    template <class F>
    void for_each_running(F&& visit) {
        for (entry& e : entries_) {
            if (e.running != nullptr) { visit(*e.running); }
        }
    }
    [[nodiscard]] entry& at(std::uint64_t sequence) noexcept { return entries_[sequence % max_mutations]; }
    /// The mutations whose replies are kept: answered, or decided.
    template <class F>
    void for_each_kept(F&& visit) const {
        for (const entry& e : entries_) {
            if (e.sequence != 0 && e.size != 0) { visit(e); }
        }
    }

    std::uint64_t id = 0;
    std::uint32_t generation = 0;
    // Told to the client: another number in a session that does not know the mutations of an earlier one.
    std::uint64_t incarnation = 0;
    transport::connection* connection = nullptr; // nullptr: lost
    duration keep_for{};                         // after the connection was lost
    time_point lost_at{};

private:
    std::array<entry, max_mutations> entries_{};
};

/// The sessions of a server, up to a limit; lost ones go when their time is over.
class session_table {
public:
    explicit session_table(std::size_t limit) : limit_(limit) {}

    /// The session of this number, made if it is new; nullptr when there are too many.
    [[nodiscard]] session* open(std::uint64_t id) {
        if (const auto found = sessions_.find(id); found != sessions_.end()) { return found->second.get(); }
        if (sessions_.size() >= limit_) { return nullptr; }
        auto made = std::make_unique<session>();
        made->id = id;
        return sessions_.emplace(id, std::move(made)).first->second.get();
    }
    void close(std::uint64_t id) { sessions_.erase(id); }
    [[nodiscard]] session* find(std::uint64_t id) noexcept {
        const auto found = sessions_.find(id);
        return found == sessions_.end() ? nullptr : found->second.get();
    }
    [[nodiscard]] std::vector<std::uint64_t> ids() const {
        std::vector<std::uint64_t> all;
        for (const auto& [id, one] : sessions_) { all.push_back(id); }
        return all;
    }
    /// Drops lost sessions whose time is over, and gives the time when the next one's will be; max() when
    /// none is lost. One that still works on a mutation stays and is looked at again a second later.
    time_point expire(time_point now) {
        time_point next = time_point::max();
        std::erase_if(sessions_, [&](const auto& item) {
            const session& s = *item.second;
            if (s.connection != nullptr) { return false; }
            const bool over = now - s.lost_at >= s.keep_for;
            if (over && s.idle()) { return true; }
            next = std::min(next, over ? now + std::chrono::seconds(1) : s.lost_at + s.keep_for);
            return false;
        });
        return next;
    }
    [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }

private:
    std::size_t limit_;
    std::unordered_map<std::uint64_t, std::unique_ptr<session>> sessions_;
};

} // namespace benchfs::rpc
