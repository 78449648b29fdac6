#include "benchfs/client/file_system.hpp"
#include "benchfs/rpc/page_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

constexpr std::size_t listed_at_once = 64; // that are listed
constexpr std::size_t inodes_at_once = 16; // whose homes are asked for them

/// Takes a page apart; false if it is not what a server sends.
[[nodiscard]] bool take_entries(const_byte_span page, std::uint32_t count, std::vector<directory_entry>& into) {
    for (std::uint32_t i = 0; i < count; ++i) {
        rpc::wire_entry wire;
        if (!load(page, wire)) { return false; }
        page = page.subspan(sizeof(wire));
        const std::size_t room = (std::size_t{wire.name_size} + 7) / 8 * 8;
        if (wire.name_size == 0 || wire.name_size > rpc::name_max || page.size() < room) { return false; }
        const std::string_view name(reinterpret_cast<const char*>(page.data()), wire.name_size);
        if (!validate_name(name)) { return false; }
        into.push_back({std::string(name), from_wire(wire.attributes)});
        page = page.subspan(room);
    }
    return page.empty();
}

} // namespace

/// One directory's entries on one server, page after page.
static task<status> list_server(rpc::client& client, server_id server, file_id id,
                                std::vector<directory_entry>& into) {
    const auto memory = std::make_unique<std::byte[]>(rpc::readdir::page_max);
    std::string after;
    while (true) {
        rpc::page_target target({memory.get(), rpc::readdir::page_max});
        rpc::readdir::request request;
        request.id = id.value;
        request.page_bytes = rpc::readdir::page_max;
        rpc::call_extra extra;
        extra.tail = std::as_bytes(std::span(after.data(), after.size()));
        extra.target = &target;
        extra.reply_payload_max = rpc::readdir::page_max;
        BFS_CO_TRY(const rpc::readdir::reply answer,
                   co_await client.call<rpc::readdir>(server, request, extra));
        if (!take_entries(target.page(), answer.entries, into)) { co_return errc::bad_frame; }
        if (answer.more == 0) { co_return ok(); }
        if (answer.entries == 0) { co_return errc::bad_frame; } // it would never end
        after = into.back().name;
    }
}

/// The attributes of an entry whose inode is not with it; an entry without a name if it is gone.
static task<status> complete_entry(rpc::client& client, directory_entry& entry) {
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

task<result<std::vector<directory_entry>>> file_system::readdir(std::string path_text) {
    BFS_CO_TRY(const attributes directory, co_await stat(std::move(path_text)));
    if (!directory.is_directory()) { co_return errc::not_a_directory; }
    std::vector<std::vector<directory_entry>> parts(placement_.servers());
    const auto one = [&](std::size_t i) {
        return list_server(client_, static_cast<server_id>(i), directory.id, parts[i]);
    };
    task<status> listing = runtime::parallel_for(parts.size(), listed_at_once, one);
    BFS_CO_CHECK(co_await std::move(listing));
    std::vector<directory_entry> all;
    std::vector<std::size_t> elsewhere;
    for (std::vector<directory_entry>& part : parts) {
        for (directory_entry& entry : part) {
            if (entry.attr.nlink == 0) { elsewhere.push_back(all.size()); }
            all.push_back(std::move(entry));
        }
    }
    const auto complete = [&](std::size_t i) { return complete_entry(client_, all[elsewhere[i]]); };
    task<status> completing = runtime::parallel_for(elsewhere.size(), inodes_at_once, complete);
    BFS_CO_CHECK(co_await std::move(completing));
    std::erase_if(all, [](const directory_entry& e) { return e.name.empty(); });
    std::sort(all.begin(), all.end(),
              [](const directory_entry& a, const directory_entry& b) { return a.name < b.name; });
    co_return std::move(all);
}

} // namespace benchfs
