// Methods about names, inodes and directories. Renames have a file of their own.
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/growth.hpp"
#include "benchfs/server/prepare.hpp"
#include "benchfs/server/removal.hpp"
#include "benchfs/server/reservations.hpp"
#include "benchfs/server/services.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using metadata::attributes;
using rpc::server_call;
using runtime::task;

[[nodiscard]] metadata::new_inode new_inode_of(const rpc::named_request& who, std::uint32_t mode,
                                               std::uint32_t chunk_size, std::int64_t now) noexcept {
    return {mode, who.uid, who.gid, chunk_size, now};
}

/// What is known here of something whose inode is elsewhere; see rpc::wire_attributes.
[[nodiscard]] rpc::wire_attributes lives_elsewhere(const metadata::entry_info& what) noexcept {
    rpc::wire_attributes w;
    w.id = what.id.value;
    w.type = static_cast<std::uint32_t>(what.type);
    return w;
}

status answer_lookup(service_state& state, server_call& call, file_id parent) {
    BFS_TRY(const std::optional<metadata::entry_info> found,
            state.names.find_entry(parent, call.tail<rpc::lookup>()));
    if (!found) { return errc::not_found; }
    const result<attributes> here = state.names.stat(found->id);
    if (!here && found->id.home() == state.self) { return errc::stale_handle; }
    call.reply<rpc::lookup>(here ? to_wire(*here) : lives_elsewhere(*found));
    return ok();
}

status lookup_now(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::lookup>();
    const file_id parent{asked.parent};
    if (!state.dirs->quiet(parent, asked.paths) || state.locks.held(parent, call.tail<rpc::lookup>())) {
        return errc::try_again;
    }
    return answer_lookup(state, call, parent);
}

task<status> lookup(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::lookup>();
    const file_id parent{asked.parent};
    task<status> preparing =
        prepare_name(state, call, parent, asked.paths, call.tail<rpc::lookup>(), directories::use::walk);
    BFS_CO_CHECK(co_await std::move(preparing));
    co_return answer_lookup(state, call, parent);
}

status stat(void* context, server_call& call) {
    BFS_TRY(const attributes found, state_of(context).names.stat({call.request<rpc::stat>().id}));
    call.reply<rpc::stat>(to_wire(found));
    return ok();
}

/// Before an existing file is truncated by opening it: see home_writes. The name may have changed meanwhile.
task<status> settle_writes(service_state& state, server_call& call, rpc::create::request asked,
                           std::optional<home_writes::gate>& closed) {
    const file_id parent{asked.where.parent};
    const std::string_view name = call.tail<rpc::create>();
    BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, name));
    if (!found || found->is_directory() || found->id.home() != state.self) { co_return ok(); }
    if (!state.writes.may_begin(found->id)) { co_return errc::try_again; } // another truncation waits
    closed.emplace(state.writes, found->id);
    if (!state.writes.busy(found->id)) { co_return ok(); }
    task<status> settling = state.writes.idle(found->id);
    BFS_CO_CHECK(co_await std::move(settling));
    task<status> preparing =
        prepare_name(state, call, parent, asked.where.paths, name, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    BFS_CO_TRY(const std::optional<metadata::entry_info> now, state.names.find_entry(parent, name));
    co_return now && now->id == found->id ? errc::ok : errc::try_again;
}

task<status> create(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::create>();
    const file_id parent{asked.where.parent};
    const std::string_view name = call.tail<rpc::create>();
    task<status> preparing =
        prepare_name(state, call, parent, asked.where.paths, name, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    metadata::open_flags flags;
    flags.create = true;
    flags.exclusive = (asked.how & rpc::create::exclusive) != 0;
    flags.truncate = (asked.how & rpc::create::truncate) != 0;
    std::optional<home_writes::gate> closed;
    if (flags.truncate && !flags.exclusive) {
        task<status> settling = settle_writes(state, call, asked, closed);
        BFS_CO_CHECK(co_await std::move(settling));
    }
    rpc::create::reply answer;
    if (!state.alone()) {
        BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, name));
        if (found && flags.truncate && state.owed->may_not_cut(found->id)) { co_return errc::try_again; }
        if (found && found->id.home() != state.self && !flags.exclusive && !found->is_directory()) {
            answer.attributes = lives_elsewhere(*found); // the client truncates it at its home
            call.reply<rpc::create>(answer);
            co_return ok();
        }
        if (found && found->id.home() != state.self) {
            co_return flags.exclusive ? errc::already_exists : errc::is_a_directory;
        }
    }
    const metadata::new_inode how = new_inode_of(asked.where, asked.mode, asked.chunk_size, state.now());
    BFS_CO_TRY(const metadata::open_answer opened, state.names.open(parent, name, flags, how));
    answer.attributes = to_wire(opened.attr);
    answer.created = opened.created ? 1 : 0;
    if (opened.truncated) {
        call.decide<rpc::create>(answer);
        task<status> cutting = finish_truncation(state, opened.attr, opened.old_size);
        BFS_CO_CHECK(co_await std::move(cutting));
    }
    call.reply<rpc::create>(answer);
    co_return ok();
}

