// Lists of what this server holds, page after page; see rpc::inventory.
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/services.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;
using list_method = rpc::inventory;

// Parts of the chunk store that one page looks at, most of which have one chunk or none.
constexpr std::size_t parts_a_page = 16384;
constexpr std::size_t directories_a_page = 16384;

/// A page that is being filled.
class inventory_page {
public:
    explicit inventory_page(const list_method::request& asked) : asked_(asked) {
        answer.position = asked.position;
        bytes_.reserve(list_method::page_max);
    }

    [[nodiscard]] const list_method::place& from() const noexcept { return asked_.position; }

    /// False: there is no room; the page ends before this record.
    template <wire_struct T>
    [[nodiscard]] bool add(const T& record, std::string_view name = {}) {
        const std::size_t room = (name.size() + 7) / 8 * 8;
        if (list_method::page_max - bytes_.size() < sizeof(record) + room) {
            answer.more = 1;
            return false;
        }
        const const_byte_span fixed = bytes_of(record);
        bytes_.insert(bytes_.end(), fixed.begin(), fixed.end());
        const const_byte_span text = std::as_bytes(std::span(name));
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        bytes_.resize(bytes_.size() + room - name.size());
        ++answer.records;
        return true;
    }
    [[nodiscard]] const_byte_span bytes() const noexcept { return bytes_; }

    list_method::reply answer;

private:
    list_method::request asked_;
    std::vector<std::byte> bytes_;
};

void list_inodes(service_state& state, inventory_page& out) {
    metadata::tables& all = state.names.state();
    file_id at{out.from()[0]};
    while (const metadata::attributes* a = all.inodes.after(at)) {
        // Every server knows a root; the one at its home counts.
        const bool shown = a->id != root_id || state.self == root_id.home();
        const rpc::wire_inode w{a->id.value, a->size, a->epoch, static_cast<std::uint32_t>(a->type),
                                a->chunk_size};
        if (shown && !out.add(w)) { return; }
        at = a->id;
        out.answer.position[0] = at.value;
    }
}

/// position: the directory, and 1 in the middle of it.
void list_entries(service_state& state, inventory_page& out, std::string_view after) {
    metadata::tables& all = state.names.state();
    file_id at{out.from()[0]};
    const auto list = [&](const metadata::directory& in, std::string_view behind) {
        bool room = true;
        all.entries.list(in, behind, [&](std::string_view name, const metadata::dentry& entry) {
            const rpc::wire_name w{in.id.value, entry.child.value, static_cast<std::uint32_t>(entry.type()),
                                   static_cast<std::uint32_t>(name.size())};
            room = out.add(w, name);
            if (room) { out.answer.position = {in.id.value, 1, 0}; }
            return room;
        });
        return room;
    };
    if (out.from()[1] != 0 && !after.empty()) {
        const metadata::directory* in = all.entries.find_directory(at);
        if (in != nullptr && !list(*in, after)) { return; }
        out.answer.position = {at.value, 0, 0};
    }
    for (std::size_t looked = 0; const metadata::directory* in = all.entries.directory_after(at); ++looked) {
        if (looked == directories_a_page) {
            out.answer.more = 1;
            return;
        }
        at = in->id;
        // A page that ends before the first entry of a directory goes on behind the directory before it: only
        // an entry that was shown moves the position into one.
        if (!list(*in, {})) { return; }
        out.answer.position = {at.value, 0, 0};
    }
}

[[nodiscard]] rpc::wire_chunk wire_chunk_of(const service_state& state, chunk_id id, std::uint32_t length) {
    rpc::wire_chunk w;
    w.file = id.file.value;
    w.index = id.index;
    w.length = length;
    const auto epoch = state.notes.get<std::uint64_t>(note_kind::striped, id.file.value);
    w.epoch = epoch.value_or(rpc::wire_chunk::no_epoch);
    return w;
}

/// The chunks of one part, in order, so that a page may end in the middle of it.
class part_of_store final : public storage::chunk_visitor {
public:
    struct item {
        chunk_id id;
        std::uint32_t length;
    };
    void chunk(chunk_id id, std::uint32_t length) override {
        if (length != 0) { items.push_back({id, length}); } // else its first write is on its way
    }
    std::vector<item> items;
};

/// position: the part, and the last chunk of it that was shown.
void list_chunks(service_state& state, inventory_page& out) {
    const chunk_id last{{out.from()[1]}, static_cast<std::uint32_t>(out.from()[2])};
    for (std::size_t part = out.from()[0], looked = 0;; ++part, ++looked) {
        out.answer.position = {part, 0, 0};
        if (looked == parts_a_page) {
            out.answer.more = 1;
            return;
        }
        part_of_store here;
        if (!state.store.visit_part(part, here)) { return; }
        std::sort(here.items.begin(), here.items.end(),
                  [](const auto& a, const auto& b) { return a.id < b.id; });
        for (const part_of_store::item& one : here.items) {
            if (looked == 0 && last.file.valid() && one.id <= last) { continue; }
            if (!out.add(wire_chunk_of(state, one.id, one.length))) { return; }
            out.answer.position = {part, one.id.file.value, one.id.index};
        }
    }
}

