// What a client knows of changes that a server has lost before they were synced.
#include "support.hpp"

#include "benchfs/rpc/unsynced.hpp"

namespace benchfs::rpc {
namespace {

using namespace test;

/// A sync from its beginning to its end.
bool sync_says_lost(unsynced_changes& changes) {
    const unsynced_changes::place begun = changes.begin_sync();
    const bool lost = changes.lost(begun);
    (void)changes.settle(begun);
    return lost;
}

TEST_CASE("a loss is told by the next sync, once") {
    unsynced_changes changes;
    changes.met(5);
    changes.changed();
    REQUIRE_FALSE(sync_says_lost(changes));
    changes.changed();
    changes.met(5); // a new connection to a server that has lost nothing
    REQUIRE_FALSE(sync_says_lost(changes));
    changes.changed();
    changes.met(6);
    REQUIRE(sync_says_lost(changes));
    REQUIRE_FALSE(sync_says_lost(changes));
}

TEST_CASE("nothing is lost of a server where all was synced, or nothing changed") {
    unsynced_changes changes;
    changes.met(5);
    changes.met(6);
    REQUIRE_FALSE(sync_says_lost(changes));
    changes.changed();
    REQUIRE_FALSE(sync_says_lost(changes));
    changes.met(7);
    changes.changed(); // after the loss
    REQUIRE_FALSE(sync_says_lost(changes));
}

TEST_CASE("two losses in a row are not none") {
    unsynced_changes changes;
    changes.met(5);
    changes.changed();
    changes.met(6);
    changes.met(5);
    REQUIRE(sync_says_lost(changes));
}

TEST_CASE("every sync that began before a loss was told hears of it, and one of them is the first") {
    unsynced_changes changes;
    changes.met(5);
    changes.changed();
    const unsynced_changes::place one = changes.begin_sync();
    const unsynced_changes::place other = changes.begin_sync();
    changes.met(6);
    REQUIRE(changes.lost(one));
    REQUIRE(changes.settle(one));
    REQUIRE(changes.lost(other));
    REQUIRE_FALSE(changes.settle(other));
    REQUIRE_FALSE(sync_says_lost(changes));
}

TEST_CASE("what was changed while a sync ran is for the next one") {
    unsynced_changes changes;
    changes.met(5);
    changes.changed();
    const unsynced_changes::place begun = changes.begin_sync();
    changes.changed();
    changes.met(6);
    REQUIRE(changes.lost(begun));
    (void)changes.settle(begun);
    REQUIRE(sync_says_lost(changes)); // of the second change
    REQUIRE_FALSE(sync_says_lost(changes));
}

TEST_CASE("a change that another server had made is lost if this one lost something since it began") {
    unsynced_changes changes;
    changes.met(5);
    const std::uint64_t before = changes.loss_mark();
    changes.changed(before);
    REQUIRE_FALSE(sync_says_lost(changes));
    changes.met(6);
    changes.changed(before);
    REQUIRE(sync_says_lost(changes));
    REQUIRE_FALSE(sync_says_lost(changes));
}

task<status> make_directory(void*, server_call& call) {
    call.reply<mkdir>({});
    co_return ok();
}
task<status> refuse_to_make(void*, server_call&) { co_return errc::already_exists; }
task<status> say_synced(void*, server_call& call) {
    call.reply<sync_server>({});
    co_return ok();
}

void start_with_loss(rig& r, std::uint64_t incarnation, std::uint64_t loss_mark, server::coroutine makes) {
    server_settings settings;
    settings.incarnation = incarnation;
    settings.loss_mark = loss_mark;
    r.start(settings);
    r.server->handle(mkdir::info, nullptr, makes);
    r.server->handle(sync_server::info, nullptr, say_synced);
    for (auto& c : r.clients) { c->where.address = r.wire->address(); }
}

task<bool> sync_over_wire(client& c) {
    unsynced_changes& changes = c.peer_of(only).unsynced();
    const unsynced_changes::place begun = changes.begin_sync();
    CO_REQUIRE(co_await c.call<sync_server>(only, sync_server::request{}));
    const bool lost = changes.lost(begun);
    (void)changes.settle(begun);
    co_return lost;
}

task<errc> make_over_wire(client& c) {
    const auto answer = co_await c.call<mkdir>(only, mkdir::request{});
    co_return answer.error();
}

TEST_CASE("a client counts what a server acknowledged, and hears of its losses by the greeting") {
    rig r;
    r.stop();
    start_with_loss(r, 1, 11, make_directory);
    caller& c = r.connect({.deadline = 10s, .retry_for = 2s});
    REQUIRE(r.loop.run(make_over_wire(c.rpc)) == errc::ok);
    r.stop();
    start_with_loss(r, 2, 11, refuse_to_make); // restarted, and nothing is lost
    REQUIRE_FALSE(r.loop.run(sync_over_wire(c.rpc)));
    REQUIRE(r.loop.run(make_over_wire(c.rpc)) == errc::already_exists);
    r.stop();
    start_with_loss(r, 3, 33, make_directory); // nothing was acknowledged since
    REQUIRE_FALSE(r.loop.run(sync_over_wire(c.rpc)));
    REQUIRE(r.loop.run(make_over_wire(c.rpc)) == errc::ok);
    r.stop();
    start_with_loss(r, 4, 44, make_directory);
    REQUIRE(r.loop.run(sync_over_wire(c.rpc)));
    REQUIRE_FALSE(r.loop.run(sync_over_wire(c.rpc)));
}

} // namespace
} // namespace benchfs::rpc
