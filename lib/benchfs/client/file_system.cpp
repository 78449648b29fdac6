#include "benchfs/client/file_system.hpp"

#include "benchfs/client/shared_change.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

constexpr auto stale_name_pause = std::chrono::milliseconds(1);
constexpr int stale_names_max = 1000;
constexpr int walks_max = 8; // of the paths of one rename

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

/// A call about a name, on the server that holds it. A directory id from the cache may be out of date (removed,
/// moved, made again): then the path is walked once more.
template <class M>
task<result<typename M::reply>> file_system::named(path p, typename M::request request, std::string behind) {
    while (true) {
        BFS_CO_TRY(const place at, co_await locate(p));
        if constexpr (requires { request.where; }) {
            request.where = where(at);
        } else {
            request = where(at);
        }
        rpc::call_extra extra;
        const std::string tail = at.name + behind;
        extra.tail = std::as_bytes(std::span(tail));
        const server_id server = server_of(at);
        result<typename M::reply> answer = co_await client_.call<M>(server, request, extra);
        if (!answer && answer.error() == errc::stale_epoch) {
            task<status> learning = learn_paths(server);
            BFS_CO_CHECK(co_await std::move(learning));
            continue;
        }
        if (answer || answer.error() != errc::stale_handle || !at.cached) { co_return std::move(answer); }
        directories_.erase(at.directory);
    }
}

task<status> file_system::look_again(int& looks, errc why) {
    if (looks++ == stale_names_max) { co_return why; }
    co_return co_await runtime::sleep_for(stale_name_pause);
}

task<result<attributes>> file_system::look_up(path p) {
    for (int looks = 0;;) {
        BFS_CO_TRY(const rpc::wire_attributes said, co_await named<rpc::lookup>(p, {}));
        if (said.nlink != 0) { co_return from_wire(said); }
        task<result<attributes>> asking = attributes_of({said.id});
        result<attributes> found = co_await std::move(asking);
        if (found || found.error() != errc::stale_handle) { co_return std::move(found); }
        task<status> pausing = look_again(looks, errc::stale_handle);
        BFS_CO_CHECK(co_await std::move(pausing));
    }
}

task<status> file_system::link(std::string from_text, std::string to_text) {
    BFS_CO_CHECK(path::parse(from_text));
    BFS_CO_CHECK(path::parse(to_text));
    co_return errc::not_supported;
}

task<status> file_system::symlink(std::string target, std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    if (target.empty()) { co_return errc::invalid_argument; }
    if (target.size() > rpc::symlink::target_max) { co_return errc::name_too_long; }
    if (p.names_directory()) {
        task<result<attributes>> looking = follow(std::move(p));
        BFS_CO_CHECK(co_await std::move(looking));
        co_return errc::already_exists;
    }
    rpc::symlink::request request;
    request.name_size = static_cast<std::uint32_t>(p.name().size());
    const result<rpc::wire_attributes> made =
        co_await named<rpc::symlink>(std::move(p), request, std::move(target));
    co_return made.error();
}

task<result<std::string>> file_system::readlink(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    for (int looks = 0;;) {
        task<result<attributes>> looking = look_up(p);
        BFS_CO_TRY(const attributes found, co_await std::move(looking));
        if (!found.is_symlink()) { co_return errc::invalid_argument; }
        task<result<std::string>> asking = target_of(found.id);
        result<std::string> target = co_await std::move(asking);
        if (target || target.error() != errc::stale_handle) { co_return std::move(target); }
        task<status> pausing = look_again(looks, errc::stale_handle);
        BFS_CO_CHECK(co_await std::move(pausing));
    }
}

task<result<attributes>> file_system::lstat(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    task<result<attributes>> looking = p.names_directory() ? follow(std::move(p)) : look_up(std::move(p));
    co_return co_await std::move(looking);
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
    const bool creates = has(flags, open_flags::create);
    const bool truncates = has(flags, open_flags::truncate);
    if (truncates && !writes) { co_return errc::invalid_argument; }
    rpc::create::request request;
    request.mode = mode;
    request.chunk_size = chunk_size;
    if (has(flags, open_flags::exclusive)) { request.how |= rpc::create::exclusive; }
    if (truncates) { request.how |= rpc::create::truncate; }
    for (int looks = 0, links = 0;;) {
        if (creates && p.names_directory()) { co_return errc::is_a_directory; }
        attributes a; // nlink 0: not made here, nor cut to nothing
        if (creates) {
            BFS_CO_TRY(const rpc::create::reply made, co_await named<rpc::create>(p, request));
            a = from_wire(made.attributes);
            if (a.is_symlink()) { // what it points to is opened, or made
                if (links == links_max) { co_return errc::too_many_symlinks; }
                BFS_CO_TRY(const place at, co_await locate(p));
                task<status> resolving = resolve(a.id, at.directory, {}, p, links, looks);
                BFS_CO_CHECK(co_await std::move(resolving));
                continue;
            }
            if (a.is_directory() && writes) { co_return errc::is_a_directory; }
        }
        const bool found = a.nlink == 0;
        if (found) {
            task<result<attributes>> looking = follow(p);
            const result<attributes> there = co_await std::move(looking);
            if (creates && there.error() == errc::not_found) { // it lived elsewhere, and went meanwhile
                task<status> pausing = look_again(looks, errc::not_found);
                BFS_CO_CHECK(co_await std::move(pausing));
                continue;
            }
            if (!there) { co_return there.error(); }
            a = *there;
        }
        BFS_CO_CHECK(check_opened(a, writes));
        file opened(*this, a, flags);
        if (!found || !truncates) { co_return opened; }
        const status cut = co_await opened.truncate(0);
        if (cut) { co_return opened; }
        if (cut.error() != errc::stale_handle) { co_return cut.error(); }
        // Another file has taken its name since.
        task<status> pausing = look_again(looks, errc::stale_handle);
        BFS_CO_CHECK(co_await std::move(pausing));
    }
}

