// What other servers ask of this one: see rpc/messages/agreement.hpp.
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/lost_chunks.hpp"
#include "benchfs/server/prepare.hpp"
#include "benchfs/server/removal.hpp"
#include "benchfs/server/reservations.hpp"
#include "benchfs/server/server_bits.hpp"
#include "benchfs/server/services.hpp"
#include "benchfs/server/stripes.hpp"

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

/// The log of directories, where it is; not_supported on any other server.
[[nodiscard]] result<class directory_log*> log_of(service_state& state) noexcept {
    if (state.dir_log == nullptr) { return errc::not_supported; }
    return state.dir_log;
}

task<status> directory_pages(void* context, server_call& call) {
    BFS_CO_TRY(class directory_log* const log, log_of(state_of(context)));
    std::vector<rpc::wire_directory> entries;
    std::vector<rpc::wire_freeze> frozen;
    const rpc::directory_log::reply head =
        log->page(call.request<rpc::directory_log>(), call.asker().has_value(), entries, frozen);
    const_segments bytes;
    if (!entries.empty()) { bytes.push(std::as_bytes(std::span(entries))); }
    if (!frozen.empty()) { bytes.push(std::as_bytes(std::span(frozen))); }
    if (bytes.count() == 0) {
        call.reply<rpc::directory_log>(head);
    } else {
        (void)co_await call.reply_with<rpc::directory_log>(head, bytes);
    }
    co_return ok();
}

status add_directory(void* context, server_call& call) {
    BFS_TRY(class directory_log* const log, log_of(state_of(context)));
    const auto asked = call.request<rpc::add_directory>();
    const bool knows = asked.paths == rpc::add_directory::comes_back ||
                       asked.paths == rpc::add_directory::is_named ||
                       asked.paths == rpc::add_directory::is_named_again;
    if (knows && !call.asker()) { return errc::not_permitted; } // only servers do
    BFS_CHECK(log->add({asked.id}, {asked.parent}, asked.paths));
    call.reply<rpc::add_directory>({});
    return ok();
}

task<status> remove_directory(void* context, server_call& call) {
    BFS_CO_TRY(class directory_log* const log, log_of(state_of(context)));
    const auto asked = call.request<rpc::remove_directory>();
    std::optional<server_id> silent;
    task<status> removing = log->remove({asked.id}, asked.paths, silent, &call);
    const status removed = co_await std::move(removing);
    if (silent) { call.blame(*silent); }
    BFS_CO_CHECK(removed);
    call.reply<rpc::remove_directory>({});
    co_return ok();
}

task<status> move_directory(void* context, server_call& call) {
    BFS_CO_TRY(class directory_log* const log, log_of(state_of(context)));
    std::optional<server_id> silent;
    const auto asked = call.request<rpc::move_directory>();
    task<status> moving = log->move(asked, silent, &call);
    const status moved = co_await std::move(moving);
    if (silent) { call.blame(*silent); }
    if (!moved && !undecided(moved.error())) { state_of(context).agreed->end(asked.move); }
    BFS_CO_CHECK(moved);
    call.reply<rpc::move_directory>({});
    co_return ok();
}

task<status> move_outcome(void* context, server_call& call) {
    BFS_CO_TRY(class directory_log* const log, log_of(state_of(context)));
    task<result<bool>> asking = log->was_moved(call.request<rpc::move_outcome>().id);
    BFS_CO_TRY(const bool moved, co_await std::move(asking));
    call.reply<rpc::move_outcome>({moved ? 1U : 0U});
    co_return ok();
}

status freeze(void* context, server_call& call) {
    service_state& state = state_of(context);
    if (state.self == server_id{0}) { return errc::not_supported; } // it freezes by itself
    const auto what = call.request<rpc::freeze>();
    // Nothing moves before server 0 has heard from here in which parents directories are. The move that asks
    // may hold a name that is to be told, so it does not wait for that.
    if (what.paths != 0 && state.dirs->lost_names()) { return errc::busy; }
    call.reply<rpc::freeze>(state.dirs->freeze(what));
    return ok();
}

task<status> thaw(void* context, server_call& call) {
    task<status> learning = state_of(context).dirs->fetch();
    BFS_CO_CHECK(co_await std::move(learning));
    call.reply<rpc::thaw>({state_of(context).dirs->untold() ? 1U : 0U});
    co_return ok();
}

/// A copy of the question has been answered, perhaps, and one may come yet: so a repeat is recognised before
/// anything can refuse it, and a refusal holds for all of them.
task<status> link_once(service_state& state, server_call& call, rpc::link_entry::request asked) {
    if (!state.agreed->linked(asked.move)) {
        BFS_CO_CHECK(state.log.room());
        task<status> preparing =
            prepare_directory(state, call, {asked.parent}, asked.paths, directories::use::insert);
        BFS_CO_CHECK(co_await std::move(preparing));
    }
    co_return state.agreed->link(asked, call.tail<rpc::link_entry>());
}

task<status> link_entry(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::link_entry>();
    task<status> linking = link_once(state, call, asked);
    const status linked = co_await std::move(linking);
    if (!linked) {
        if (!undecided(linked.error())) { state.agreed->end(asked.move); }
        co_return linked;
    }
    call.reply<rpc::link_entry>({});
    co_return ok();
}

