#include "benchfs/server/directories.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/rpc/page_target.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/peers.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr duration ready_wait = std::chrono::seconds(3);
constexpr duration first_look = std::chrono::milliseconds(1);
constexpr duration longest_look = std::chrono::milliseconds(64);
constexpr duration freeze_look = std::chrono::seconds(1);

} // namespace

struct directories::page {
    rpc::directory_log::reply head;
    std::vector<rpc::wire_directory> entries;
    std::vector<rpc::wire_freeze> frozen;
};

directories::directories(service_state& state) : state_(state), joined_(state.self == server_id{0}) {
    if (const auto known = state.notes.get<std::uint64_t>(note_kind::paths, 0)) { paths_ = *known; }
}

void directories::set_paths(std::uint64_t number) {
    if (number <= paths_) { return; }
    paths_ = number;
    state_.notes.set(note_kind::paths, 0, number);
}

status directories::check(file_id parent, std::uint64_t paths, use u) const noexcept {
    if (!joined_) { return errc::try_again; }
    if (paths != rpc::named_request::no_path) {
        for (const auto& [change, f] : frozen_) {
            if (f.paths != 0) { return errc::try_again; }
        }
        if (paths < paths_) { return errc::stale_epoch; }
    }
    if (u == use::insert) {
        for (const auto& [change, f] : frozen_) {
            if (f.directory == parent.value) { return errc::try_again; }
        }
    }
    if (state_.names.knows_directory(parent)) [[likely]] { return ok(); }
    // A directory that is just being removed still has its inode.
    const result<metadata::attributes> inode = state_.names.stat(parent);
    if (inode && !inode->is_directory()) { return errc::not_a_directory; }
    const bool may_come = state_.dir_log != nullptr ? state_.dir_log->some_come_back() : some_come_back_;
    return may_come ? errc::try_again : errc::stale_handle;
}

/// Somebody has walked paths that this server has not heard of; or nobody has any more, because server 0 has
/// lost its numbers, and they were walked before that.
task<status> directories::follow(std::uint64_t paths) {
    if (state_.dir_log != nullptr) {
        state_.dir_log->heard_of(paths);
        co_return ok();
    }
    if (paths >= rpc::directory_log::largest_number) { co_return ok(); }
    seen_ = std::max(seen_, paths);
    task<status> asking = fetch();
    co_return co_await std::move(asking);
}

task<status> directories::ready(file_id parent, std::uint64_t paths, use u) {
    if (paths != rpc::named_request::no_path && paths > std::max(paths_, seen_)) {
        task<status> following = follow(paths);
        (void)co_await std::move(following); // else as far as is known here
    }
    const time_point until = state_.loop.now() + ready_wait;
    duration pause = first_look;
    bool asked = state_.self == server_id{0};
    bool reached = true;
    while (true) {
        const status now = check(parent, paths, u);
        const bool unknown = now.error() == errc::stale_handle && !asked;
        if (now.error() != errc::try_again && !unknown) { co_return now; }
        if (state_.loop.now() >= until) { co_return reached ? errc::try_again : errc::no_server; }
        if (!unknown || !reached) {
            BFS_CO_CHECK(co_await runtime::sleep_for(pause));
            pause = std::min(pause * 2, longest_look);
        }
        task<status> asking = fetch();
        const status got = co_await std::move(asking);
        reached = static_cast<bool>(got);
        asked = asked || (unknown && reached);
    }
}

rpc::freeze::reply directories::freeze(const rpc::wire_freeze& what) {
    frozen_.insert_or_assign(what.change, what);
    if (state_.self != server_id{0} && !std::exchange(watching_, true)) {
        state_.background->spawn(watch_freezes(*this));
    }
    const file_id in{what.directory};
    rpc::freeze::reply there;
    if (!in.valid()) { return there; }
    there.entries = state_.names.entries_in(in);
    state_.locks.each_in(in, [&](std::string_view name) {
        const result<std::optional<metadata::entry_info>> entry = state_.names.find_entry(in, name);
        if (entry && *entry) { --there.entries; }
        ++there.held;
    });
    return there;
}

/// Server 0 says once that a change has ended, and that may be lost.
task<status> directories::watch_freezes(directories& self) {
    status going = co_await runtime::sleep_for(freeze_look);
    while (going && !self.frozen_.empty()) {
        task<status> asking = self.fetch();
        (void)co_await std::move(asking);
        going = co_await runtime::sleep_for(freeze_look);
    }
    self.watching_ = false;
    co_return ok();
}

task<status> directories::join(directories& self) {
    duration pause = first_look;
    while (!self.joined_) {
        task<status> asking = self.fetch();
        const status got = co_await std::move(asking);
        if (got) { break; }
        BFS_CO_CHECK(co_await runtime::sleep_for(pause));
        pause = std::min(pause * 2, longest_look);
    }
    co_return ok();
}

