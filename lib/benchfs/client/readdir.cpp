// Listings: page after page, or all at once from all servers.
//
// A server lists the entries that it has in an order that nobody changes, (hash, name), so a page goes on
// behind a name, whether that is still there or not.
#include "benchfs/base/hash.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/rpc/page_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

constexpr std::size_t inodes_at_once = 16; // whose homes are asked for them

/// Whether a server lists `a` before `b`; see rpc::readdir.
[[nodiscard]] bool listed_before(file_id directory, std::string_view a, std::string_view b) noexcept {
    const std::uint64_t hash_a = hash64(a, directory.value);
    const std::uint64_t hash_b = hash64(b, directory.value);
    return hash_a != hash_b ? hash_a < hash_b : a < b;
}

/// Takes a page apart, all of it behind `after`; false if it is not what a server sends. Names that did not
/// rise could make a listing without an end.
[[nodiscard]] bool take_entries(const_byte_span page, std::uint32_t count, file_id directory, std::string after,
                                std::vector<directory_entry>& into) {
    for (std::uint32_t i = 0; i < count; ++i) {
        rpc::wire_entry wire;
        if (!load(page, wire)) { return false; }
        page = page.subspan(sizeof(wire));
        const std::size_t room = (std::size_t{wire.name_size} + 7) / 8 * 8;
        if (wire.name_size == 0 || wire.name_size > rpc::name_max || page.size() < room) { return false; }
        const std::string_view name(reinterpret_cast<const char*>(page.data()), wire.name_size);
        if (!validate_name(name)) { return false; }
        if (!after.empty() && !listed_before(directory, after, name)) { return false; }
        after = name;
        into.push_back({std::string(name), from_wire(wire.attributes)});
        page = page.subspan(room);
    }
    return page.empty();
}

using page_memory = std::unique_ptr<std::byte[]>;

[[nodiscard]] page_memory memory_for_pages() {
    return std::make_unique_for_overwrite<std::byte[]>(rpc::readdir::page_max);
}

/// One page of one server's entries, those behind `after`; whether there are more.
task<result<bool>> list_page(rpc::client& client, server_id server, file_id id, std::string after,
                             const page_memory& memory, std::vector<directory_entry>& into) {
    rpc::page_target target({memory.get(), rpc::readdir::page_max});
    rpc::readdir::request request;
    request.id = id.value;
    request.page_bytes = rpc::readdir::page_max;
    rpc::call_extra extra;
    extra.tail = std::as_bytes(std::span(after));
    extra.target = &target;
    extra.reply_payload_max = rpc::readdir::page_max;
    BFS_CO_TRY(const rpc::readdir::reply answer, co_await client.call<rpc::readdir>(server, request, extra));
    const bool good = take_entries(target.page(), answer.entries, id, after, into);
    if (!good || (answer.more != 0 && answer.entries == 0)) {
        BFS_LOG_WARN("client", "server %u sends a page of directory %llx that cannot be",
                     static_cast<unsigned>(server), static_cast<unsigned long long>(id.value));
        co_return errc::bad_frame;
    }
    co_return answer.more != 0;
}

/// One directory's entries on one server, page after page.
task<status> list_server(rpc::client& client, server_id server, file_id id,
                         std::vector<directory_entry>& into) {
    const page_memory memory = memory_for_pages();
    std::string after;
    while (true) {
        task<result<bool>> listing = list_page(client, server, id, after, memory, into);
        BFS_CO_TRY(const bool more, co_await std::move(listing));
        if (!more) { co_return ok(); }
        after = into.back().name;
    }
}

/// The attributes of an entry whose inode is not with it; an entry without a name if it is gone.
task<status> complete_entry(rpc::client& client, directory_entry& entry) {
    const rpc::id_request request{entry.attr.id.value};
    const auto found = co_await client.call<rpc::stat>(entry.attr.id.home(), request);
    if (found) {
        entry.attr = from_wire(*found);
    } else if (found.error() == errc::stale_handle) {
        entry.name.clear();
    } else {
        co_return found.error();
    }
    co_return ok();
}

task<status> complete_all(rpc::client& client, std::vector<directory_entry>& all) {
    std::vector<std::size_t> elsewhere;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].attr.nlink == 0) { elsewhere.push_back(i); }
    }
    const auto one = [&](std::size_t i) { return complete_entry(client, all[elsewhere[i]]); };
    task<status> completing = runtime::parallel_for(elsewhere.size(), inodes_at_once, one);
    BFS_CO_CHECK(co_await std::move(completing));
    std::erase_if(all, [](const directory_entry& e) { return e.name.empty(); });
    co_return ok();
}

} // namespace

task<result<directory_cursor>> file_system::list(std::string path_text) {
    task<result<attributes>> looking = stat(std::move(path_text));
    BFS_CO_TRY(const attributes found, co_await std::move(looking));
    if (!found.is_directory()) { co_return errc::not_a_directory; }
    directory_cursor start;
    start.directory = found.id;
    co_return start;
}

task<result<directory_page>> file_system::list_from(directory_cursor at) {
    directory_page page;
    page.next = std::move(at);
    directory_cursor& now = page.next;
    const page_memory memory = memory_for_pages();
    while (page.entries.empty() && now.server < placement_.servers()) {
        task<result<bool>> listing = list_page(client_, static_cast<server_id>(now.server), now.directory,
                                               now.after, memory, page.entries);
        BFS_CO_TRY(const bool more, co_await std::move(listing));
        if (more) {
            now.after = page.entries.back().name;
        } else {
            now.after.clear();
            ++now.server;
        }
        task<status> completing = complete_all(client_, page.entries);
        BFS_CO_CHECK(co_await std::move(completing));
    }
    co_return std::move(page);
}

task<result<std::vector<directory_entry>>> file_system::readdir(std::string path_text) {
    task<result<directory_cursor>> beginning = list(std::move(path_text));
    BFS_CO_TRY(const directory_cursor start, co_await std::move(beginning));
    std::vector<std::vector<directory_entry>> parts(placement_.servers());
    const auto one = [&](std::size_t i) {
        return list_server(client_, static_cast<server_id>(i), start.directory, parts[i]);
    };
    task<status> listing = runtime::parallel_for(parts.size(), cluster::servers_at_once, one);
    BFS_CO_CHECK(co_await std::move(listing));
    std::vector<directory_entry> all;
    for (std::vector<directory_entry>& part : parts) {
        for (directory_entry& entry : part) { all.push_back(std::move(entry)); }
    }
    task<status> completing = complete_all(client_, all);
    BFS_CO_CHECK(co_await std::move(completing));
    std::sort(all.begin(), all.end(),
              [](const directory_entry& a, const directory_entry& b) { return a.name < b.name; });
    co_return std::move(all);
}

} // namespace benchfs
