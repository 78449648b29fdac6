// The turn of an append to a file, and of whoever else must not meet one.
#pragma once

#include "benchfs/server/services.hpp"

#include <optional>

namespace benchfs::server {

/// Appends take turns per file; the entry goes with its last user.
class append_place {
public:
    append_place(service_state& state, file_id file) : state_(state), file_(file), turn_(state.appends[file]) {
        ++turn_.users;
    }
    append_place(const append_place&) = delete;
    append_place& operator=(const append_place&) = delete;
    ~append_place() {
        if (guard_) { ends(); }
        guard_.reset();
        if (--turn_.users == 0) { state_.appends.erase(file_); }
    }
    [[nodiscard]] runtime::mutex& lock() noexcept { return turn_.lock; }
    [[nodiscard]] bool others_wait() const noexcept { return turn_.users > 1; }
    void hold(runtime::mutex::guard g) { guard_.emplace(std::move(g)); }
    /// Its bytes are stored from here on; see note_growth().
    void stores_at(std::uint64_t begin, const rpc::server_call& call) noexcept {
        turn_.begin = begin;
        turn_.session = call.session_id();
        turn_.sequence = call.sequence();
        turn_.seen = false;
    }
    /// Nothing behind that place is to be told apart any more.
    void ends() noexcept { turn_.begin = ~std::uint64_t{0}; }
    [[nodiscard]] bool seen() const noexcept { return turn_.seen; }

private:
    service_state& state_;
    file_id file_;
    service_state::append_turn& turn_;
    std::optional<runtime::mutex::guard> guard_;
};

} // namespace benchfs::server
