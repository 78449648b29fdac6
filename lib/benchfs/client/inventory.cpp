#include "benchfs/client/inventory.hpp"

#include "benchfs/client/file_system.hpp"
#include "benchfs/rpc/page_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>

namespace benchfs {
namespace {

using list_method = rpc::inventory;
using runtime::task;

constexpr int path_depth = 1000; // names of a path that is shown

/// One list of one server, page after page, into a part of everything.
class lister {
public:
    lister(rpc::client& client, server_id server, held_everything& into) noexcept
        : client_(client), server_(server), into_(into) {}

    task<status> list(list_method::lists what) {
        const auto memory = std::make_unique<std::byte[]>(list_method::page_max);
        list_method::request request;
        request.list = what;
        std::string name; // the last one of a page of entries
        while (true) {
            rpc::page_target target({memory.get(), list_method::page_max});
            rpc::call_extra extra;
            extra.tail = std::as_bytes(std::span(name.data(), name.size()));
            extra.target = &target;
            extra.reply_payload_max = list_method::page_max;
            BFS_CO_TRY(const list_method::reply said,
                       co_await client_.call<list_method>(server_, request, extra));
            const_byte_span page = target.page();
            for (std::uint32_t i = 0; i < said.records; ++i) {
                if (!take(what, page)) { co_return errc::bad_frame; }
            }
            if (!page.empty()) { co_return errc::bad_frame; }
            if (said.more == 0) { co_return ok(); }
            if (said.position == request.position && said.records == 0) { co_return errc::bad_frame; }
            request.position = said.position;
            name.clear();
            if (what == list_method::entries && said.position[1] != 0 && !into_.entries.empty()) {
                name = into_.entries.back().name;
            }
        }
    }

private:
    template <wire_struct T>
    [[nodiscard]] static bool next(const_byte_span& page, T& to) {
        if (!load(page, to)) { return false; }
        page = page.subspan(sizeof(T));
        return true;
    }

    /// The next record of the page; false if there is none.
    [[nodiscard]] bool take(list_method::lists what, const_byte_span& page) {
        switch (what) {
        case list_method::inodes:
            return take_inode(page);
        case list_method::entries:
            return take_entry(page);
        case list_method::chunks:
            return take_chunk(page);
        case list_method::copies: {
            rpc::wire_copy w;
            if (!next(page, w)) { return false; }
            into_.copies.push_back({{w.file}, static_cast<server_id>(w.server)});
            return true;
        }
        case list_method::stripes: {
            rpc::wire_stripe w;
            if (!next(page, w)) { return false; }
            into_.stripes.push_back({{w.file}, server_});
            return true;
        }
        default: {
            rpc::id_request w;
            if (!next(page, w)) { return false; }
            into_.changing.push_back({w.id});
            return true;
        }
        }
    }

    [[nodiscard]] bool take_inode(const_byte_span& page) {
        rpc::wire_inode w;
        if (!next(page, w)) { return false; }
        into_.inodes.push_back({{w.id}, w.size, w.epoch, static_cast<file_type>(w.type), w.chunk_size});
        return true;
    }

    [[nodiscard]] bool take_entry(const_byte_span& page) {
        rpc::wire_name w;
        if (!next(page, w)) { return false; }
        const std::size_t room = (std::size_t{w.name_size} + 7) / 8 * 8;
        if (w.name_size == 0 || w.name_size > rpc::name_max || page.size() < room) { return false; }
        const std::string_view name(reinterpret_cast<const char*>(page.data()), w.name_size);
        into_.entries.push_back(
            {{w.parent}, {w.child}, static_cast<file_type>(w.type), server_, std::string(name)});
        page = page.subspan(room);
        return true;
    }

    [[nodiscard]] bool take_chunk(const_byte_span& page) {
        rpc::wire_chunk w;
        if (!next(page, w)) { return false; }
        into_.chunks.push_back({{{w.file}, w.index}, w.length, w.epoch, server_});
        return true;
    }

    rpc::client& client_;
    server_id server_;
    held_everything& into_;
};

/// Chunks before the inodes that they belong to: a file only gets longer, so what is in flight rarely looks
/// wrong.
task<status> take_server(file_system& fs, server_id server, held_everything& into) {
    lister from(fs.calls(), server, into);
    static constexpr std::array lists{list_method::pending, list_method::stripes, list_method::chunks,
                                      list_method::entries, list_method::inodes,  list_method::copies};
    for (const list_method::lists what : lists) {
        task<status> listing = from.list(what);
        BFS_CO_CHECK(co_await std::move(listing));
    }
    co_return ok();
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from = {};
}

template <class T, class Less>
void sort_unique(std::vector<T>& all, Less less) {
    std::sort(all.begin(), all.end(), less);
    all.erase(std::unique(all.begin(), all.end(), [&](const T& a, const T& b) { return !less(a, b); }),
              all.end());
}

void put_in_order(held_everything& all) {
    sort_unique(all.inodes, [](const held_inode& a, const held_inode& b) { return a.id < b.id; });
    sort_unique(all.entries, [](const held_entry& a, const held_entry& b) {
        return std::tie(a.child, a.parent, a.name, a.server) < std::tie(b.child, b.parent, b.name, b.server);
    });
    sort_unique(all.chunks, [](const held_chunk& a, const held_chunk& b) {
        return std::tie(a.id, a.server) < std::tie(b.id, b.server);
    });
    sort_unique(all.copies, std::less<>());
    sort_unique(all.stripes, std::less<>());
    sort_unique(all.changing, std::less<>());
}

} // namespace

const held_inode* held_everything::inode(file_id id) const noexcept {
    const auto at = std::lower_bound(inodes.begin(), inodes.end(), id,
                                     [](const held_inode& a, file_id b) { return a.id < b; });
    return at != inodes.end() && at->id == id ? &*at : nullptr;
}

bool held_everything::is_changing(file_id id) const noexcept {
    return std::binary_search(changing.begin(), changing.end(), id);
}

std::string held_everything::path_of(file_id id) const {
    std::string path;
    for (int depth = 0; depth < path_depth; ++depth) {
        if (id == root_id) { return path.empty() ? "/" : path; }
        const auto at = std::lower_bound(entries.begin(), entries.end(), id,
                                         [](const held_entry& a, file_id b) { return a.child < b; });
        if (at == entries.end() || at->child != id) { return {}; }
        path.insert(0, "/" + at->name);
        id = at->parent;
    }
    return {};
}

task<status> take_inventory(file_system& fs, held_everything& into, server_id& failed) {
    std::vector<held_everything> parts(fs.servers());
    struct one {
        static task<status> take(file_system& fs, server_id server, held_everything& part, server_id& failed) {
            task<status> taking = take_server(fs, server, part);
            const status outcome = co_await std::move(taking);
            if (!outcome && outcome.error() != errc::cancelled) { failed = server; }
            co_return outcome;
        }
    };
    const auto body = [&](std::size_t i) { return one::take(fs, static_cast<server_id>(i), parts[i], failed); };
    task<status> all = runtime::parallel_for(parts.size(), cluster::servers_at_once, body);
    BFS_CO_CHECK(co_await std::move(all));
    into = {};
    for (held_everything& part : parts) {
        append(into.inodes, part.inodes);
        append(into.entries, part.entries);
        append(into.chunks, part.chunks);
        append(into.copies, part.copies);
        append(into.stripes, part.stripes);
        append(into.changing, part.changing);
    }
    put_in_order(into);
    co_return ok();
}

} // namespace benchfs
