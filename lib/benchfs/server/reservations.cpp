#include "benchfs/server/reservations.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/removal.hpp"

namespace benchfs::server {
namespace {

using runtime::task;

// Longer than moves take: nobody is asked about one that goes well.
constexpr duration watch_pause = std::chrono::seconds(1);
// A listing waits so long for moves that began before it, and looks so often.
constexpr duration longest_settling = std::chrono::seconds(3);
constexpr duration first_settling_look = std::chrono::milliseconds(1);
constexpr duration longest_settling_look = std::chrono::milliseconds(16);

} // namespace

std::optional<reservation> reservation::parse(const_byte_span bytes) {
    reservation out;
    if (!load(bytes, out.asked)) { return {}; }
    const const_byte_span rest = bytes.subspan(sizeof(out.asked));
    out.name = {reinterpret_cast<const char*>(rest.data()), rest.size()};
    return out;
}

void reservations::resume() {
    state_.notes.for_each(note_kind::reserved, [&](std::uint64_t, const_byte_span bytes) {
        const std::optional<reservation> r = reservation::parse(bytes);
        if (r && !state_.locks.held({r->asked.parent}, r->name)) {
            state_.locks.take({r->asked.parent}, r->name);
        }
    });
    watch_over();
}

result<file_id> reservations::keep(const rpc::reserve_entry::request& what, std::string_view name) {
    const file_id parent{what.parent};
    BFS_CHECK(validate_name(name));
    if (!state_.possible({what.move}) || !state_.possible({what.child})) { return errc::invalid_argument; }
    if (state_.agreed->ended(what.move)) { return errc::busy; }
    const bool kept_already = state_.notes.has(note_kind::reserved, what.move);
    if (!kept_already && state_.locks.held(parent, name)) { return errc::busy; }
    BFS_TRY(const std::optional<metadata::entry_info> before, state_.names.find_entry(parent, name));
    if (before && before->type != metadata::file_type::directory) { return errc::not_a_directory; }
    if (!kept_already) {
        std::vector<std::byte> kept(sizeof(what) + name.size());
        std::memcpy(kept.data(), &what, sizeof(what));
        std::memcpy(kept.data() + sizeof(what), name.data(), name.size());
        state_.notes.set(note_kind::reserved, what.move, kept);
        state_.locks.take(parent, name);
        watch_over();
    }
    return before ? before->id : file_id{};
}

status reservations::settle(std::uint64_t move, bool moved) {
    const std::vector<std::byte>* bytes = state_.notes.find(note_kind::reserved, move);
    const std::optional<reservation> r = bytes != nullptr ? reservation::parse(*bytes) : std::nullopt;
    if (!r) {
        state_.agreed->end(move);
        return ok();
    }
    const file_id parent{r->asked.parent};
    if (moved) {
        const result<std::optional<metadata::entry_info>> before = state_.names.find_entry(parent, r->name);
        if (!before) { return before.error(); }
        const metadata::entry_info there{{r->asked.child}, metadata::file_type::directory};
        BFS_CHECK(state_.names.link(parent, r->name, there));
        if (*before && (*before)->id.value != r->asked.child) { drop_later(state_, (*before)->id); }
        // Server 0 has decided so; it may have lost that since, and have told us of what it has.
        const metadata::directory* const known = state_.names.state().entries.find_directory({r->asked.child});
        if (known == nullptr || known->parent != parent) {
            state_.dirs->tell_names({{{r->asked.child}, parent, std::string(r->name)}});
        }
    }
    state_.locks.release(parent, r->name);
    state_.agreed->end(move);
    state_.notes.remove(note_kind::reserved, move); // and with it the bytes of the name
    return ok();
}

task<status> reservations::settle_for_good(std::uint64_t move, bool moved) {
    BFS_CO_CHECK(settle(move, moved));
    if (!moved) { co_return ok(); }
    BFS_CO_CHECK(state_.log.write());
    co_return co_await state_.store.sync();
}

std::vector<std::uint64_t> reservations::moves_into(file_id directory) const {
    std::vector<std::uint64_t> some;
    state_.notes.for_each(note_kind::reserved, [&](std::uint64_t move, const_byte_span bytes) {
        rpc::reserve_entry::request kept;
        if (load(bytes, kept) && kept.parent == directory.value) { some.push_back(move); }
    });
    return some;
}

task<status> reservations::settled_in(file_id directory) {
    std::vector<std::uint64_t> left = moves_into(directory);
    const time_point until = state_.loop.now() + longest_settling;
    for (duration pause = first_settling_look; !left.empty();
         pause = std::min(pause * 2, longest_settling_look)) {
        if (state_.loop.now() >= until) { co_return errc::try_again; }
        BFS_CO_CHECK(co_await runtime::sleep_for(pause));
        std::erase_if(left, [&](std::uint64_t move) { return !state_.notes.has(note_kind::reserved, move); });
    }
    co_return ok();
}

void reservations::watch_over() {
    if (watching_ || moves().empty()) { return; }
    watching_ = true;
    state_.background->spawn(watch(*this));
}

std::vector<std::uint64_t> reservations::moves() const {
    std::vector<std::uint64_t> all;
    state_.notes.for_each(note_kind::reserved,
                          [&](std::uint64_t move, const_byte_span) { all.push_back(move); });
    return all;
}

/// As long as there are any.
task<status> reservations::watch(reservations& self) {
    status going;
    for (std::vector<std::uint64_t> kept = self.moves(); going && !kept.empty(); kept = self.moves()) {
        going = co_await runtime::sleep_for(watch_pause);
        for (std::size_t i = 0; going && i < kept.size(); ++i) {
            if (!self.state_.notes.has(note_kind::reserved, kept[i])) { continue; }
            task<status> settling = self.settle_forgotten(kept[i]);
            const status settled = co_await std::move(settling);
            // Else somebody does not answer: the next time.
            if (settled) { going = self.state_.log.write(); }
        }
    }
    self.watching_ = false;
    co_return ok();
}

task<status> reservations::settle_forgotten(std::uint64_t move) {
    const server_id driver = file_id{move}.home();
    // This server forgets both sides of a move or none.
    if (driver == state_.self) { co_return ok(); }
    task<result<rpc::move_pursued::reply>> asking =
        state_.agreed->ask<rpc::move_pursued>(driver, rpc::id_request{move});
    BFS_CO_TRY(const rpc::move_pursued::reply answer, co_await std::move(asking));
    if (answer.pursued != 0) { co_return ok(); }
    task<result<bool>> deciding = state_.agreed->was_moved(move);
    BFS_CO_TRY(const bool moved, co_await std::move(deciding));
    BFS_LOG_WARN("server", "server %zu has forgotten its move %llx of a directory, which was %s", index(driver),
                 static_cast<unsigned long long>(move), moved ? "done: the new name is made" : "not done");
    task<status> settling = settle_for_good(move, moved);
    BFS_CO_CHECK(co_await std::move(settling));
    if (moved) { (void)state_.owed->add({duty_kind::forget_move, 0, move, 0, 0, 0}); }
    co_return ok();
}

} // namespace benchfs::server
