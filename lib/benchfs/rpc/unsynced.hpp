// What a client has changed at a server since it last synced it, and whether that server has lost some of it.
//
// A server says in its greeting which loss it had last (its loss mark). Every change that was acknowledged
// before the client heard of another one may be gone, unless a sync came between: the next sync says so.
#pragma once

#include <algorithm>
#include <cstdint>

namespace benchfs::rpc {

class unsynced_changes {
public:
    /// A connection was made to a server with this loss mark.
    void met(std::uint64_t loss_mark) noexcept {
        if (met_ && loss_mark != loss_mark_) { gone_ = changes_; }
        met_ = true;
        loss_mark_ = loss_mark;
    }
    [[nodiscard]] bool has_met() const noexcept { return met_; }
    [[nodiscard]] std::uint64_t loss_mark() const noexcept { return loss_mark_; }
    /// The server acknowledged a change.
    void changed() noexcept { ++changes_; }
    /// Another server did, and this one had made a part of it at some time since it had this loss mark.
    void changed(std::uint64_t since) noexcept {
        ++changes_;
        if (since != loss_mark_) { gone_ = changes_; }
    }

    /// Where a sync began. Changes are known by their numbers: others may come while it runs.
    struct place {
        std::uint64_t synced = 0;
        std::uint64_t changes = 0;
    };
    [[nodiscard]] place begin_sync() const noexcept { return {synced_, changes_}; }
    /// Whether the server has lost changes that this sync was to make durable. Each of several syncs at once
    /// hears of it.
    [[nodiscard]] bool lost(place begun) const noexcept {
        return std::min(begun.changes, gone_) > begun.synced;
    }
    /// The changes before `begun` are durable, or their loss was told. True if they were not before.
    bool settle(place begun) noexcept {
        const bool news = begun.changes > synced_;
        synced_ = std::max(synced_, begun.changes);
        return news;
    }

private:
    bool met_ = false;
    std::uint64_t loss_mark_ = 0;
    std::uint64_t changes_ = 0;
    std::uint64_t gone_ = 0;   // changes up to this one were acknowledged before the last loss
    std::uint64_t synced_ = 0; // changes up to this one need no further sync
};

} // namespace benchfs::rpc
