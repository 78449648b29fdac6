#include "benchfs/server/directory_log.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/peers.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr std::size_t tail_max = 65536;
constexpr std::uint64_t numbers_at_once = 4096;
constexpr std::uint64_t numbers_at_start = std::uint64_t{1} << 20;
// A directory that comes back is told parents first, by one server after the other.
constexpr duration parents_wait = std::chrono::seconds(60);
// Freezes take some of a page, too.
constexpr std::size_t freezes_max = 256;
constexpr std::size_t entries_max =
    (rpc::directory_log::page_max - freezes_max * sizeof(rpc::wire_freeze)) / sizeof(rpc::wire_directory);

} // namespace

void directory_log::begin_numbers(note_table& notes, std::int64_t now_ns) {
    const std::uint64_t unused = notes.get<std::uint64_t>(note_kind::numbers, 0).value_or(1);
    const std::uint64_t first = std::max(unused, static_cast<std::uint64_t>(now_ns / 1000));
    notes.set(note_kind::numbers, 0, first + numbers_at_start);
    notes.set(note_kind::paths, 0, first);
}

directory_log::directory_log(service_state& state, std::uint64_t incarnation) noexcept
    : state_(state),
      incarnation_(incarnation),
      last_number_(state.notes.get<std::uint64_t>(note_kind::paths, 0).value_or(1)),
      last_back_(state.loop.now()) {}

void directory_log::push(const rpc::wire_directory& entry) {
    tail_.push_back(entry);
    if (entry.kind == rpc::wire_directory::removed) { removed_.insert(entry.id); }
    if (tail_.size() > tail_max) {
        if (tail_.front().kind == rpc::wire_directory::removed) { removed_.erase(tail_.front().id); }
        tail_.pop_front();
        ++first_;
    }
}

result<std::uint64_t> directory_log::next_number() {
    const std::uint64_t reserved = state_.notes.get<std::uint64_t>(note_kind::numbers, 0).value_or(1);
    if (last_number_ + 1 >= reserved) {
        state_.notes.set(note_kind::numbers, 0, last_number_ + numbers_at_once);
        BFS_CHECK(state_.log.write());
    }
    return ++last_number_;
}

bool directory_log::was_removed(file_id id) const noexcept { return removed_.contains(id.value); }

status directory_log::add(file_id id, file_id parent, std::uint64_t paths) {
    const bool named_again = paths == rpc::add_directory::is_named_again;
    const bool is_named = paths == rpc::add_directory::is_named || named_again;
    const bool comes_back = is_named || paths == rpc::add_directory::comes_back;
    const metadata::directory* const known = state_.names.state().entries.find_directory(id);
    if (known != nullptr && (!is_named || known->parent == parent)) { return ok(); }
    BFS_CHECK(state_.log.room());
    if (paths < state_.dirs->paths()) { return errc::stale_epoch; }
    if (!id.valid() || id == root_id) { return errc::stale_handle; }
    if (!state_.names.knows_directory(parent)) {
        if (!some_come_back()) { return errc::stale_handle; }
        if (!comes_back) { return errc::try_again; }
        // Who tells of one waits for its parent only as long as somebody may tell of that; and asks again by
        // itself, after the others that it has to tell of.
        const bool may_come = somebody_compares() || state_.loop.now() - last_back_ < parents_wait;
        return may_come ? errc::busy : errc::stale_handle;
    }
    // It is missing here because it was removed a moment ago, and its home has not heard yet that it is to be
    // dropped; or before the last start. Only a loss can have taken one that is there.
    const bool lost_here = state_.owed->lost_something() && !was_removed(id);
    if (comes_back && known == nullptr && !lost_here) { return errc::not_found; }
    // All names have been told: what is said now is a late copy, and the directory may have been moved since,
    // or be about to. Where the names themselves were lost nothing moves until the server that lost them has
    // told.
    if (known != nullptr && !named_again && !some_come_back()) { return errc::not_found; }
    if (comes_back) { last_back_ = state_.loop.now(); }
    if (known != nullptr) { // it was moved, and that was lost; or a move that was lost is over
        BFS_TRY(const std::uint64_t change, next_number());
        state_.dirs->set_paths(change);
    }
    state_.names.adopt_directory(id, parent);
    push({rpc::wire_directory::exists, id.value, parent.value});
    return ok();
}

bool directory_log::some_come_back() const noexcept { return state_.owed->tells_of_loss(); }

void directory_log::has_compared(server_id server) {
    if (compared_.insert(server).second) { last_back_ = state_.loop.now(); }
}

void directory_log::lost_touch(server_id server) {
    if (compared_.erase(server) != 0) { last_back_ = state_.loop.now(); }
}

