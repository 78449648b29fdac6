// Renaming: in one step where one server has all of it, else as an agreement.
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/prepare.hpp"
#include "benchfs/server/removal.hpp"
#include "benchfs/server/services.hpp"

namespace benchfs::server {
namespace {

using metadata::attributes;
using rpc::server_call;
using runtime::task;

/// A cluster of one server.
task<status> rename_here(service_state& state, server_call& call, rpc::rename::request asked,
                         std::string_view from, std::string_view to) {
    // A number for the change of paths that this may be, before anything is changed.
    BFS_CO_TRY(const std::uint64_t number, state.dir_log->next_number());
    BFS_CO_TRY(const metadata::rename_answer done,
               state.names.rename({asked.from_parent}, from, {asked.to_parent}, to, state.now()));
    if (done.moved.is_directory()) { state.dirs->set_paths(number); }
    if (!done.replaced || done.replaced->is_directory()) { co_return ok(); }
    // As if it had been unlinked, in the same step: what the server notes of a link or file goes with it.
    const attributes gone = *done.replaced;
    std::vector<std::uint64_t> owed = cut_copies(state, gone.id, rpc::cut_file::removed, 0, gone.chunk_size);
    call.decide<rpc::rename>({});
    task<status> removing = finish_removal(state, gone, std::move(owed));
    co_return co_await std::move(removing);
}

/// Several servers: this one has the old name.
task<status> rename_agreed(service_state& state, server_call& call, rpc::rename::request asked,
                           std::string_view from, std::string_view to) {
    const file_id parent{asked.from_parent};
    const file_id to_parent{asked.to_parent};
    if (metadata::names_root(parent, from) || metadata::names_root(to_parent, to)) { co_return errc::busy; }
    BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, from));
    if (!found) { co_return errc::not_found; }
    BFS_CO_CHECK(validate_name(to));
    if (parent == to_parent && from == to) { co_return ok(); }
    intent what;
    what.head.kind = found->is_directory() ? intent_kind::move_directory : intent_kind::move_file;
    what.head.child = found->id;
    what.head.type = found->type;
    what.head.parent = parent;
    what.head.to_parent = to_parent;
    what.head.session = call.session_id();
    what.head.sequence = call.sequence();
    what.head.paths = asked.paths;
    what.name = from;
    what.to_name = to;
    std::optional<server_id> silent;
    task<status> moving = state.agreed->carry_out(std::move(what), silent);
    const status moved = co_await std::move(moving);
    co_return moved ? errc::ok : blamed(call, moved.error(), silent);
}

task<status> rename(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::rename>();
    const std::string_view names = call.tail<rpc::rename>();
    if (asked.from_size > names.size()) { co_return errc::bad_frame; }
    const std::string_view from = names.substr(0, asked.from_size);
    const std::string_view to = names.substr(asked.from_size);
    for (const file_id parent : {file_id{asked.from_parent}, file_id{asked.to_parent}}) {
        task<status> preparing = prepare_directory(state, call, parent, asked.paths, directories::use::walk);
        BFS_CO_CHECK(co_await std::move(preparing));
    }
    if (state.locks.held({asked.from_parent}, from)) { co_return errc::try_again; }
    task<status> renaming =
        state.alone() ? rename_here(state, call, asked, from, to) : rename_agreed(state, call, asked, from, to);
    BFS_CO_CHECK(co_await std::move(renaming));
    call.reply<rpc::rename>({});
    co_return ok();
}

} // namespace

void register_rename_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::rename::info, &state, rename);
}

} // namespace benchfs::server
