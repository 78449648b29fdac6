#include "benchfs/client/file_system.hpp"

#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

// Directories whose ids are remembered; beyond this the cache starts over.
constexpr std::size_t directories_max = 65536;

[[nodiscard]] const_byte_span tail_of(const std::string& name) noexcept {
    return std::as_bytes(std::span(name.data(), name.size()));
}

} // namespace

attributes from_wire(const rpc::wire_attributes& w) noexcept {
    attributes a;
    a.id = {w.id};
    a.size = w.size;
    a.mtime_ns = w.mtime_ns;
    a.ctime_ns = w.ctime_ns;
    a.atime_ns = w.atime_ns;
    a.epoch = w.epoch;
    a.type = static_cast<file_type>(w.type);
    a.mode = w.mode;
    a.uid = w.uid;
    a.gid = w.gid;
    a.nlink = w.nlink;
    a.chunk_size = w.chunk_size;
    return a;
}

task<result<file_system::place>> file_system::locate(const path& p) {
    place at;
    at.parent = root_id;
    if (p.is_root()) { co_return at; }
    at.name = std::string(p.name());
    if (p.depth() == 1) { co_return at; }
    const path directory = p.parent();
    if (const auto known = directories_.find(std::string(directory.str())); known != directories_.end()) {
        at.parent = known->second;
        at.cached = true;
        co_return at;
    }
    for (std::size_t i = 0; i < directory.depth(); ++i) {
        const std::string step(directory.component(i));
        rpc::call_extra extra;
        extra.tail = tail_of(step);
        const server_id server = cluster::place_name(placement_, at.parent, step);
        const rpc::named_request request{at.parent.value, settings_.uid, settings_.gid};
        BFS_CO_TRY(const rpc::wire_attributes found,
                   co_await client_.call<rpc::lookup>(server, request, extra));
        if (!from_wire(found).is_directory()) { co_return errc::not_a_directory; }
        at.parent = {found.id};
    }
    if (directories_.size() >= directories_max) { directories_.clear(); }
    directories_.insert_or_assign(std::string(directory.str()), at.parent);
    co_return at;
}

void file_system::forget(const path& p) {
    const std::string prefix(p.str());
    std::erase_if(directories_, [&](const auto& item) {
        return item.first.compare(0, prefix.size(), prefix) == 0 &&
               (item.first.size() == prefix.size() || prefix == "/" || item.first[prefix.size()] == '/');
    });
}

/// A call about a name, on the server that holds it. A directory id from the cache may be out of date (removed,
/// moved, made again): then the path is walked once more.
template <class M>
task<result<typename M::reply>> file_system::named(path p, typename M::request request) {
    while (true) {
        BFS_CO_TRY(const place at, co_await locate(p));
        if constexpr (requires { request.where; }) {
            request.where = where(at);
        } else {
            request = where(at);
        }
        rpc::call_extra extra;
        extra.tail = tail_of(at.name);
        result<typename M::reply> answer = co_await client_.call<M>(server_of(at), request, extra);
        if (answer || answer.error() != errc::stale_handle || !at.cached) { co_return std::move(answer); }
        directories_.erase(std::string(p.parent().str()));
    }
}

/// What comes from a server is divided by: a chunk size that no file has is none.
static status check_opened(const attributes& a, bool writes) noexcept {
    constexpr std::uint32_t step = 4 * KiB;
    constexpr std::uint32_t most = 64 * MiB;
    if (a.is_directory()) { return writes ? errc::is_a_directory : errc::ok; }
    return a.chunk_size == 0 || a.chunk_size % step != 0 || a.chunk_size > most ? errc::bad_frame : errc::ok;
}

task<result<file>> file_system::open(std::string path_text, open_flags flags, std::uint32_t mode,
                                     std::uint32_t chunk_size) {
    BFS_CO_TRY(path p, path::parse(path_text));
    const bool writes = has(flags, open_flags::write) || has(flags, open_flags::append);
    const bool truncates = has(flags, open_flags::truncate);
    if (truncates && !writes) { co_return errc::invalid_argument; }
    if (has(flags, open_flags::create)) {
        rpc::create::request request;
        request.mode = mode;
        request.chunk_size = chunk_size;
        if (has(flags, open_flags::exclusive)) { request.how |= rpc::create::exclusive; }
        if (truncates) { request.how |= rpc::create::truncate; }
        BFS_CO_TRY(const rpc::create::reply made, co_await named<rpc::create>(std::move(p), request));
        const attributes a = from_wire(made.attributes);
        BFS_CO_CHECK(check_opened(a, writes));
        co_return file(*this, a, flags);
    }
    BFS_CO_TRY(const rpc::wire_attributes found, co_await named<rpc::lookup>(std::move(p), {}));
    attributes a = from_wire(found);
    BFS_CO_CHECK(check_opened(a, writes));
    file opened(*this, a, flags);
    if (truncates) { BFS_CO_CHECK(co_await opened.truncate(0)); }
    co_return opened;
}

task<result<attributes>> file_system::stat(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    BFS_CO_TRY(const rpc::wire_attributes found, co_await named<rpc::lookup>(std::move(p), {}));
    co_return from_wire(found);
}

task<result<attributes>> file_system::attributes_of(file_id id) {
    const rpc::id_request request{id.value};
    BFS_CO_TRY(const rpc::wire_attributes found, co_await client_.call<rpc::stat>(id.home(), request));
    co_return from_wire(found);
}

