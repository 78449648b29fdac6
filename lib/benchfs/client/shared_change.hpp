// A change of which servers make a part that the client does not call itself: they may lose it, too.
#pragma once

#include "benchfs/rpc/client.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace benchfs {

class shared_change {
public:
    explicit shared_change(rpc::client& client) noexcept : client_(client) {}

    /// Before the call: this server may make a part. One that was never met is met now, because a loss can only
    /// be noticed afterwards by who knew the server before; whether it answers is the business of the call.
    [[nodiscard]] static runtime::task<void> expect(shared_change& self, server_id server) {
        rpc::client& client = self.client_;
        if (!client.peer_of(server).unsynced().has_met()) {
            const result<rpc::ping::reply> met = co_await client.call<rpc::ping>(server, rpc::ping::request{});
            (void)met;
        }
        self.expected_.emplace_back(server, client.peer_of(server).unsynced().loss_mark());
    }
    /// The call was answered, and this server has made a part.
    void made_by(server_id server) {
        rpc::unsynced_changes& changes = client_.peer_of(server).unsynced();
        const auto known = std::ranges::find(expected_, server, &std::pair<server_id, std::uint64_t>::first);
        changes.changed(known != expected_.end() ? known->second : changes.loss_mark());
    }

private:
    rpc::client& client_;
    std::vector<std::pair<server_id, std::uint64_t>> expected_; // and the loss mark that it had
};

} // namespace benchfs