task<status> unlink(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::unlink>();
    const file_id parent{asked.parent};
    const std::string_view name = call.tail<rpc::unlink>();
    task<status> preparing = prepare_name(state, call, parent, asked.paths, name, directories::use::walk);
    BFS_CO_CHECK(co_await std::move(preparing));
    if (!state.alone()) {
        BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, name));
        if (found && found->id.home() != state.self && !found->is_directory()) {
            state.names.unlink_entry(parent, name);
            call.decide<rpc::unlink>(lives_elsewhere(*found));
            task<status> dropping = drop_elsewhere(state, found->id);
            BFS_CO_CHECK(co_await std::move(dropping));
            call.reply<rpc::unlink>(lives_elsewhere(*found));
            co_return ok();
        }
    }
    BFS_CO_TRY(const attributes gone, state.names.unlink(parent, name));
    std::vector<std::uint64_t> owed = cut_copies(state, gone.id, rpc::cut_file::removed, 0, gone.chunk_size);
    call.decide<rpc::unlink>(to_wire(gone));
    task<status> removing = finish_removal(state, gone, std::move(owed));
    BFS_CO_CHECK(co_await std::move(removing));
    call.reply<rpc::unlink>(to_wire(gone));
    co_return ok();
}

task<status> mkdir(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::mkdir>();
    const file_id parent{asked.where.parent};
    const std::string_view name = call.tail<rpc::mkdir>();
    task<status> preparing =
        prepare_name(state, call, parent, asked.where.paths, name, directories::use::insert);
    BFS_CO_CHECK(co_await std::move(preparing));
    const metadata::new_inode how = new_inode_of(asked.where, asked.mode, 0, state.now());
    if (state.alone()) {
        BFS_CO_TRY(const attributes made, state.names.mkdir(parent, name, how));
        call.reply<rpc::mkdir>(to_wire(made));
        co_return ok();
    }
    BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, name));
    if (found) { co_return errc::already_exists; }
    BFS_CO_CHECK(state.names.room());
    intent what;
    what.head.kind = intent_kind::mkdir;
    BFS_CO_TRY(what.head.child, state.names.new_id());
    what.head.parent = parent;
    what.head.mode = asked.mode;
    what.head.uid = asked.where.uid;
    what.head.gid = asked.where.gid;
    what.head.now_ns = how.now_ns;
    what.head.session = call.session_id();
    what.head.sequence = call.sequence();
    what.head.paths = asked.where.paths;
    what.name = name;
    const file_id id = what.head.child;
    std::optional<server_id> silent;
    task<status> making = state.agreed->carry_out(std::move(what), silent);
    const status done = co_await std::move(making);
    if (!done) { co_return blamed(call, done.error(), silent); }
    BFS_CO_TRY(const attributes made, state.names.stat(id));
    call.reply<rpc::mkdir>(to_wire(made));
    co_return ok();
}

