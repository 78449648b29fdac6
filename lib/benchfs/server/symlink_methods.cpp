// Symbolic links. Their targets are notes of the server that has their inodes; clients follow them.
#include "benchfs/server/directories.hpp"
#include "benchfs/server/prepare.hpp"
#include "benchfs/server/services.hpp"

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

task<status> symlink(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::symlink>();
    const std::string_view texts = call.tail<rpc::symlink>();
    if (asked.name_size > texts.size()) { co_return errc::bad_frame; }
    const std::string_view name = texts.substr(0, asked.name_size);
    const std::string_view target = texts.substr(asked.name_size);
    if (target.empty() || target.find('\0') != target.npos) { co_return errc::invalid_argument; }
    if (target.size() > rpc::symlink::target_max) { co_return errc::name_too_long; }
    const file_id parent{asked.where.parent};
    task<status> preparing =
        prepare_name(state, call, parent, asked.where.paths, name, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    const metadata::new_inode how{0777, asked.where.uid, asked.where.gid, 0, state.now()};
    BFS_CO_TRY(const metadata::attributes made, state.names.symlink(parent, name, how, target.size()));
    state.notes.set(note_kind::target, made.id.value, std::as_bytes(std::span(target)));
    call.reply<rpc::symlink>(to_wire(made));
    co_return ok();
}

task<status> readlink(void* context, server_call& call) {
    service_state& state = state_of(context);
    const file_id id{call.request<rpc::readlink>().id};
    BFS_CO_TRY(const metadata::attributes link, state.names.stat(id));
    const std::vector<std::byte>* target = state.notes.find(note_kind::target, id.value);
    if (link.type != metadata::file_type::symlink || target == nullptr) { co_return errc::invalid_argument; }
    const std::vector<std::byte> text = *target; // the link may go while it is sent
    const const_segments bytes{const_byte_span(text)};
    (void)co_await call.reply_with<rpc::readlink>({text.size()}, bytes);
    co_return ok();
}

} // namespace

void register_symlink_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::symlink::info, &state, symlink);
    to.handle(rpc::readlink::info, &state, readlink);
}

} // namespace benchfs::server