task<status> directories::fetch() {
    if (state_.self == server_id{0}) { co_return ok(); }
    const std::uint64_t before = begun_;
    BFS_CO_TRY(auto turn, co_await fetching_.lock());
    if (done_ > before) { co_return ok(); } // one that began after we asked has told us all
    const std::uint64_t mine = ++begun_;
    task<status> fetching = fetch_pages();
    BFS_CO_CHECK(co_await std::move(fetching));
    done_ = mine;
    co_return ok();
}

task<status> directories::fetch_pages() {
    parents there; // of all directories, when all are sent
    std::uint64_t cursor = 0;
    std::uint64_t from_then = 0;
    std::uint64_t teller = 0; // the start of server 0 that sends all
    bool whole = false;
    while (true) {
        page p;
        task<status> asking = fetch_page(cursor, p);
        if (const status got = co_await std::move(asking); !got) {
            if (whole) { incarnation_ = 0; } // all of them again: they have not been compared
            co_return got;
        }
        if (cursor != 0 && p.head.incarnation != teller) {
            cursor = 0; // its log has begun anew: all of it from the beginning
            incarnation_ = 0;
            continue;
        }
        teller = p.head.incarnation;
        if (p.head.all != 0 && cursor == 0) {
            whole = true;
            from_then = p.head.position;
            there.clear();
        }
        for (const rpc::wire_directory& entry : p.entries) {
            apply(entry);
            // Those that were made while the pages came, too.
            if (whole && entry.kind == rpc::wire_directory::exists) {
                there.insert_or_assign({entry.id}, file_id{entry.parent});
            }
        }
        if (p.head.all != 0) {
            cursor = p.head.cursor;
            if (p.head.more != 0) { continue; }
            // What changed while the pages came is in the log from there on.
            incarnation_ = p.head.incarnation;
            position_ = from_then;
            cursor = 0;
            continue;
        }
        position_ = p.head.position;
        if (p.head.more != 0) { continue; }
        set_paths(p.head.paths);
        some_come_back_ = p.head.some_come_back != 0;
        lost_ = p.head.lost != 0;
        take_freezes(p);
        break;
    }
    if (whole) {
        task<status> comparing = compare_all(std::move(there));
        if (const status compared = co_await std::move(comparing); !compared) {
            incarnation_ = 0; // all of them again, and what is left of this comparison
            co_return compared;
        }
    }
    if (!joined_) {
        joined_ = true;
        BFS_LOG_INFO("server", "joined: %zu directories are known", state_.names.state().entries.directories());
    }
    co_return ok();
}

task<status> directories::fetch_page(std::uint64_t cursor, page& into) {
    using method = rpc::directory_log;
    const auto memory = std::make_unique<std::byte[]>(method::page_max);
    rpc::page_target target({memory.get(), method::page_max});
    rpc::call_extra extra;
    extra.target = &target;
    extra.reply_payload_max = method::page_max;
    const std::uint64_t highest = std::max({paths_, seen_, frozen_.empty() ? 0 : frozen_.rbegin()->first});
    const method::request request{incarnation_, position_, cursor, highest};
    task<result<method::reply>> asking = state_.others->client().call<method>(server_id{0}, request, extra);
    BFS_CO_TRY(into.head, co_await std::move(asking));
    const std::size_t entry_bytes = into.head.entries * sizeof(rpc::wire_directory);
    const_byte_span bytes = target.page();
    if (bytes.size() != entry_bytes + into.head.frozen * sizeof(rpc::wire_freeze)) {
        co_return errc::bad_frame;
    }
    into.entries.resize(into.head.entries);
    into.frozen.resize(into.head.frozen);
    for (std::size_t i = 0; i < into.entries.size(); ++i) {
        (void)load(bytes.subspan(i * sizeof(rpc::wire_directory)), into.entries[i]);
    }
    bytes = bytes.subspan(entry_bytes);
    for (std::size_t i = 0; i < into.frozen.size(); ++i) {
        (void)load(bytes.subspan(i * sizeof(rpc::wire_freeze)), into.frozen[i]);
    }
    co_return ok();
}

void directories::apply(const rpc::wire_directory& entry) {
    const file_id id{entry.id};
    if (entry.kind == rpc::wire_directory::exists) {
        state_.names.adopt_directory(id, {entry.parent});
    } else if (!state_.names.forget_directory(id)) {
        // Only after a power failure: entries that were never synced, in a directory that is gone.
        BFS_LOG_WARN("server", "directory %llx is gone and has entries here; fsck finds them",
                     static_cast<unsigned long long>(entry.id));
    }
}

/// A freeze that came by itself while this page was on its way is newer than the page and stays.
void directories::take_freezes(const page& from) {
    std::erase_if(frozen_, [&](const auto& item) { return item.first <= from.head.change; });
    for (const rpc::wire_freeze& f : from.frozen) { frozen_.insert_or_assign(f.change, f); }
}

} // namespace benchfs::server