task<status> rmdir(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::rmdir>();
    const file_id parent{asked.parent};
    const std::string_view name = call.tail<rpc::rmdir>();
    task<status> preparing = prepare_name(state, call, parent, asked.paths, name, directories::use::walk);
    BFS_CO_CHECK(co_await std::move(preparing));
    if (state.alone()) {
        BFS_CO_CHECK(state.names.rmdir(parent, name));
        call.reply<rpc::rmdir>({});
        co_return ok();
    }
    BFS_CO_TRY(const std::optional<metadata::entry_info> found, state.names.find_entry(parent, name));
    if (!found) { co_return errc::not_found; }
    if (!found->is_directory()) { co_return errc::not_a_directory; }
    if (found->id == root_id) { co_return errc::busy; }
    intent what;
    what.head.kind = intent_kind::rmdir;
    what.head.child = found->id;
    what.head.parent = parent;
    what.head.session = call.session_id();
    what.head.sequence = call.sequence();
    what.head.paths = asked.paths;
    what.name = name;
    std::optional<server_id> silent;
    task<status> removing = state.agreed->carry_out(std::move(what), silent);
    const status removed = co_await std::move(removing);
    if (!removed) { co_return blamed(call, removed.error(), silent); }
    call.reply<rpc::rmdir>({});
    co_return ok();
}

/// Writes entries into a page until it is full.
class page_writer final : public metadata::entry_visitor {
public:
    explicit page_writer(byte_span page) : page_(page) {}

    bool visit(const metadata::directory_entry& entry) override {
        const std::size_t name_room = (entry.name.size() + 7) / 8 * 8;
        if (page_.size() - used_ < sizeof(rpc::wire_entry) + name_room) { return false; }
        rpc::wire_entry wire;
        if (entry.attr != nullptr) {
            wire.attributes = to_wire(*entry.attr);
        } else {
            wire.attributes.id = entry.id.value;
            wire.attributes.type = static_cast<std::uint32_t>(entry.type);
        }
        wire.name_size = static_cast<std::uint32_t>(entry.name.size());
        std::memcpy(page_.data() + used_, &wire, sizeof(wire));
        std::memset(page_.data() + used_ + sizeof(wire), 0, name_room);
        std::memcpy(page_.data() + used_ + sizeof(wire), entry.name.data(), entry.name.size());
        used_ += sizeof(wire) + name_room;
        ++entries_;
        return true;
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_; }
    [[nodiscard]] std::uint32_t entries() const noexcept { return entries_; }

private:
    byte_span page_;
    std::size_t used_ = 0;
    std::uint32_t entries_ = 0;
};

task<status> readdir(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::readdir>();
    const std::uint32_t room = std::min(asked.page_bytes, rpc::readdir::page_max);
    // One entry with the longest name must fit, or a listing would never end.
    if (room < sizeof(rpc::wire_entry) + rpc::name_max + 1) { co_return errc::invalid_argument; }
    const auto page = std::make_unique<std::byte[]>(room);
    page_writer writer(byte_span{page.get(), room});
    if (!state.names.knows_directory({asked.id})) {
        task<status> learning =
            prepare_directory(state, call, {asked.id}, rpc::named_request::no_path, directories::use::walk);
        BFS_CO_CHECK(co_await std::move(learning));
    }
    if (!state.alone()) {
        task<status> settling = state.reserved->settled_in({asked.id});
        BFS_CO_CHECK(co_await std::move(settling));
    }
    BFS_CO_TRY(const bool complete, state.names.readdir({asked.id}, call.tail<rpc::readdir>(), writer));
    rpc::readdir::reply answer;
    answer.entries = writer.entries();
    answer.more = complete ? 0 : 1;
    const const_segments bytes(const_byte_span{page.get(), writer.used()});
    (void)co_await call.reply_with<rpc::readdir>(answer, bytes);
    co_return ok();
}

task<status> set_size(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::set_size>();
    const file_id file{asked.id};
    if (!state.writes.may_begin(file)) { co_return errc::try_again; } // another truncation waits
    const home_writes::gate closed(state.writes, file);
    if (state.writes.busy(file)) {
        task<status> settling = state.writes.idle(file);
        BFS_CO_CHECK(co_await std::move(settling));
    }
    if (state.owed->may_not_cut(file)) { co_return errc::try_again; }
    BFS_CO_TRY(const metadata::truncate_answer done, state.names.truncate(file, asked.size, state.now()));
    note_growth(state, file, done.attr.size);
    call.decide<rpc::set_size>(to_wire(done.attr));
    task<status> cutting = finish_truncation(state, done.attr, done.old_size);
    BFS_CO_CHECK(co_await std::move(cutting));
    call.reply<rpc::set_size>(to_wire(done.attr));
    co_return ok();
}

