// What this server tells server 0 when that may have lost directories: those that live here, and in which
// parent the names that are here say that a directory is.
#include "benchfs/server/directories.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/peers.hpp"
#include "benchfs/server/reservations.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr duration first_pause = std::chrono::milliseconds(1);
constexpr duration longest_pause = std::chrono::seconds(1);
constexpr std::size_t directories_at_once = 1024; // that are looked through before others get their turn

/// Whether server 0 has to be asked again.
[[nodiscard]] bool later(status told) noexcept {
    return undecided(told.error()) || told.error() == errc::no_space || told.error() == errc::busy;
}

} // namespace

/// After all directories were sent: what is known here and not there. Those that live here go back to server 0,
/// which lost them in a power failure; the others are gone.
task<status> directories::compare_all(parents there) {
    orphans missing;
    orphans early; // their parents are missing there, too
    metadata::dentry_table& known = state_.names.state().entries;
    file_id at{};
    while (const metadata::directory* d = known.directory_after(at)) {
        at = d->id;
        if (!there.contains(at)) { missing.emplace_back(at, d->parent); }
    }
    for (const auto& [id, parent] : missing) {
        if (!state_.names.knows_directory(id)) { continue; } // the log told meanwhile
        if (lives_here(id)) {
            const rpc::add_directory::request request{id.value, parent.value, rpc::add_directory::comes_back};
            task<status> adding = state_.agreed->tell<rpc::add_directory>(server_id{0}, request);
            const status added = co_await std::move(adding);
            if (added.error() == errc::stale_handle || added.error() == errc::busy) {
                early.emplace_back(id, parent);
                continue;
            }
            if (added || later(added)) {
                BFS_CO_CHECK(added);
                continue;
            }
        }
        if (holds_name_in(id)) {
            look_again();
            continue;
        }
        apply({rpc::wire_directory::removed, id.value, 0});
    }
    if (!early.empty()) {
        ++untold_;
        state_.background->spawn(tell_later(*this, std::move(early)));
    }
    if (!lost_ && !lost_names()) { co_return ok(); }
    task<status> comparing = compare_names(std::move(there));
    co_return co_await std::move(comparing);
}

/// The names of directories that are here, with what server 0 says of them. And names that are kept for
/// directories on their way: server 0 may have decided so, and have lost that; who began the move says it,
/// perhaps much later.
task<status> directories::compare_names(parents there) {
    std::vector<naming> other;
    metadata::dentry_table& known = state_.names.state().entries;
    file_id at{};
    for (std::size_t looked = 1; const metadata::directory* d = known.directory_after(at); ++looked) {
        at = d->id;
        known.list(*d, {}, [&](std::string_view name, const metadata::dentry& entry) {
            if (entry.type() != metadata::file_type::directory) { return true; }
            const auto told = there.find(entry.child);
            if (told == there.end() || told->second != at) {
                other.push_back({entry.child, at, std::string(name)});
            }
            return true;
        });
        if (looked % directories_at_once == 0) { BFS_CO_CHECK(co_await runtime::yield()); }
    }
    state_.notes.for_each(note_kind::reserved, [&](std::uint64_t, const_byte_span bytes) {
        if (const std::optional<reservation> r = reservation::parse(bytes)) {
            other.push_back({{r->asked.child}, {r->asked.parent}, std::string(r->name)});
        }
    });
    tell_names(std::move(other));
    co_return ok();
}

void directories::tell_names(std::vector<naming> some) {
    if (some.empty() || (!lost_ && !lost_names())) { return; }
    ++untold_;
    state_.background->spawn(tell_names_later(*this, std::move(some)));
}

/// Each name is held meanwhile: a move of the directory, which would make what is said wrong, waits. And one
/// that is being moved already has to end first. A removal would wait for us, and holds the name itself.
task<status> directories::tell_names_later(directories& self, std::vector<naming> left) {
    service_state& state = self.state_;
    for (duration pause = first_pause; !left.empty(); pause = std::min(pause * 2, longest_pause)) {
        std::vector<naming> still;
        for (const naming& n : left) {
            const bool held = state.locks.held(n.parent, n.name);
            if (held && !state.agreed->removes(n.id)) {
                still.push_back(n);
                continue;
            }
            const auto entry = state.names.find_entry(n.parent, n.name);
            if (!entry || !*entry || (*entry)->id != n.id) { continue; }
            if (!held) { state.locks.take(n.parent, n.name); }
            const std::uint64_t why =
                self.lost_names() ? rpc::add_directory::is_named_again : rpc::add_directory::is_named;
            const rpc::add_directory::request request{n.id.value, n.parent.value, why};
            task<status> telling = state.agreed->tell<rpc::add_directory>(server_id{0}, request);
            const status told = co_await std::move(telling);
            if (!held) { state.locks.release(n.parent, n.name); }
            if (later(told)) { still.push_back(n); }
        }
        left = std::move(still);
        if (!left.empty()) { BFS_CO_CHECK(co_await runtime::sleep_for(pause)); }
    }
    --self.untold_;
    co_return ok();
}

bool directories::lost_names() const noexcept {
    return state_.self != server_id{0} && state_.owed->tells_of_loss(server_id{0});
}

bool directories::lives_here(file_id id) const noexcept {
    return id.home() == state_.self && state_.names.stat(id);
}

bool directories::holds_name_in(file_id id) const noexcept {
    bool held = false;
    state_.locks.each_in(id, [&](std::string_view) { held = true; });
    return held;
}

/// At a directory that is not known at server 0 and in which names are being changed, which counts on it; and
/// it may come back.
void directories::look_again() {
    if (!std::exchange(comparing_again_, true)) { state_.background->spawn(compare_again(*this)); }
}

task<status> directories::compare_again(directories& self) {
    do {
        BFS_CO_CHECK(co_await runtime::sleep_for(longest_pause));
    } while (self.untold_ != 0); // what this comparison has found is being told
    self.comparing_again_ = false;
    self.incarnation_ = 0; // all of them
    task<status> asking = self.fetch();
    (void)co_await std::move(asking); // else the next one does
    co_return ok();
}

/// Directories that server 0 refuses because it has lost their parents, too: those are told by the servers
/// where they live, and then these.
task<status> directories::tell_later(directories& self, orphans left) {
    for (duration pause = first_pause; !left.empty(); pause = std::min(pause * 2, longest_pause)) {
        BFS_CO_CHECK(co_await runtime::sleep_for(pause));
        orphans still;
        for (const auto& [id, parent] : left) {
            if (!self.state_.names.knows_directory(id) || !self.lives_here(id)) { continue; }
            const rpc::add_directory::request request{id.value, parent.value, rpc::add_directory::comes_back};
            task<status> adding = self.state_.agreed->tell<rpc::add_directory>(server_id{0}, request);
            const status added = co_await std::move(adding);
            if (added) { continue; }
            if (later(added)) {
                still.emplace_back(id, parent);
            } else if (self.holds_name_in(id)) {
                self.look_again();
            } else {
                self.apply({rpc::wire_directory::removed, id.value, 0});
            }
        }
        left = std::move(still);
    }
    --self.untold_;
    co_return ok();
}

} // namespace benchfs::server
