// Repairs that fsck asks for: each looks once more whether the thing is wrong, and changes it in the step in
// which it has seen so. See rpc::repair.
//
// What makes them safe on a cluster at work: an id is never given out twice, so a file that its home does not
// know will not come into being; and a file only gets longer within a truncate epoch.
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/append_place.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/growth.hpp"
#include "benchfs/server/prepare.hpp"
#include "benchfs/server/stripes.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/rpc/page_target.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;
using repair_answer = result<rpc::repair::reply>;

[[nodiscard]] unsigned long long shown(file_id id) noexcept { return id.value; }

/// What the home knows of a file; stale_handle: it does not exist, and never will again.
task<result<rpc::wire_attributes>> ask_home(service_state& state, file_id id) {
    if (index(id.home()) >= state.placement.servers()) { co_return errc::stale_handle; }
    if (id.home() == state.self) {
        BFS_CO_TRY(const metadata::attributes now, state.names.stat(id));
        co_return to_wire(now);
    }
    const rpc::id_request request{id.value};
    task<result<rpc::wire_attributes>> asking = state.agreed->ask<rpc::stat>(id.home(), request);
    const result<rpc::wire_attributes> found = co_await std::move(asking);
    if (!found && undecided(found.error())) { co_return errc::no_server; }
    co_return found;
}

/// The length of a chunk on whatever server has it, and the epoch of its bytes if that is not the file's home.
task<result<rpc::wire_chunk>> ask_chunk(service_state& state, chunk_id chunk) {
    rpc::wire_chunk found;
    const server_id at = cluster::place_chunk(state.placement, chunk.file, chunk.index);
    if (at == state.self) {
        found.length = state.store.length(chunk);
        co_return found;
    }
    std::array<std::byte, sizeof(rpc::wire_chunk)> memory{};
    rpc::page_target target(memory);
    rpc::call_extra extra;
    extra.target = &target;
    extra.reply_payload_max = memory.size();
    rpc::inventory::request request;
    request.list = rpc::inventory::one_chunk;
    request.position = {chunk.file.value, chunk.index, 0};
    task<result<rpc::inventory::reply>> asking =
        state.others->client().call<rpc::inventory>(at, request, extra);
    const result<rpc::inventory::reply> said = co_await std::move(asking);
    if (!said) { co_return undecided(said.error()) ? errc::no_server : said.error(); }
    if (said->records != 0 && !load(target.page(), found)) { co_return errc::bad_frame; }
    co_return found;
}

task<repair_answer> drop_chunk(service_state& state, chunk_id chunk) {
    task<result<rpc::wire_attributes>> asking = ask_home(state, chunk.file);
    const result<rpc::wire_attributes> file = co_await std::move(asking);
    const bool gone = !file && file.error() == errc::stale_handle;
    if (!file && !gone) { co_return file.error(); }
    // A directory or a symbolic link has no chunks; a file's are at most so long.
    const std::uint32_t keep = gone ? 0 : file->chunk_size;
    const std::uint32_t length = state.store.length(chunk);
    if (length <= keep) { co_return rpc::repair::reply{0, length}; }
    if (gone && chunk.file.home() != state.self) {
        // Writes that were admitted before end first, and none is admitted again.
        const rpc::cut_file::request all{chunk.file.value, rpc::cut_file::removed, 0, 0};
        task<status> cutting = state.striped->cut(all);
        BFS_CO_CHECK(co_await std::move(cutting));
    }
    BFS_CO_CHECK(co_await state.store.truncate(chunk, keep));
    BFS_LOG_INFO("server", "repaired: chunk %u of file %llx had %u bytes, %u stay", chunk.index,
                 shown(chunk.file), length, keep);
    co_return rpc::repair::reply{1, keep};
}

task<repair_answer> grow_file(service_state& state, chunk_id chunk, std::uint64_t epoch) {
    if (chunk.file.home() != state.self) { co_return errc::invalid_argument; }
    // An append stores its bytes before it makes the file longer, or takes them back.
    append_place place(state, chunk.file);
    BFS_CO_TRY(auto guard, co_await place.lock().lock());
    place.hold(std::move(guard));
    task<result<rpc::wire_chunk>> asking = ask_chunk(state, chunk);
    BFS_CO_TRY(const rpc::wire_chunk stored, co_await std::move(asking));
    if (state.owed->cutting(chunk.file)) { co_return errc::try_again; }
    BFS_CO_TRY(const metadata::attributes now, state.names.stat(chunk.file));
    if (now.type != metadata::file_type::file) { co_return errc::invalid_argument; }
    const bool at_home = cluster::place_chunk(state.placement, chunk.file, chunk.index) == state.self;
    // Bytes of another epoch were cut off by a truncation that their server has not heard of.
    const bool same_epoch = now.epoch == epoch && (at_home || stored.epoch == now.epoch);
    const std::uint64_t end =
        std::uint64_t{chunk.index} * now.chunk_size + std::min(stored.length, now.chunk_size);
    if (stored.length == 0 || end <= now.size || !same_epoch) { co_return rpc::repair::reply{0, now.size}; }
    BFS_CO_TRY(const metadata::attributes grown, state.names.extend(chunk.file, epoch, end, state.now()));
    BFS_LOG_INFO("server", "repaired: file %llx had a size of %llu bytes, now %llu", shown(chunk.file),
                 static_cast<unsigned long long>(now.size), static_cast<unsigned long long>(grown.size));
    co_return rpc::repair::reply{1, grown.size};
}

