// A server as the client of another one. What its earlier process has asked and is still under way here ends
// before anything of its successor begins: a question of a server that died could otherwise come after what
// followed from it.
//
// Connections do not help: each is its own queue, and a handler that waits outlives the connection that it came
// by.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>

namespace benchfs::rpc {

class server_peer {
public:
    /// A process of the server joined with this session. The session before, whose connection is to be closed;
    /// 0: it is the same one, or the first.
    [[nodiscard]] std::uint64_t joined(std::uint64_t session) noexcept {
        const std::uint64_t before = std::exchange(current_, session);
        if (before == session) { return 0; }
        forget_idle(before);
        return before;
    }
    /// Whether calls of another process of this server still run.
    [[nodiscard]] bool waits(std::uint64_t session) const noexcept {
        return running_.size() > (running_.contains(session) ? 1U : 0U);
    }
    /// Whether this process has a successor: nobody waits for what it has asked.
    [[nodiscard]] bool replaced(std::uint64_t session) const noexcept { return session != current_; }
    void began(std::uint64_t session) { ++running_[session]; }
    void ended(std::uint64_t session) noexcept {
        --running_.find(session)->second;
        // The current one's place stays: a call costs no memory.
        if (session != current_) { forget_idle(session); }
    }

private:
    void forget_idle(std::uint64_t session) noexcept {
        const auto found = running_.find(session);
        if (found != running_.end() && found->second == 0) { running_.erase(found); }
    }

    std::uint64_t current_ = 0;
    // Calls of each session that has any, and of the current one.
    std::unordered_map<std::uint64_t, std::uint32_t> running_;
};

} // namespace benchfs::rpc
