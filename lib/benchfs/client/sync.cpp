// Syncing: all servers make durable what they acknowledged, and whoever has lost some of it before is told of.
#include "benchfs/base/log.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/runtime/parallel_for.hpp"

namespace benchfs {
namespace {

using runtime::task;
using sync_place = rpc::unsynced_changes::place;

/// One server's part. A loss is only noted here: the other servers sync all the same.
task<status> sync_one(rpc::client& client, server_id server, sync_place begun, std::vector<server_id>& losers) {
    BFS_CO_CHECK(co_await client.call<rpc::sync_server>(server, rpc::sync_server::request{}));
    rpc::unsynced_changes& changes = client.peer_of(server).unsynced();
    if (changes.lost(begun)) {
        losers.push_back(server);
    } else {
        (void)changes.settle(begun);
    }
    co_return ok();
}

} // namespace

task<status> file_system::sync_servers(bool& news) {
    news = false;
    loser_.reset();
    std::vector<sync_place> begun;
    for (std::uint32_t s = 0; s < placement_.servers(); ++s) {
        begun.push_back(client_.peer_of(static_cast<server_id>(s)).unsynced().begin_sync());
    }
    std::vector<server_id> losers;
    const auto one = [&](std::size_t i) {
        return sync_one(client_, static_cast<server_id>(i), begun[i], losers);
    };
    task<status> syncing = runtime::parallel_for(placement_.servers(), cluster::servers_at_once, one);
    const status done = co_await std::move(syncing);
    if (losers.empty()) { co_return done; }
    const runtime::call_context& context = co_await runtime::current_context();
    // Who has stopped this sync may not look at what it says: the next one tells.
    if (!done && context.stop_requested()) { co_return done; }
    for (const server_id server : losers) {
        if (!client_.peer_of(server).unsynced().settle(begun[index(server)])) { continue; }
        news = true;
        BFS_LOG_ERROR(
            "client",
            "server %u has lost changes that it had acknowledged, and that were not synced: its power "
            "failed, or it keeps everything in memory, and it was started again",
            static_cast<unsigned>(server));
    }
    loser_ = last_loser_ = losers.front();
    co_return errc::io_error;
}

/// An error here is one of all files.
task<status> file_system::sync() {
    bool news = false;
    task<status> syncing = sync_servers(news);
    co_return co_await std::move(syncing);
}

/// An error here is one of this file: the others that were open by then hear of it when they are synced.
task<status> file::sync() {
    if (owner_ == nullptr) { co_return errc::bad_handle; }
    file_system& fs = *owner_;
    bool news = false;
    task<status> syncing = fs.sync_servers(news);
    const status done = co_await std::move(syncing);
    fs.losses_ += news ? 1 : 0;
    const bool heard = losses_heard_ == fs.losses_;
    if (!done && done.error() != errc::io_error) { co_return done; }
    losses_heard_ = fs.losses_;
    if (heard) { co_return done; }
    fs.loser_ = fs.last_loser_;
    co_return errc::io_error;
}

} // namespace benchfs
