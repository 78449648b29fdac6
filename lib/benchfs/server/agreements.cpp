#include "benchfs/server/agreements.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/removal.hpp"
#include "benchfs/server/reservations.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr duration first_attempt_pause = std::chrono::milliseconds(5);
constexpr duration longest_attempt_pause = std::chrono::seconds(1);

} // namespace

std::vector<std::byte> intent::bytes() const {
    fixed h = head;
    h.name_size = static_cast<std::uint32_t>(name.size());
    std::vector<std::byte> out(sizeof(h) + name.size() + to_name.size());
    std::memcpy(out.data(), &h, sizeof(h));
    std::memcpy(out.data() + sizeof(h), name.data(), name.size());
    std::memcpy(out.data() + sizeof(h) + name.size(), to_name.data(), to_name.size());
    return out;
}

std::optional<intent> intent::parse(const_byte_span from) {
    intent out;
    if (!load(from, out.head) || from.size() - sizeof(fixed) < out.head.name_size) { return {}; }
    const std::string_view names{reinterpret_cast<const char*>(from.data()) + sizeof(fixed),
                                 from.size() - sizeof(fixed)};
    out.name = names.substr(0, out.head.name_size);
    out.to_name = names.substr(out.head.name_size);
    return out;
}

void agreements::resume() {
    state_.notes.for_each(note_kind::intent, [&](std::uint64_t, const_byte_span bytes) {
        const std::optional<intent> what = intent::parse(bytes);
        if (what && !state_.locks.held(what->head.parent, what->name)) {
            state_.locks.take(what->head.parent, what->name);
        }
    });
}

task<status> agreements::finish_resumed(agreements& self) {
    task<status> joining = directories::join(*self.state_.dirs);
    BFS_CO_CHECK(co_await std::move(joining));
    std::vector<std::pair<std::uint64_t, intent>> all;
    self.state_.notes.for_each(note_kind::intent, [&](std::uint64_t number, const_byte_span bytes) {
        if (std::optional<intent> what = intent::parse(bytes)) { all.emplace_back(number, std::move(*what)); }
    });
    for (auto& [number, what] : all) { self.state_.background->spawn(pursue(self, number, std::move(what))); }
    co_return ok();
}

bool agreements::pursues(std::uint64_t session, std::uint64_t sequence) const noexcept {
    bool found = false;
    if (sequence == 0) { return found; }
    state_.notes.for_each(note_kind::intent, [&](std::uint64_t, const_byte_span bytes) {
        intent::fixed head;
        found = found || (load(bytes, head) && head.session == session && head.sequence == sequence);
    });
    return found;
}

bool agreements::removes(file_id directory) const noexcept {
    bool found = false;
    state_.notes.for_each(note_kind::intent, [&](std::uint64_t, const_byte_span bytes) {
        intent::fixed head;
        found = found ||
                (load(bytes, head) && head.kind == intent_kind::rmdir && head.child.value == directory.value);
    });
    return found;
}

task<status> agreements::carry_out(intent what, std::optional<server_id>& silent) {
    BFS_CO_TRY(const file_id number, state_.names.new_id());
    state_.locks.take(what.head.parent, what.name);
    state_.notes.set(note_kind::intent, number.value, what.bytes());
    status outcome = state_.log.write();
    if (!outcome) {
        close(number.value, what, outcome);
        co_return outcome;
    }
    effort first{number.value, std::move(what)};
    task<status> trying = attempt(first);
    outcome = co_await std::move(trying);
    silent = first.silent;
    if (outcome.error() == errc::stale_epoch) {
        // Another server knew: the client asks this one what paths it has to walk after.
        task<status> learning = state_.dirs->fetch();
        if (const status learned = co_await std::move(learning); !learned) {
            silent = server_id{0}; // nothing has happened, and nobody can say which paths there are
            co_return errc::no_server;
        }
    }
    if (!first.left_open(outcome.error())) { co_return outcome; }
    state_.background->spawn(pursue(*this, number.value, std::move(first.what)));
    co_return errc::outcome_unknown;
}

/// Until it is decided; a restart goes on.
task<status> agreements::pursue(agreements& self, std::uint64_t number, intent what) {
    duration pause = first_attempt_pause;
    effort e{number, std::move(what), true};
    while (true) {
        task<status> trying = self.attempt(e);
        const status outcome = co_await std::move(trying);
        if (!e.left_open(outcome.error())) { co_return self.state_.log.write(); }
        BFS_CO_CHECK(co_await runtime::sleep_for(pause));
        pause = std::min(pause * 2, longest_attempt_pause);
    }
}