task<status> directory_log::all_told(std::optional<server_id>& silent) {
    for (std::uint32_t s = 0; s < state_.placement.servers(); ++s) {
        const auto server = static_cast<server_id>(s);
        if (!state_.owed->tells_of_loss(server)) { continue; }
        task<status> asking = state_.agreed->tell<rpc::thaw>(server, rpc::thaw::request{0});
        if (const status answered = co_await std::move(asking); !answered) {
            silent = server;
            co_return errc::busy;
        }
    }
    co_return some_come_back() ? errc::try_again : errc::ok;
}

bool directory_log::somebody_compares() const noexcept {
    for (std::uint32_t s = 0; s < state_.placement.servers(); ++s) {
        const auto server = static_cast<server_id>(s);
        if (state_.owed->tells_of_loss(server) && !compared_.contains(server)) { return true; }
    }
    return false;
}

void directory_log::heard_of(std::uint64_t number) {
    if (number <= last_number_ || number >= rpc::directory_log::largest_number ||
        !state_.owed->lost_something()) {
        return;
    }
    last_number_ = number;
    if (const result<std::uint64_t> next = next_number()) { state_.dirs->set_paths(*next); }
}

task<status> directory_log::remove(file_id id, std::uint64_t paths, std::optional<server_id>& silent,
                                   const rpc::server_call* asked_by) {
    BFS_CO_TRY(auto turn, co_await changing_.lock());
    if (asked_by != nullptr && asked_by->superseded()) { co_return errc::peer_down; }
    const bool known = state_.names.knows_directory(id);
    if (known && paths < state_.dirs->paths()) { co_return errc::stale_epoch; }
    if (!known) {
        // Else removed before the last start; or lost for good, and its entries are not.
        if (was_removed(id)) { co_return ok(); }
        if (some_come_back()) { co_return errc::try_again; }
    }
    if (id == root_id) { co_return errc::busy; }
    BFS_CO_TRY(const std::uint64_t change, next_number());
    const rpc::wire_freeze what{change, id.value, 0};
    task<status> freezing = freeze_all(what, silent);
    status outcome = co_await std::move(freezing);
    // It may be gone, for who asks again: that nothing has happened cannot be said.
    if (!known && !outcome && outcome.error() != errc::not_empty) { outcome = errc::try_again; }
    if (outcome) { outcome = state_.names.forget_directory(id); }
    if (outcome) {
        push({rpc::wire_directory::removed, id.value, 0});
        outcome = state_.log.write();
    }
    task<void> thawing = thaw_all(change);
    co_await std::move(thawing);
    co_return outcome;
}

status directory_log::may_move(file_id id, file_id parent, file_id replaced) const {
    if (!state_.names.knows_directory(id) || !state_.names.knows_directory(parent)) {
        return some_come_back() ? errc::try_again : errc::stale_handle;
    }
    if (state_.names.below(parent, id)) { return errc::invalid_argument; }
    // The name that is moved is held in there, and may be all there is: nobody would count it as an entry.
    const bool replaces_parent = replaced.valid() && replaced != id && state_.names.below(id, replaced);
    return replaces_parent ? errc::not_empty : errc::ok;
}

task<status> directory_log::move(rpc::move_directory::request what, std::optional<server_id>& silent,
                                 const rpc::server_call* asked_by) {
    BFS_CO_TRY(auto turn, co_await changing_.lock());
    if (asked_by != nullptr && asked_by->superseded()) { co_return errc::peer_down; }
    if (state_.notes.has(note_kind::moved, what.move)) { co_return ok(); }
    if (state_.agreed->ended(what.move)) { co_return errc::busy; }
    // What lies below what is not known for sure yet, nor which numbers were given out before.
    if (some_come_back()) {
        task<status> asking = all_told(silent);
        BFS_CO_CHECK(co_await std::move(asking));
    }
    BFS_CO_CHECK(state_.log.room());
    if (!state_.possible({what.move})) { co_return errc::invalid_argument; }
    if (what.paths < state_.dirs->paths()) { co_return errc::stale_epoch; }
    const file_id id{what.id};
    const file_id parent{what.parent};
    const file_id replaced{what.replaced};
    if (id == root_id || replaced == root_id) { co_return errc::busy; }
    BFS_CO_CHECK(may_move(id, parent, replaced));
    BFS_CO_TRY(const std::uint64_t change, next_number());
    const rpc::wire_freeze frozen{change, what.replaced, 1};
    task<status> freezing = freeze_all(frozen, silent);
    status outcome = co_await std::move(freezing);
    // A server that had lost names may have told meanwhile where they are.
    if (outcome) { outcome = may_move(id, parent, replaced); }
    if (outcome && replaced.valid()) { outcome = state_.names.forget_directory(replaced); }
    if (outcome) {
        if (replaced.valid()) { push({rpc::wire_directory::removed, what.replaced, 0}); }
        state_.names.adopt_directory(id, parent);
        push({rpc::wire_directory::exists, what.id, what.parent});
        state_.dirs->set_paths(change);
        state_.notes.set(note_kind::moved, what.move, change);
        outcome = state_.log.write();
    }
    task<void> thawing = thaw_all(change);
    co_await std::move(thawing);
    co_return outcome;
}