/// Shows the notes of a kind after the key in position[1] with `show`; false: the page is full.
template <class F>
[[nodiscard]] bool list_notes(service_state& state, inventory_page& out, note_kind kind, F&& show) {
    for (const auto* note = state.notes.after({kind, out.answer.position[1]});
         note != nullptr && note->first.first == kind; note = state.notes.after(note->first)) {
        if (!show(note->first.second, const_byte_span(note->second))) { return false; }
        out.answer.position[1] = note->first.second;
    }
    return true;
}

/// position: [1] the last file that was shown whole, [2] the first server of the next one that was not.
void list_copies(service_state& state, inventory_page& out) {
    (void)list_notes(state, out, note_kind::copies, [&](std::uint64_t file, const_byte_span bits) {
        for (std::uint64_t s = out.answer.position[2]; s < bits.size() * 8; ++s) {
            const bool set = (bits[s / 8] & (std::byte{1} << (s % 8))) != std::byte{0};
            out.answer.position[2] = s;
            if (set && !out.add(rpc::wire_copy{file, s})) { return false; }
        }
        out.answer.position[2] = 0;
        return true;
    });
}

void list_stripes(service_state& state, inventory_page& out) {
    (void)list_notes(state, out, note_kind::striped, [&](std::uint64_t file, const_byte_span bytes) {
        std::uint64_t epoch = 0;
        return !load(bytes, epoch) || out.add(rpc::wire_stripe{file, epoch});
    });
}

/// position: the kind, and its last key. Appends come first: what they store may lie behind the end of the
/// file.
void list_pending(service_state& state, inventory_page& out) {
    const auto next_kind = [&] { out.answer.position = {out.answer.position[0] + 1, 0, 0}; };
    if (out.answer.position[0] == 0) {
        std::vector<std::uint64_t> appended;
        for (const auto& [file, turn] : state.appends) { appended.push_back(file.value); }
        std::sort(appended.begin(), appended.end());
        for (const std::uint64_t file : appended) {
            if (file <= out.from()[1]) { continue; }
            if (!out.add(rpc::id_request{file})) { return; }
            out.answer.position[1] = file;
        }
        next_kind();
    }
    if (out.answer.position[0] == 1) {
        const auto show = [&](std::uint64_t, const_byte_span bytes) {
            const std::optional<intent> what = intent::parse(bytes);
            return !what || out.add(rpc::id_request{what->head.child.value});
        };
        if (!list_notes(state, out, note_kind::intent, show)) { return; }
        next_kind();
    }
    if (out.answer.position[0] == 2) {
        const auto show = [&](std::uint64_t, const_byte_span bytes) {
            duty what;
            return !load(bytes, what) || out.add(rpc::id_request{what.id});
        };
        if (!list_notes(state, out, note_kind::duty, show)) { return; }
        next_kind();
    }
    const auto show = [&](std::uint64_t, const_byte_span bytes) {
        rpc::reserve_entry::request what;
        return !load(bytes, what) || out.add(rpc::id_request{what.child});
    };
    (void)list_notes(state, out, note_kind::reserved, show);
}

void show_chunk(service_state& state, inventory_page& out) {
    const chunk_id id{{out.from()[0]}, static_cast<std::uint32_t>(out.from()[1])};
    const std::uint32_t length = state.store.length(id);
    if (length != 0) { (void)out.add(wire_chunk_of(state, id, length)); }
}

task<status> take_inventory(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<list_method>();
    inventory_page out(asked);
    switch (asked.list) {
    case list_method::inodes:
        list_inodes(state, out);
        break;
    case list_method::entries:
        list_entries(state, out, call.tail<list_method>());
        break;
    case list_method::chunks:
        list_chunks(state, out);
        break;
    case list_method::copies:
        list_copies(state, out);
        break;
    case list_method::stripes:
        list_stripes(state, out);
        break;
    case list_method::pending:
        list_pending(state, out);
        break;
    case list_method::one_chunk:
        show_chunk(state, out);
        break;
    default:
        co_return errc::not_supported;
    }
    if (out.bytes().empty()) {
        call.reply<list_method>(out.answer);
        co_return ok();
    }
    const const_segments bytes(out.bytes());
    (void)co_await call.reply_with<list_method>(out.answer, bytes);
    co_return ok();
}

} // namespace

void register_inventory_method(rpc::server& to, service_state& state) {
    to.handle(rpc::inventory::info, &state, take_inventory);
}

} // namespace benchfs::server