task<status> file_system::mkdir(std::string path_text, std::uint32_t mode) {
    BFS_CO_TRY(path p, path::parse(path_text));
    rpc::mkdir::request request;
    request.mode = mode;
    const result<rpc::wire_attributes> made = co_await named<rpc::mkdir>(std::move(p), request);
    co_return made.error();
}

task<status> file_system::rmdir(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    BFS_CO_CHECK(co_await named<rpc::rmdir>(p, {}));
    forget(p);
    co_return ok();
}

task<status> file_system::unlink(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    BFS_CO_TRY(const rpc::wire_attributes gone, co_await named<rpc::unlink>(std::move(p), {}));
    const status cut = co_await cut_elsewhere(gone, 0);
    // The name is gone: "nobody answered" would say that nothing happened.
    co_return cut ? cut : status(errc::outcome_unknown);
}

/// Chunks beyond `size` that are not at the file's home. The home has cut its own before it answered.
task<status> file_system::cut_elsewhere(const rpc::wire_attributes& before, std::uint64_t size) {
    if (placement_.servers() == 1 || before.chunk_size == 0) { co_return ok(); }
    const file_id id{before.id};
    for (std::uint64_t i = size / before.chunk_size; i * before.chunk_size < before.size; ++i) {
        const auto chunk = static_cast<std::uint32_t>(i);
        const server_id server = cluster::place_chunk(placement_, id, chunk);
        if (server == id.home()) { continue; }
        const auto keep =
            static_cast<std::uint32_t>(i == size / before.chunk_size ? size % before.chunk_size : 0);
        const rpc::cut_chunk::request request{id.value, chunk, keep};
        BFS_CO_CHECK(co_await client_.call<rpc::cut_chunk>(server, request));
    }
    co_return ok();
}

task<status> file_system::rename(std::string from_text, std::string to_text) {
    BFS_CO_TRY(path from, path::parse(from_text));
    BFS_CO_TRY(path to, path::parse(to_text));
    while (true) {
        BFS_CO_TRY(const place source, co_await locate(from));
        BFS_CO_TRY(const place target, co_await locate(to));
        const std::string names = source.name + target.name;
        rpc::rename::request request;
        request.from_parent = source.parent.value;
        request.to_parent = target.parent.value;
        request.from_size = static_cast<std::uint32_t>(source.name.size());
        rpc::call_extra extra;
        extra.tail = tail_of(names);
        const result<rpc::empty_reply> done =
            co_await client_.call<rpc::rename>(server_of(source), request, extra);
        forget(from); // a directory that moved, or replaced one
        forget(to);
        // As in named(): a remembered parent may be out of date, and either one may be meant.
        if (done || done.error() != errc::stale_handle || !(source.cached || target.cached)) {
            co_return done.error();
        }
        if (source.cached) { directories_.erase(std::string(from.parent().str())); }
        if (target.cached) { directories_.erase(std::string(to.parent().str())); }
    }
}

task<status> file_system::truncate(std::string path_text, std::uint64_t size) {
    BFS_CO_TRY(file opened, co_await open(std::move(path_text), open_flags::write));
    co_return co_await opened.truncate(size);
}

task<status> file_system::change(std::string path_text, rpc::set_attributes::request request) {
    BFS_CO_TRY(const attributes a, co_await stat(std::move(path_text)));
    request.id = a.id.value;
    const result<rpc::wire_attributes> done = co_await client_.call<rpc::set_attributes>(a.id.home(), request);
    co_return done.error();
}

task<status> file_system::chmod(std::string path_text, std::uint32_t mode) {
    rpc::set_attributes::request request;
    request.mode = mode;
    request.which = rpc::set_attributes::mode_bit;
    return change(std::move(path_text), request);
}

task<status> file_system::set_times(std::string path_text, std::int64_t atime_ns, std::int64_t mtime_ns) {
    rpc::set_attributes::request request;
    request.atime_ns = atime_ns;
    request.mtime_ns = mtime_ns;
    request.which = rpc::set_attributes::atime_bit | rpc::set_attributes::mtime_bit;
    return change(std::move(path_text), request);
}

task<result<file_system_usage>> file_system::usage() {
    file_system_usage all;
    for (std::uint32_t i = 0; i < placement_.servers(); ++i) {
        BFS_CO_TRY(const rpc::statfs::reply one,
                   co_await client_.call<rpc::statfs>(static_cast<server_id>(i), rpc::statfs::request{}));
        all.bytes_total += one.bytes_total;
        all.bytes_used += one.bytes_used;
        all.files += one.files;
        all.directories = std::max(all.directories, one.directories);
    }
    co_return all;
}

task<status> file_system::sync() {
    for (std::uint32_t i = 0; i < placement_.servers(); ++i) {
        BFS_CO_CHECK(
            co_await client_.call<rpc::sync_server>(static_cast<server_id>(i), rpc::sync_server::request{}));
    }
    co_return ok();
}

task<status> file_system::ping(server_id server) {
    const rpc::ping::request request{0x70696e67};
    BFS_CO_TRY(const rpc::ping::reply answer, co_await client_.call<rpc::ping>(server, request));
    co_return answer.value == request.value ? errc::ok : errc::bad_frame;
}

} // namespace benchfs
