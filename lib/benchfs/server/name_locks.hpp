// Names that are being changed by several servers together: nobody else may use them until that is decided.
//
// Rarely more than a few at a time. Who meets one answers try_again, and the client asks again.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/base/types.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace benchfs::server {

class name_locks {
public:
    [[nodiscard]] bool held(file_id parent, std::string_view name) const noexcept {
        if (locked_.empty()) [[likely]] { return false; }
        const auto in = locked_.find(parent);
        return in != locked_.end() && std::find(in->second.begin(), in->second.end(), name) != in->second.end();
    }
    /// The name must not be held.
    void take(file_id parent, std::string_view name) {
        BFS_ASSERT(!held(parent, name));
        locked_[parent].emplace_back(name);
    }
    void release(file_id parent, std::string_view name) noexcept {
        const auto in = locked_.find(parent);
        if (in == locked_.end()) { return; }
        std::erase(in->second, name);
        if (in->second.empty()) { locked_.erase(in); }
    }
    /// Calls visit(name) for those of a directory's names that are held.
    template <class F>
    void each_in(file_id parent, F&& visit) const {
        const auto found = locked_.find(parent);
        if (found == locked_.end()) { return; }
        for (const std::string& name : found->second) { visit(std::string_view(name)); }
    }

private:
    std::unordered_map<file_id, std::vector<std::string>> locked_;
};

} // namespace benchfs::server
