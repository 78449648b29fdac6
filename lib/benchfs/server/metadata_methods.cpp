#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/services.hpp"

namespace benchfs::server {
namespace {

using metadata::attributes;
using rpc::server_call;
using runtime::task;

[[nodiscard]] metadata::new_inode new_inode_of(const rpc::named_request& who, std::uint32_t mode,
                                               std::uint32_t chunk_size, std::int64_t now) noexcept {
    return {mode, who.uid, who.gid, chunk_size, now};
}

status lookup(void* context, server_call& call) {
    const auto asked = call.request<rpc::lookup>();
    BFS_TRY(const attributes found, state_of(context).names.lookup({asked.parent}, call.tail<rpc::lookup>()));
    call.reply<rpc::lookup>(to_wire(found));
    return ok();
}

status stat(void* context, server_call& call) {
    BFS_TRY(const attributes found, state_of(context).names.stat({call.request<rpc::stat>().id}));
    call.reply<rpc::stat>(to_wire(found));
    return ok();
}

task<status> create(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::create>();
    metadata::open_flags flags;
    flags.create = true;
    flags.exclusive = (asked.how & rpc::create::exclusive) != 0;
    flags.truncate = (asked.how & rpc::create::truncate) != 0;
    const metadata::new_inode how = new_inode_of(asked.where, asked.mode, asked.chunk_size, state.now());
    BFS_CO_TRY(const metadata::open_answer opened,
               state.names.open({asked.where.parent}, call.tail<rpc::create>(), flags, how));
    if (opened.truncated) {
        BFS_CO_CHECK(co_await cut_chunks(state, opened.attr.id, opened.attr.chunk_size, opened.old_size, 0));
    }
    rpc::create::reply answer;
    answer.attributes = to_wire(opened.attr);
    answer.created = opened.created ? 1 : 0;
    call.reply<rpc::create>(answer);
    co_return ok();
}

task<status> unlink(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::unlink>();
    BFS_CO_TRY(const attributes gone, state.names.unlink({asked.parent}, call.tail<rpc::unlink>()));
    BFS_CO_CHECK(co_await cut_chunks(state, gone.id, gone.chunk_size, gone.size, 0));
    call.reply<rpc::unlink>(to_wire(gone));
    co_return ok();
}

status mkdir(void* context, server_call& call) {
    service_state& state = state_of(context);
    // Directories of several servers are agreed on through a log at server 0, which this version does not have.
    if (!state.alone()) { return errc::not_supported; }
    const auto asked = call.request<rpc::mkdir>();
    const metadata::new_inode how = new_inode_of(asked.where, asked.mode, 0, state.now());
    BFS_TRY(const attributes made, state.names.mkdir({asked.where.parent}, call.tail<rpc::mkdir>(), how));
    call.reply<rpc::mkdir>(to_wire(made));
    return ok();
}

status rmdir(void* context, server_call& call) {
    service_state& state = state_of(context);
    if (!state.alone()) { return errc::not_supported; }
    BFS_TRY(const attributes gone,
            state.names.rmdir({call.request<rpc::rmdir>().parent}, call.tail<rpc::rmdir>()));
    (void)gone;
    call.reply<rpc::rmdir>({});
    return ok();
}

task<status> rename(void* context, server_call& call) {
    service_state& state = state_of(context);
    if (!state.alone()) { co_return errc::not_supported; }
    const auto asked = call.request<rpc::rename>();
    const std::string_view names = call.tail<rpc::rename>();
    if (asked.from_size > names.size()) { co_return errc::bad_frame; }
    BFS_CO_TRY(const metadata::rename_answer done,
               state.names.rename({asked.from_parent}, names.substr(0, asked.from_size), {asked.to_parent},
                                  names.substr(asked.from_size), state.now()));
    if (done.replaced && !done.replaced->is_directory()) {
        const attributes gone = *done.replaced;
        BFS_CO_CHECK(co_await cut_chunks(state, gone.id, gone.chunk_size, gone.size, 0));
    }
    call.reply<rpc::rename>({});
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
    BFS_CO_TRY(const metadata::truncate_answer done, state.names.truncate({asked.id}, asked.size, state.now()));
    BFS_CO_CHECK(co_await cut_chunks(state, {asked.id}, done.attr.chunk_size, done.old_size, asked.size));
    call.reply<rpc::set_size>(to_wire(done.attr));
    co_return ok();
}

status extend(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::extend>();
    BFS_TRY(const attributes now, state.names.extend({asked.id}, asked.epoch, asked.end, state.now()));
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

namespace {

/// The chunks of one file within a range, as far as they are here.
class chunks_of_file final : public storage::chunk_visitor {
public:
    chunks_of_file(file_id file, std::uint64_t first, std::uint64_t last)
        : file_(file), first_(first), last_(last) {}
    void chunk(chunk_id id, std::uint32_t) override {
        if (id.file == file_ && id.index >= first_ && id.index <= last_) { found.push_back(id.index); }
    }
    std::vector<std::uint32_t> found;

private:
    file_id file_;
    std::uint64_t first_;
    std::uint64_t last_;
};

} // namespace

task<status> cut_chunks(service_state& state, file_id file, std::uint32_t chunk_size, std::uint64_t old_size,
                        std::uint64_t size) {
    if (chunk_size == 0 || old_size <= size) { co_return ok(); }
    const std::uint64_t first = size / chunk_size;
    const std::uint64_t last = (old_size - 1) / chunk_size;
    // A sparse file may span 2^32 chunks that are not there: what is here is looked through instead.
    chunks_of_file here(file, first, last);
    const bool sparse = last - first > state.store.stats().chunks;
    if (sparse) { state.store.visit_chunks(here); }
    const std::uint64_t count = sparse ? here.found.size() : last - first + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i % 4096 == 4095) { BFS_CO_CHECK(co_await runtime::yield()); } // others get their turn
        const std::uint64_t number = sparse ? here.found[i] : first + i;
        const chunk_id chunk{file, static_cast<std::uint32_t>(number)};
        if (state.store.length(chunk) == 0) { continue; } // a hole, or another server's
        const auto keep = static_cast<std::uint32_t>(number == first ? size % chunk_size : 0);
        BFS_CO_CHECK(co_await state.store.truncate(chunk, keep));
    }
    co_return ok();
}

void register_metadata_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::lookup::info, &state, lookup);
    to.handle(rpc::stat::info, &state, stat);
    to.handle(rpc::create::info, &state, create);
    to.handle(rpc::unlink::info, &state, unlink);
    to.handle(rpc::mkdir::info, &state, mkdir);
    to.handle(rpc::rmdir::info, &state, rmdir);
    to.handle(rpc::rename::info, &state, rename);
    to.handle(rpc::readdir::info, &state, readdir);
    to.handle(rpc::set_size::info, &state, set_size);
    to.handle(rpc::extend::info, &state, extend);
    to.handle(rpc::set_attributes::info, &state, set_attributes);
    to.handle(rpc::statfs::info, &state, statfs);
}

} // namespace benchfs::server