task<repair_answer> name_file(service_state& state, server_call& call, file_id parent, std::string_view name,
                              file_id id) {
    if (state.place_of(parent, name) != state.self) { co_return errc::invalid_argument; }
    task<result<rpc::wire_attributes>> asking = ask_home(state, id);
    const result<rpc::wire_attributes> file = co_await std::move(asking);
    if (!file && file.error() == errc::stale_handle) { co_return rpc::repair::reply{}; }
    if (!file) { co_return file.error(); }
    const auto type = static_cast<metadata::file_type>(file->type);
    if (!is_file_or_link(type)) { co_return errc::not_supported; }
    task<status> preparing =
        prepare_name(state, call, parent, rpc::named_request::no_path, name, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    BFS_CO_TRY(const std::optional<metadata::entry_info> there, state.names.find_entry(parent, name));
    if (there && there->id == id) { co_return rpc::repair::reply{1, 0}; }
    if (there) { co_return errc::already_exists; }
    BFS_CO_CHECK(state.names.link(parent, name, {id, type}));
    BFS_LOG_INFO("server", "repaired: file %llx had no name, now '%.*s' in directory %llx", shown(id),
                 static_cast<int>(name.size()), name.data(), shown(parent));
    co_return rpc::repair::reply{1, 0};
}

task<repair_answer> drop_name(service_state& state, server_call& call, file_id parent, std::string_view name,
                              file_id id) {
    task<result<rpc::wire_attributes>> asking = ask_home(state, id);
    const result<rpc::wire_attributes> file = co_await std::move(asking);
    if (!file && file.error() != errc::stale_handle) { co_return file.error(); }
    if (file) { // then it is the directory that must be gone: nobody comes to this name any more
        task<result<rpc::wire_attributes>> asking_more = ask_home(state, parent);
        const result<rpc::wire_attributes> directory = co_await std::move(asking_more);
        if (directory) { co_return rpc::repair::reply{}; }
        if (directory.error() != errc::stale_handle) { co_return directory.error(); }
    }
    task<status> preparing =
        prepare_name(state, call, parent, rpc::named_request::no_path, name, directories::use::walk);
    BFS_CO_CHECK(co_await std::move(preparing));
    BFS_CO_TRY(const std::optional<metadata::entry_info> there, state.names.find_entry(parent, name));
    if (!there || there->id != id) { co_return rpc::repair::reply{}; }
    // Server 0 knows the directory, and what is in it may be there.
    if (there->is_directory()) { co_return errc::not_supported; }
    state.names.unlink_entry(parent, name);
    BFS_LOG_INFO("server", "repaired: removed the name '%.*s' in directory %llx, of file %llx: %s",
                 static_cast<int>(name.size()), name.data(), shown(parent), shown(id),
                 file ? "there is no such directory" : "there is no such file");
    co_return rpc::repair::reply{1, 0};
}

task<repair_answer> refuse(errc why) { co_return why; }

/// `name` lives as long as the call.
task<repair_answer> start(service_state& state, server_call& call, const rpc::repair::request& asked,
                          std::string_view name) {
    const file_id id{asked.id};
    if (!id.valid()) { return refuse(errc::invalid_argument); }
    switch (asked.action) {
    case rpc::repair::drop_chunk:
        return drop_chunk(state, {id, asked.chunk});
    case rpc::repair::grow_file:
        return grow_file(state, {id, asked.chunk}, asked.epoch);
    case rpc::repair::name_file:
        return name_file(state, call, {asked.parent}, name, id);
    case rpc::repair::drop_name:
        return drop_name(state, call, {asked.parent}, name, id);
    default:
        return refuse(errc::not_supported);
    }
}

task<status> repair(void* context, server_call& call) {
    const auto asked = call.request<rpc::repair>();
    task<repair_answer> repairing = start(state_of(context), call, asked, call.tail<rpc::repair>());
    BFS_CO_TRY(const rpc::repair::reply done, co_await std::move(repairing));
    call.reply<rpc::repair>(done);
    co_return ok();
}

} // namespace

void register_repair_method(rpc::server& to, service_state& state) {
    to.handle(rpc::repair::info, &state, repair);
}

} // namespace benchfs::server