task<status> agreements::attempt(effort& e) {
    switch (e.what.head.kind) {
    case intent_kind::mkdir:
        return make_directory(e);
    case intent_kind::rmdir:
        return remove_directory(e);
    case intent_kind::move_file:
        return move_file(e);
    case intent_kind::move_directory:
        break;
    }
    return move_directory(e);
}

/// It is decided, in the same step as what follows from that.
void agreements::close(std::uint64_t number, const intent& what, status outcome) {
    const intent::fixed& h = what.head;
    state_.notes.remove(note_kind::intent, number);
    state_.locks.release(h.parent, what.name);
    if (!outcome) { return; } // nothing has changed: a repeat may try again
    const rpc::empty_reply done;
    switch (h.kind) {
    case intent_kind::mkdir:
        if (const result<metadata::attributes> made = state_.names.stat(h.child)) {
            const rpc::wire_attributes answer = to_wire(*made);
            state_.requests->keep_reply(h.session, h.sequence, rpc::mkdir::info, bytes_of(answer));
        }
        return;
    case intent_kind::rmdir:
        return state_.requests->keep_reply(h.session, h.sequence, rpc::rmdir::info, bytes_of(done));
    case intent_kind::move_file:
    case intent_kind::move_directory:
        return state_.requests->keep_reply(h.session, h.sequence, rpc::rename::info, bytes_of(done));
    }
}

task<status> agreements::make_directory(effort& e) {
    const intent::fixed& h = e.what.head;
    status outcome;
    if (state_.dir_log != nullptr) {
        outcome = state_.dir_log->add(h.child, h.parent, h.paths);
    } else {
        const rpc::add_directory::request request{h.child.value, h.parent.value, h.paths};
        task<status> asking = tell<rpc::add_directory>(server_id{0}, request, &e.silent);
        outcome = co_await std::move(asking);
    }
    if (e.left_open(outcome.error())) { co_return outcome; }
    if (outcome) {
        // The parent cannot have gone: this name was held in it.
        const metadata::new_inode how{h.mode, h.uid, h.gid, 0, h.now_ns};
        (void)state_.names.add_directory_inode(h.child, h.parent, e.what.name, how);
    }
    close(e.number, e.what, outcome);
    co_return outcome;
}

task<status> agreements::remove_directory(effort& e) {
    const intent::fixed& h = e.what.head;
    const rpc::remove_directory::request request{h.child.value, h.paths};
    task<status> asking = state_.dir_log != nullptr
                              ? state_.dir_log->remove(h.child, h.paths, e.silent)
                              : tell<rpc::remove_directory>(server_id{0}, request, &e.silent);
    const status outcome = co_await std::move(asking);
    if (e.left_open(outcome.error())) { co_return outcome; }
    if (outcome) {
        (void)state_.names.forget_directory(h.child);
        state_.names.unlink_entry(h.parent, e.what.name);
        if (h.child.home() == state_.self) {
            (void)state_.names.drop_inode(h.child);
        } else {
            drop_later(state_, h.child);
        }
    }
    close(e.number, e.what, outcome);
    if (!outcome) { state_.dirs->tell_names({{h.child, h.parent, e.what.name}}); }
    co_return outcome;
}

/// The directory of the new name, which this server has.
task<status> agreements::prepare_target(effort& e, std::uint64_t paths) {
    task<status> preparing = state_.dirs->ready(e.what.head.to_parent, paths, directories::use::insert);
    const status prepared = co_await std::move(preparing);
    if (prepared.error() == errc::no_server) { e.silent = server_id{0}; }
    co_return prepared;
}

task<status> agreements::move_file(effort& e) {
    const intent::fixed& h = e.what.head;
    const server_id to = state_.place_of(h.to_parent, e.what.to_name);
    const rpc::link_entry::request request{e.number, h.to_parent.value, h.child.value,
                                           static_cast<std::uint64_t>(h.type), h.paths};
    status outcome;
    if (to == state_.self) {
        if (!linked(e.number)) {
            task<status> preparing = prepare_target(e, h.paths);
            outcome = co_await std::move(preparing);
        }
        if (outcome) { outcome = link(request, e.what.to_name); }
    } else {
        task<result<rpc::empty_reply>> asking = ask<rpc::link_entry>(to, request, e.what.to_name, &e.silent);
        const result<rpc::empty_reply> answer = co_await std::move(asking);
        outcome = answer.error();
    }
    if (e.left_open(outcome.error())) { co_return outcome; }
    if (outcome) {
        state_.names.unlink_entry(h.parent, e.what.name);
        (void)state_.owed->add({duty_kind::forget_move, static_cast<std::uint32_t>(to), e.number, 0, 0, 0});
    }
    close(e.number, e.what, outcome);
    co_return outcome;
}

