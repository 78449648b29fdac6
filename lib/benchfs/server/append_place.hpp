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
        guard_.reset();
        if (--turn_.users == 0) { state_.appends.erase(file_); }
    }
    [[nodiscard]] runtime::mutex& lock() noexcept { return turn_.lock; }
    [[nodiscard]] bool others_wait() const noexcept { return turn_.users > 1; }
    void hold(runtime::mutex::guard g) { guard_.emplace(std::move(g)); }

private:
    service_state& state_;
    file_id file_;
    service_state::append_turn& turn_;
    std::optional<runtime::mutex::guard> guard_;
};

} // namespace benchfs::server