task<status> reserve_entry(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::reserve_entry>();
    task<status> preparing =
        prepare_directory(state, call, {asked.parent}, rpc::named_request::no_path, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    BFS_CO_TRY(const file_id replaced, state.reserved->keep(asked, call.tail<rpc::reserve_entry>()));
    call.reply<rpc::reserve_entry>({replaced.value});
    co_return ok();
}

task<status> settle_entry(void* context, server_call& call) {
    const auto asked = call.request<rpc::settle_entry>();
    task<status> settling = state_of(context).reserved->settle_for_good(asked.move, asked.moved != 0);
    BFS_CO_CHECK(co_await std::move(settling));
    call.reply<rpc::settle_entry>({});
    co_return ok();
}

status move_pursued(void* context, server_call& call) {
    const std::uint64_t move = call.request<rpc::move_pursued>().id;
    call.reply<rpc::move_pursued>({state_of(context).agreed->will_settle(move) ? 1U : 0U});
    return ok();
}

status forget_move(void* context, server_call& call) {
    const std::uint64_t move = call.request<rpc::forget_move>().id;
    state_of(context).notes.remove(note_kind::moved, move);
    state_of(context).agreed->end(move);
    call.reply<rpc::forget_move>({});
    return ok();
}

task<status> drop(void* context, server_call& call) {
    task<status> dropping = drop_inode(state_of(context), {call.request<rpc::drop_inode>().id});
    BFS_CO_CHECK(co_await std::move(dropping));
    call.reply<rpc::drop_inode>({});
    co_return ok();
}

status register_copy(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::register_copy>();
    const file_id file{asked.id};
    // What is here of a file that lives here is no copy.
    if (asked.server >= state.placement.servers() || asked.server == index(state.self) ||
        file.home() != state.self) {
        return errc::invalid_argument;
    }
    BFS_TRY(const metadata::attributes now, state.names.stat(file));
    if (now.is_directory()) { return errc::is_a_directory; }
    if (state.owed->cutting(file)) { return errc::try_again; } // its chunks there may have to be cut first
    const auto there = static_cast<std::uint32_t>(asked.server);
    const std::vector<std::byte>* const before = state.notes.find(note_kind::copies, asked.id);
    if (before == nullptr || !has_server(*before, there)) {
        state.notes.set(note_kind::copies, asked.id, with_server(before, there, state.placement.servers()));
    }
    call.reply<rpc::register_copy>({now.epoch, now.size, now.chunk_size});
    return ok();
}

task<status> cut_file(void* context, server_call& call) {
    service_state& state = state_of(context);
    task<status> cutting = state.striped->cut(call.request<rpc::cut_file>());
    BFS_CO_CHECK(co_await std::move(cutting));
    call.reply<rpc::cut_file>({});
    co_return ok();
}

status compare_copies(void* context, server_call& call) {
    const auto asked = call.request<rpc::compare_copies>();
    service_state& state = state_of(context);
    if (asked.server >= state.placement.servers()) { return errc::invalid_argument; }
    BFS_CHECK(state.striped->compare_with(static_cast<server_id>(asked.server), asked.start));
    call.reply<rpc::compare_copies>({});
    return ok();
}

status begins_empty(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::begins_empty>();
    if (asked.server >= state.placement.servers() || asked.server == index(state.self)) {
        return errc::invalid_argument;
    }
    const std::uint64_t files = state.missing->mark(static_cast<std::uint32_t>(asked.server), asked.start);
    call.reply<rpc::begins_empty>({files});
    return ok();
}

status lost_at(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::lost_at>();
    if (asked.server >= state.placement.servers()) { return errc::invalid_argument; }
    BFS_TRY(const metadata::attributes now, state.names.stat({asked.id}));
    const bool lost = state.missing->lost({asked.id}, static_cast<std::uint32_t>(asked.server));
    call.reply<rpc::lost_at>({lost ? 1U : 0U, now.size, now.chunk_size});
    return ok();
}

status path_version(void* context, server_call& call) {
    call.reply<rpc::path_version>({state_of(context).dirs->paths()});
    return ok();
}

} // namespace

void register_agreement_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::path_version::info, &state, path_version);
    if (state.alone()) { return; } // whoever asks for more gets not_supported
    to.handle(rpc::directory_log::info, &state, directory_pages);
    to.handle(rpc::add_directory::info, &state, add_directory);
    to.handle(rpc::remove_directory::info, &state, remove_directory);
    to.handle(rpc::move_directory::info, &state, move_directory);
    to.handle(rpc::move_outcome::info, &state, move_outcome);
    to.handle(rpc::move_pursued::info, &state, move_pursued);
    to.handle(rpc::freeze::info, &state, freeze);
    to.handle(rpc::thaw::info, &state, thaw);
    to.handle(rpc::link_entry::info, &state, link_entry);
    to.handle(rpc::reserve_entry::info, &state, reserve_entry);
    to.handle(rpc::settle_entry::info, &state, settle_entry);
    to.handle(rpc::forget_move::info, &state, forget_move);
    to.handle(rpc::drop_inode::info, &state, drop);
    to.handle(rpc::register_copy::info, &state, register_copy);
    to.handle(rpc::cut_file::info, &state, cut_file);
    to.handle(rpc::compare_copies::info, &state, compare_copies);
    to.handle(rpc::begins_empty::info, &state, begins_empty);
    to.handle(rpc::lost_at::info, &state, lost_at);
}

} // namespace benchfs::server