task<result<bool>> directory_log::was_moved(std::uint64_t move) {
    BFS_CO_TRY(auto turn, co_await changing_.lock());
    const bool moved = state_.notes.has(note_kind::moved, move);
    if (!moved) { state_.agreed->end(move); } // and it will not be
    co_return moved;
}

/// A file that has just moved away may still have its old name here: who asks again hears how that ended.
static errc empty(const rpc::freeze::reply& there) noexcept {
    if (there.entries != 0) { return errc::not_empty; }
    return there.held != 0 ? errc::busy : errc::ok;
}

task<status> directory_log::freeze_one(service_state& state, server_id server, rpc::wire_freeze what,
                                       std::optional<server_id>& silent) {
    if (server == state.self) { co_return empty(state.dirs->freeze(what)); }
    task<result<rpc::freeze::reply>> asking = state.agreed->ask<rpc::freeze>(server, what);
    const result<rpc::freeze::reply> answer = co_await std::move(asking);
    if (answer.error() == errc::cancelled) { co_return errc::busy; } // another one has said no
    if (!answer) {
        BFS_LOG_WARN("server", "a directory cannot be removed or moved: server %u does not agree: %s",
                     static_cast<unsigned>(server), message(answer.error()).data());
        // Nothing has happened.
        if (never_asked(answer.error()) || answer.error() == errc::outcome_unknown) { silent = server; }
        if (answer.error() == errc::busy) {
            co_return errc::try_again;
        } // it has lost names, and tells of them soon
        co_return answer.error() == errc::no_space ? errc::no_space : errc::busy;
    }
    co_return empty(*answer);
}

task<status> directory_log::freeze_all(rpc::wire_freeze what, std::optional<server_id>& silent) {
    const auto one = [&](std::size_t i) { return freeze_one(state_, static_cast<server_id>(i), what, silent); };
    task<status> all = runtime::parallel_for(state_.placement.servers(), cluster::servers_at_once, one);
    co_return co_await std::move(all);
}

/// Best effort: who does not hear it asks when somebody wants what is frozen.
task<status> directory_log::thaw_one(service_state& state, server_id server, std::uint64_t change) {
    if (server == state.self) { co_return ok(); }
    const rpc::thaw::request request{change};
    task<status> telling = state.agreed->tell<rpc::thaw>(server, request);
    (void)co_await std::move(telling);
    co_return ok();
}

task<void> directory_log::thaw_all(std::uint64_t change) {
    state_.dirs->thaw(change);
    const auto one = [&](std::size_t i) { return thaw_one(state_, static_cast<server_id>(i), change); };
    task<status> all = runtime::parallel_for(state_.placement.servers(), cluster::servers_at_once, one);
    (void)co_await std::move(all);
}

rpc::directory_log::reply directory_log::page(const rpc::directory_log::request& asked, bool asked_by_server,
                                              std::vector<rpc::wire_directory>& entries,
                                              std::vector<rpc::wire_freeze>& frozen) {
    if (asked_by_server) { heard_of(asked.highest); }
    rpc::directory_log::reply head;
    head.incarnation = incarnation_;
    head.change = last_number_;
    head.paths = state_.dirs->paths();
    head.some_come_back = some_come_back() ? 1 : 0;
    head.lost = state_.owed->lost_something() ? 1 : 0;
    const std::uint64_t end = first_ + tail_.size();
    const bool follows = asked.incarnation == incarnation_ && asked.position >= first_ && asked.position <= end;
    if (follows && asked.cursor == 0) {
        head.position = asked.position;
        while (head.position < end && entries.size() < entries_max) {
            entries.push_back(tail_[head.position++ - first_]);
        }
        head.more = head.position < end ? 1 : 0;
    } else {
        metadata::dentry_table& all = state_.names.state().entries;
        file_id at{asked.cursor};
        const metadata::directory* d = all.directory_after(at);
        while (d != nullptr && entries.size() < entries_max) {
            at = d->id;
            entries.push_back({rpc::wire_directory::exists, at.value, d->parent.value});
            d = all.directory_after(at);
        }
        head.all = 1;
        head.more = d != nullptr ? 1 : 0;
        head.cursor = at.value;
        head.position = end;
    }
    for (const auto& [change, f] : state_.dirs->frozen()) {
        if (frozen.size() < freezes_max) { frozen.push_back(f); }
    }
    head.entries = static_cast<std::uint32_t>(entries.size());
    head.frozen = static_cast<std::uint32_t>(frozen.size());
    return head;
}

} // namespace benchfs::server