status extend(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::extend>();
    if (state.owed->cutting({asked.id})) { return errc::try_again; }
    BFS_TRY(const attributes now, state.names.extend({asked.id}, asked.epoch, asked.end, state.now()));
    note_growth(state, {asked.id}, now.size);
    call.reply<rpc::extend>({now.size, now.epoch});
    return ok();
}

status set_attributes(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::set_attributes>();
    metadata::attribute_changes changes;
    if ((asked.which & rpc::set_attributes::mode_bit) != 0) { changes.mode = asked.mode; }
    if ((asked.which & rpc::set_attributes::atime_bit) != 0) { changes.atime_ns = asked.atime_ns; }
    if ((asked.which & rpc::set_attributes::mtime_bit) != 0) { changes.mtime_ns = asked.mtime_ns; }
    BFS_TRY(const attributes now, state.names.set_attributes({asked.id}, changes, state.now()));
    call.reply<rpc::set_attributes>(to_wire(now));
    return ok();
}

status statfs(void* context, server_call& call) {
    service_state& state = state_of(context);
    const metadata::name_space_counts counts = state.names.counts();
    const storage::store_stats stored = state.store.stats();
    call.reply<rpc::statfs>({stored.bytes_limit, stored.bytes_used, counts.files, counts.directories});
    return ok();
}

} // namespace

rpc::wire_attributes to_wire(const attributes& a) noexcept {
    rpc::wire_attributes w;
    w.id = a.id.value;
    w.size = a.size;
    w.mtime_ns = a.mtime_ns;
    w.ctime_ns = a.ctime_ns;
    w.atime_ns = a.atime_ns;
    w.type = static_cast<std::uint32_t>(a.type);
    w.mode = a.mode;
    w.uid = a.uid;
    w.gid = a.gid;
    w.nlink = a.nlink;
    w.chunk_size = a.chunk_size;
    w.epoch = a.epoch;
    return w;
}

task<status> prepare_directory(service_state& state, server_call& call, file_id parent, std::uint64_t paths,
                               directories::use u) {
    if (state.dirs->quiet(parent, paths)) { co_return ok(); }
    // A repeat of what a restart has taken up may come by a path that is old by now. "Walk again" would make it
    // another call, which finds what this one has done.
    if (state.agreed->pursues(call.session_id(), call.sequence())) { co_return errc::try_again; }
    task<status> waiting = state.dirs->ready(parent, paths, u);
    const status ready = co_await std::move(waiting);
    co_return ready.error() == errc::no_server ? blamed(call, errc::no_server, server_id{0}) : ready.error();
}

task<status> prepare_name(service_state& state, server_call& call, file_id parent, std::uint64_t paths,
                          std::string_view name, directories::use u) {
    if (!state.dirs->quiet(parent, paths)) { // nearly always it is
        task<status> preparing = prepare_directory(state, call, parent, paths, u);
        BFS_CO_CHECK(co_await std::move(preparing));
    }
    if (state.locks.held(parent, name)) { co_return errc::try_again; }
    co_return ok();
}

errc blamed(server_call& call, errc why, const std::optional<server_id>& silent) noexcept {
    // Somebody else changes these names right now. Both may hold what the other wants: who asks again waits a
    // little first.
    if (!silent) { return why == errc::busy ? errc::try_again : why; }
    call.blame(*silent);
    const bool nothing = why == errc::busy || why == errc::timed_out || why == errc::no_server;
    return nothing ? errc::peer_down : why;
}

void register_metadata_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::lookup::info, &state, lookup_now, lookup);
    to.handle(rpc::stat::info, &state, stat);
    to.handle(rpc::create::info, &state, create);
    to.handle(rpc::unlink::info, &state, unlink);
    to.handle(rpc::mkdir::info, &state, mkdir);
    to.handle(rpc::rmdir::info, &state, rmdir);
    to.handle(rpc::readdir::info, &state, readdir);
    to.handle(rpc::set_size::info, &state, set_size);
    to.handle(rpc::extend::info, &state, extend);
    to.handle(rpc::set_attributes::info, &state, set_attributes);
    to.handle(rpc::statfs::info, &state, statfs);
}

} // namespace benchfs::server
