#include "benchfs/client/file_system.hpp"

#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

// Directories whose ids are remembered; beyond this the cache starts over.
constexpr std::size_t directories_max = 65536;
constexpr std::size_t servers_at_once = 64; // that are asked for the same thing
constexpr auto stale_name_pause = std::chrono::milliseconds(1);
constexpr int stale_names_max = 1000;
constexpr int walks_max = 8; // of the paths of one rename

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
    at.paths = rpc::named_request::no_path;
    if (p.is_root()) { co_return at; }
    at.name = std::string(p.name());
    if (p.depth() == 1) { co_return at; }
    at.paths = paths_;
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
        // The first step depends on no other: its answer is as good as the server's knowledge of changes.
        const rpc::named_request request{at.parent.value, settings_.uid, settings_.gid, at.paths};
        const result<rpc::wire_attributes> answer = co_await client_.call<rpc::lookup>(server, request, extra);
        if (!answer && answer.error() == errc::stale_epoch) {
            task<status> learning = learn_paths(server);
            BFS_CO_CHECK(co_await std::move(learning));
            at.parent = root_id; // once more from the beginning
            at.paths = paths_;
            i = ~std::size_t{0};
            continue;
        }
        if (!answer) { co_return answer.error(); }
        const rpc::wire_attributes& found = *answer;
        if (!from_wire(found).is_directory()) { co_return errc::not_a_directory; }
        at.parent = {found.id};
    }
    if (directories_.size() >= directories_max) { directories_.clear(); }
    if (at.paths == paths_) { directories_.insert_or_assign(std::string(directory.str()), at.parent); }
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
        const server_id server = server_of(at);
        result<typename M::reply> answer = co_await client_.call<M>(server, request, extra);
        if (!answer && answer.error() == errc::stale_epoch) {
            task<status> learning = learn_paths(server);
            BFS_CO_CHECK(co_await std::move(learning));
            continue;
        }
        if (answer || answer.error() != errc::stale_handle || !at.cached) { co_return std::move(answer); }
        directories_.erase(std::string(p.parent().str()));
    }
}

task<status> file_system::learn_paths(server_id server) {
    const rpc::id_request request{};
    BFS_CO_TRY(const rpc::path_version::reply now, co_await client_.call<rpc::path_version>(server, request));
    paths_ = std::max(paths_, now.version);
    directories_.clear();
    co_return ok();
}

task<result<attributes>> file_system::complete(rpc::wire_attributes said) {
    if (said.nlink != 0) { co_return from_wire(said); }
    co_return co_await attributes_of({said.id});
}