task<result<attributes>> file_system::stat(std::string path_text) {
    BFS_CO_TRY(path p, path::parse(path_text));
    task<result<attributes>> looking = follow(std::move(p));
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
    if (p.names_directory()) {
        task<result<attributes>> looking = follow(std::move(p));
        BFS_CO_CHECK(co_await std::move(looking));
        co_return errc::is_a_directory;
    }
    const result<rpc::wire_attributes> gone = co_await named<rpc::unlink>(std::move(p), {});
    co_return gone.error();
}

task<status> file_system::rename(std::string from_text, std::string to_text) {
    BFS_CO_TRY(path from, path::parse(from_text));
    BFS_CO_TRY(path to, path::parse(to_text));
    if (from.names_directory() || to.names_directory()) {
        task<result<attributes>> looking = look_up(from);
        BFS_CO_TRY(const attributes moved, co_await std::move(looking));
        if (!moved.is_directory()) { co_return errc::not_a_directory; }
    }
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
        extra.tail = std::as_bytes(std::span(names));
        shared_change shared(client_);
        const bool elsewhere = server_of(target) != server_of(source);
        if (elsewhere) {
            task<void> meeting = shared_change::expect(shared, server_of(target));
            co_await std::move(meeting);
        }
        const result<rpc::empty_reply> done =
            co_await client_.call<rpc::rename>(server_of(source), request, extra);
        if (done && elsewhere) { shared.made_by(server_of(target)); }
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
        if (source.cached) { directories_.erase(source.directory); }
        if (target.cached) { directories_.erase(target.directory); }
    }
}

task<status> file_system::truncate(std::string path_text, std::uint64_t size) {
    BFS_CO_TRY(file opened, co_await open(std::move(path_text), open_flags::write));
    co_return co_await opened.truncate(size);
}

task<status> file_system::change(std::string path_text, rpc::set_attributes::request request) {
    for (int looks = 0;;) {
        task<result<attributes>> asking = stat(path_text);
        BFS_CO_TRY(const attributes a, co_await std::move(asking));
        request.id = a.id.value;
        const result<rpc::wire_attributes> done =
            co_await client_.call<rpc::set_attributes>(a.id.home(), request);
        if (done.error() != errc::stale_handle) { co_return done.error(); }
        task<status> pausing = look_again(looks, errc::stale_handle);
        BFS_CO_CHECK(co_await std::move(pausing));
    }
}

task<status> file_system::chmod(std::string path_text, std::uint32_t mode) {
    rpc::set_attributes::request request;
    request.mode = mode;
    request.which = rpc::set_attributes::mode_bit;
    return change(std::move(path_text), request);
}

task<status> file_system::set_times(std::string path_text, std::optional<std::int64_t> atime_ns,
                                    std::optional<std::int64_t> mtime_ns) {
    rpc::set_attributes::request request;
    if (atime_ns) { request.which |= rpc::set_attributes::atime_bit; }
    if (mtime_ns) { request.which |= rpc::set_attributes::mtime_bit; }
    request.atime_ns = atime_ns.value_or(0);
    request.mtime_ns = mtime_ns.value_or(0);
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

} // namespace

task<result<file_system_usage>> file_system::usage() {
    file_system_usage all;
    const auto one = [&](std::size_t i) { return ask_usage(client_, static_cast<server_id>(i), all); };
    task<status> asking = runtime::parallel_for(placement_.servers(), cluster::servers_at_once, one);
    BFS_CO_CHECK(co_await std::move(asking));
    co_return all;
}

task<status> file_system::ping(server_id server) {
    const rpc::ping::request request{0x70696e67};
    BFS_CO_TRY(const rpc::ping::reply answer, co_await client_.call<rpc::ping>(server, request));
    co_return answer.value == request.value ? errc::ok : errc::bad_frame;
}

} // namespace benchfs