/// The part of a directory's move that server 0 decides. Where it is not known whether it did, it is asked
/// again.
task<status> agreements::try_to_move(effort& e) {
    const intent::fixed& h = e.what.head;
    const server_id to = state_.place_of(h.to_parent, e.what.to_name);
    const rpc::reserve_entry::request wanted{e.number, h.to_parent.value, h.child.value};
    file_id replaced{};
    if (to == state_.self) {
        task<status> preparing = prepare_target(e, rpc::named_request::no_path);
        BFS_CO_CHECK(co_await std::move(preparing));
        BFS_CO_TRY(replaced, state_.reserved->keep(wanted, e.what.to_name));
        // Before server 0 decides, as it is when another server keeps the name.
        BFS_CO_CHECK(state_.log.write());
    } else {
        task<result<rpc::reserve_entry::reply>> asking =
            ask<rpc::reserve_entry>(to, wanted, e.what.to_name, &e.silent);
        BFS_CO_TRY(const rpc::reserve_entry::reply answer, co_await std::move(asking));
        replaced = {answer.replaced};
    }
    const rpc::move_directory::request move{e.number, h.child.value, h.to_parent.value, replaced.value,
                                            h.paths};
    task<status> moving = state_.dir_log != nullptr ? state_.dir_log->move(move, e.silent)
                                                    : tell<rpc::move_directory>(server_id{0}, move, &e.silent);
    co_return co_await std::move(moving);
}

task<result<bool>> agreements::was_moved(std::uint64_t move) {
    if (state_.dir_log != nullptr) {
        task<result<bool>> looking = state_.dir_log->was_moved(move);
        co_return co_await std::move(looking);
    }
    task<result<rpc::move_outcome::reply>> asking = ask<rpc::move_outcome>(server_id{0}, rpc::id_request{move});
    BFS_CO_TRY(const rpc::move_outcome::reply answer, co_await std::move(asking));
    co_return answer.moved != 0;
}

bool agreements::will_settle(std::uint64_t move) const noexcept {
    bool found = state_.notes.has(note_kind::intent, move);
    state_.notes.for_each(note_kind::duty, [&](std::uint64_t, const_byte_span bytes) {
        duty d;
        found = found || (load(bytes, d) && d.kind == duty_kind::settle_entry && d.id == move);
    });
    return found;
}

task<status> agreements::move_directory(effort& e) {
    status outcome;
    if (e.again) {
        // Whatever was asked before has reached server 0 by now or never will.
        task<result<bool>> asking = was_moved(e.number);
        BFS_CO_TRY(const bool moved, co_await std::move(asking));
        outcome = moved ? status() : status(errc::busy);
    } else {
        task<status> trying = try_to_move(e);
        outcome = co_await std::move(trying);
        if (e.left_open(outcome.error())) { co_return outcome; }
    }
    const intent::fixed& h = e.what.head;
    const auto to = static_cast<std::uint32_t>(state_.place_of(h.to_parent, e.what.to_name));
    (void)state_.owed->add({duty_kind::settle_entry, to, e.number, 0, outcome ? 1U : 0U, 0});
    if (outcome) {
        (void)state_.owed->add({duty_kind::forget_move, 0, e.number, 0, 0, 0});
        state_.names.unlink_entry(h.parent, e.what.name);
    }
    close(e.number, e.what, outcome);
    co_return outcome;
}

// ---- The other side ----

status agreements::link(const rpc::link_entry::request& what, std::string_view name) {
    if (linked(what.move)) { return ok(); }
    if (ended(what.move)) { return errc::busy; }
    const file_id parent{what.parent};
    const auto type = static_cast<metadata::file_type>(what.type);
    if (!is_file_or_link(type) || !state_.possible({what.move}) || !state_.possible({what.child})) {
        return errc::invalid_argument;
    }
    if (state_.locks.held(parent, name)) { return errc::busy; }
    BFS_TRY(const std::optional<metadata::entry_info> before, state_.names.find_entry(parent, name));
    if (before && before->type == metadata::file_type::directory) { return errc::is_a_directory; }
    BFS_CHECK(state_.names.link(parent, name, {{what.child}, type}));
    if (before && before->id.value != what.child) { drop_later(state_, before->id); }
    state_.notes.set(note_kind::moved, what.move, std::uint64_t{1});
    return ok();
}

} // namespace benchfs::server