task<result<attributes>> file_system::look_up(path p) {
    for (int i = 0;; ++i) {
        BFS_CO_TRY(const rpc::wire_attributes said, co_await named<rpc::lookup>(p, {}));
        task<result<attributes>> completing = complete(said);
        result<attributes> found = co_await std::move(completing);
        // Gone from its home since the name was looked at: the name means something else now, or nothing.
        const bool gone = !found && found.error() == errc::stale_handle && said.nlink == 0;
        if (!gone || i == stale_names_max) { co_return std::move(found); }
        BFS_CO_CHECK(co_await runtime::sleep_for(stale_name_pause));
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
    attributes a;
    if (has(flags, open_flags::create)) {
        rpc::create::request request;
        request.mode = mode;
        request.chunk_size = chunk_size;
        if (has(flags, open_flags::exclusive)) { request.how |= rpc::create::exclusive; }
        if (truncates) { request.how |= rpc::create::truncate; }
        for (int i = 0;; ++i) {
            BFS_CO_TRY(const rpc::create::reply made, co_await named<rpc::create>(p, request));
            a = from_wire(made.attributes);
            if (a.is_directory() && writes) { co_return errc::is_a_directory; }
            if (a.nlink != 0) {
                BFS_CO_CHECK(check_opened(a, writes));
                co_return file(*this, a, flags);
            }
            // It was there and lives elsewhere: opened like any other, or made if it goes meanwhile.
            task<result<attributes>> looking = look_up(p);
            const result<attributes> found = co_await std::move(looking);
            if (!found && found.error() == errc::not_found && i < stale_names_max) { continue; }
            if (!found) { co_return found.error(); }
            a = *found;
            break;
        }
    } else {
        task<result<attributes>> looking = look_up(std::move(p));
        BFS_CO_TRY(a, co_await std::move(looking));
    }
    BFS_CO_CHECK(check_opened(a, writes));
    file opened(*this, a, flags);
    if (truncates) { BFS_CO_CHECK(co_await opened.truncate(0)); }
    co_return opened;
}

task<result<attributes>> file_system::stat(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    task<result<attributes>> looking = look_up(std::move(p));
    co_return co_await std::move(looking);
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
    const result<rpc::wire_attributes> gone = co_await named<rpc::unlink>(std::move(p), {});
    co_return gone.error();
}

task<status> file_system::rename(std::string from_text, std::string to_text) {
    BFS_CO_TRY(path from, path::parse(from_text));
    BFS_CO_TRY(path to, path::parse(to_text));
    for (int i = 0;; ++i) {
        BFS_CO_TRY(const place source, co_await locate(from));
        BFS_CO_TRY(const place target, co_await locate(to));
        const std::string names = source.name + target.name;
        rpc::rename::request request;
        request.from_parent = source.parent.value;
        request.to_parent = target.parent.value;
        request.paths = std::min(source.paths, target.paths);
        request.from_size = static_cast<std::uint32_t>(source.name.size());
        rpc::call_extra extra;
        extra.tail = tail_of(names);
        const result<rpc::empty_reply> done =
            co_await client_.call<rpc::rename>(server_of(source), request, extra);
        if (!done && done.error() == errc::stale_epoch) {
            task<status> learning = learn_paths(server_of(source));
            BFS_CO_CHECK(co_await std::move(learning));
            continue;
        }
        forget(from); // a directory that moved, or replaced one
        forget(to);
        // As in named(): a remembered parent may be out of date, and either one may be meant.
        const bool cached = (source.cached || target.cached) && i < walks_max;
        if (done || done.error() != errc::stale_handle || !cached) { co_return done.error(); }
        if (source.cached) { directories_.erase(std::string(from.parent().str())); }
        if (target.cached) { directories_.erase(std::string(to.parent().str())); }
    }
}

task<status> file_system::truncate(std::string path_text, std::uint64_t size) {
    BFS_CO_TRY(file opened, co_await open(std::move(path_text), open_flags::write));
    co_return co_await opened.truncate(size);
}

task<status> file_system::change(std::string path_text, rpc::set_attributes::request request) {
    for (int i = 0;; ++i) {
        BFS_CO_TRY(const attributes a, co_await stat(path_text));
        request.id = a.id.value;
        const result<rpc::wire_attributes> done =
            co_await client_.call<rpc::set_attributes>(a.id.home(), request);
        // Removed in between: the name means something else now, or nothing.
        if (done.error() != errc::stale_handle || i == stale_names_max) { co_return done.error(); }
    }
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

namespace {

/// One server's part of usage().
task<status> ask_usage(rpc::client& client, server_id server, file_system_usage& all) {
    BFS_CO_TRY(const rpc::statfs::reply one, co_await client.call<rpc::statfs>(server, rpc::statfs::request{}));
    all.bytes_total += one.bytes_total;
    all.bytes_used += one.bytes_used;
    all.files += one.files;
    all.directories = std::max(all.directories, one.directories);
    co_return ok();
}

task<status> ask_sync(rpc::client& client, server_id server) {
    const auto done = co_await client.call<rpc::sync_server>(server, rpc::sync_server::request{});
    co_return done.error();
}

} // namespace

task<result<file_system_usage>> file_system::usage() {
    file_system_usage all;
    const auto one = [&](std::size_t i) { return ask_usage(client_, static_cast<server_id>(i), all); };
    task<status> asking = runtime::parallel_for(placement_.servers(), servers_at_once, one);
    BFS_CO_CHECK(co_await std::move(asking));
    co_return all;
}

task<status> file_system::sync() {
    const auto one = [&](std::size_t i) { return ask_sync(client_, static_cast<server_id>(i)); };
    task<status> syncing = runtime::parallel_for(placement_.servers(), servers_at_once, one);
    co_return co_await std::move(syncing);
}

task<status> file_system::ping(server_id server) {
    const rpc::ping::request request{0x70696e67};
    BFS_CO_TRY(const rpc::ping::reply answer, co_await client_.call<rpc::ping>(server, request));
    co_return answer.value == request.value ? errc::ok : errc::bad_frame;
}

} // namespace benchfs
