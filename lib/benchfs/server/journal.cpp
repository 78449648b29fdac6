// Writing changes and replies, and reading them again; checkpoints are in journal_checkpoint.cpp.
#include "benchfs/server/journal.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/rpc/methods.hpp"
#include "benchfs/server/journal_records.hpp"
#include "benchfs/server/note_check.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace benchfs::server {
namespace {

constexpr std::uint16_t number_of(journal_kind kind) noexcept { return static_cast<std::uint16_t>(kind); }

/// Whether a method gives more room in the log and on the disk than it takes: those go on when both are full.
/// What other servers ask belongs to it as far as it ends something: a removal that began elsewhere, an
/// agreement, a duty. Refusing that would keep the space for ever.
[[nodiscard]] constexpr bool frees_room(std::uint16_t method) noexcept {
    switch (method) {
    case rpc::unlink::info.id:
    case rpc::rmdir::info.id:
    case rpc::cut_chunk::info.id:
    case rpc::set_size::info.id:
    case rpc::sync_server::info.id:
    case rpc::remove_directory::info.id:
    case rpc::freeze::info.id:
    case rpc::thaw::info.id:
    case rpc::settle_entry::info.id:
    case rpc::forget_move::info.id:
    case rpc::drop_inode::info.id:
    case rpc::cut_file::info.id:
        return true;
    // Their handlers look, once they know that this is no repeat: a refusal would say that nothing has
    // happened.
    case rpc::add_directory::info.id:
    case rpc::move_directory::info.id:
    case rpc::link_entry::info.id:
        return true;
    default:
        return false;
    }
}

[[nodiscard]] std::string_view text_of(const_byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

// A record that cannot be staged means that the log failed: the next write() says so, before any answer.
template <class T>
void journal::put(std::uint16_t kind, const T& body, std::string_view tail, effect does) {
    if (log_ == nullptr) { return; }
    (void)log_->stage(kind, {bytes_of(body), std::as_bytes(std::span(tail))}, does);
}

void journal::begin(storage::wal& log) {
    log_ = &log;
    notes_->set_sink(this);
    log.let_owner_flush();
    log.add_source(*this);
}

void journal::attach(rpc::server& requests) {
    requests_ = &requests;
    const time_point now = requests.now();
    for (auto& [id, kept] : recovered_) {
        rpc::session* s = requests.session_list().open(id);
        if (s == nullptr) { break; } // more than there may be: those clients hear that the outcome is not known
        s->incarnation = kept.incarnation;
        s->generation = kept.generation;
        s->keep_for = std::chrono::milliseconds(kept.keep_ms);
        s->lost_at = now;
        for (auto& [place, reply] : kept.replies) {
            rpc::session::entry& e = s->at(reply.sequence);
            e.sequence = reply.sequence;
            e.method = reply.method;
            e.size = static_cast<std::uint32_t>(reply.bytes.size());
            std::memcpy(e.reply.data(), reply.bytes.data(), reply.bytes.size());
        }
    }
    recovered_.clear();
    requests.set_log(*this);
}

// ---- changes ----

void journal::inode_set(const metadata::attributes& now) { put(number_of(journal_kind::inode_set), now); }
void journal::inode_removed(file_id id) {
    put(number_of(journal_kind::inode_removed), journal_number{id.value}, {}, effect::removes);
}
void journal::dentry_set(file_id parent, std::string_view name, file_id child, metadata::file_type type) {
    const journal_dentry body{parent.value, child.value, static_cast<std::uint32_t>(type),
                              static_cast<std::uint32_t>(name.size())};
    put(number_of(journal_kind::dentry_set), body, name);
}
void journal::dentry_removed(file_id parent, std::string_view name) {
    const journal_dentry body{parent.value, 0, 0, static_cast<std::uint32_t>(name.size())};
    put(number_of(journal_kind::dentry_removed), body, name, effect::removes);
}
void journal::directory_set(file_id id, file_id parent) {
    put(number_of(journal_kind::directory_set), journal_directory{id.value, parent.value});
}
void journal::directory_removed(file_id id) {
    put(number_of(journal_kind::directory_removed), journal_number{id.value}, {}, effect::removes);
}
void journal::ids_reserved(std::uint64_t below) {
    put(number_of(journal_kind::ids_reserved), journal_number{below});
}

void journal::note_set(note_kind kind, std::uint64_t key, const_byte_span body) {
    const journal_note head{key, static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(body.size())};
    put(number_of(journal_kind::note_set), head, text_of(body));
}
void journal::note_removed(note_kind kind, std::uint64_t key) {
    const journal_note body{key, static_cast<std::uint32_t>(kind), 0};
    put(number_of(journal_kind::note_removed), body, {}, effect::removes);
}

// ---- replies ----

status journal::admit(const rpc::method_info& method) noexcept { return log_->admit(frees_room(method.id)); }

void journal::session_begun(const rpc::session& s) {
    const auto keep = std::chrono::duration_cast<std::chrono::milliseconds>(s.keep_for).count();
    put_session({s.id, s.incarnation, s.generation, static_cast<std::uint32_t>(keep)});
}
void journal::put_session(const journal_session& body) { put(number_of(journal_kind::session_begun), body); }
void journal::session_ended(std::uint64_t id) {
    put(number_of(journal_kind::session_ended), journal_number{id}, {}, effect::removes);
}
void journal::replied(std::uint64_t session, std::uint64_t sequence, const rpc::method_info& method,
                      const_byte_span reply) {
    const journal_reply body{session, sequence, method.id, static_cast<std::uint32_t>(reply.size())};
    // It takes the place of an older one, or of what the call removed.
    const effect does = frees_room(method.id) ? effect::removes : effect::grows;
    put(number_of(journal_kind::reply), body, text_of(reply), does);
}

// ---- reading ----

status journal::record(std::uint16_t kind, const_byte_span body, std::uint64_t) {
    if (kind < static_cast<std::uint16_t>(storage::wal_kind::first_foreign)) { return ok(); }
    metadata::change_sink& to = names_->replay();
    journal_number number;
    journal_directory directory;
    metadata::attributes attr;
    switch (static_cast<journal_kind>(kind)) {
    case journal_kind::inode_set:
        if (!load(body, attr) || !attr.id.valid()) { return errc::bad_frame; }
        to.inode_set(attr);
        return ok();
    case journal_kind::inode_removed:
        if (!load(body, number)) { return errc::bad_frame; }
        to.inode_removed({number.value});
        return ok();
    case journal_kind::dentry_set:
        return read_dentry(false, body);
    case journal_kind::dentry_removed:
        return read_dentry(true, body);
    case journal_kind::directory_set:
        if (!load(body, directory) || !file_id{directory.id}.valid()) { return errc::bad_frame; }
        to.directory_set({directory.id}, {directory.parent});
        return ok();
    case journal_kind::directory_removed: {
        if (!load(body, number)) { return errc::bad_frame; }
        // Its entries went first, in every log that a server wrote.
        const metadata::directory* gone = names_->state().entries.find_directory({number.value});
        if (gone != nullptr && gone->entries.size() != 0) { return errc::bad_frame; }
        to.directory_removed({number.value});
        return ok();
    }
    case journal_kind::ids_reserved:
        if (!load(body, number)) { return errc::bad_frame; }
        if (number.value > metadata::id_allocator::last) {
            BFS_LOG_ERROR("server", "the log says that %llu ids were given out, more than there are",
                          static_cast<unsigned long long>(number.value));
            return errc::bad_frame;
        }
        to.ids_reserved(number.value);
        return ok();
    case journal_kind::note_set:
        return read_note(false, body);
    case journal_kind::note_removed:
        return read_note(true, body);
    case journal_kind::session_begun:
        return read_session(body);
    case journal_kind::session_ended:
        if (!load(body, number)) { return errc::bad_frame; }
        recovered_.erase(number.value);
        return ok();
    case journal_kind::reply:
        return read_reply(body);
    }
    return errc::bad_frame;
}

status journal::read_dentry(bool removed, const_byte_span body) {
    journal_dentry head;
    if (!load(body, head) || body.size() - sizeof(head) != head.name_size) { return errc::bad_frame; }
    const std::string_view name = text_of(body.subspan(sizeof(head)));
    BFS_CHECK(validate_name(name));
    if (removed) {
        names_->replay().dentry_removed({head.parent}, name);
        return ok();
    }
    // Whoever unlinks it tells the home of what it means.
    const auto type = static_cast<metadata::file_type>(head.type);
    const bool known_type = type == metadata::file_type::directory || is_file_or_link(type);
    if (!known_type || !possible({head.child}, servers_)) {
        BFS_LOG_ERROR("server", "the log has a name '%.*s' of %llx, type %u, which no server can have made",
                      static_cast<int>(name.size()), name.data(), static_cast<unsigned long long>(head.child),
                      head.type);
        return errc::bad_frame;
    }
    names_->replay().dentry_set({head.parent}, name, {head.child}, type);
    return ok();
}

status journal::read_note(bool removed, const_byte_span body) {
    journal_note head;
    if (!load(body, head) || body.size() - sizeof(head) != head.size || head.size > note_table::body_max) {
        return errc::bad_frame;
    }
    const auto kind = static_cast<note_kind>(head.kind);
    const const_byte_span note = body.subspan(sizeof(head));
    if (head.kind > std::numeric_limits<std::underlying_type_t<note_kind>>::max() || !known(kind)) {
        BFS_LOG_ERROR("server", "the log has a note of kind %u, which this release does not know", head.kind);
        return errc::bad_frame;
    }
    if (removed) {
        notes_->remove(kind, head.key);
        return ok();
    }
    const std::string_view problem = problem_of(kind, head.key, note, {names_->options().self, servers_});
    if (!problem.empty()) {
        BFS_LOG_ERROR("server",
                      "the log has a note of kind %u, key %llx, that no server can have written: %.*s",
                      head.kind, static_cast<unsigned long long>(head.key), static_cast<int>(problem.size()),
                      problem.data());
        return errc::bad_frame;
    }
    notes_->set(kind, head.key, note);
    return ok();
}

status journal::read_session(const_byte_span body) {
    journal_session head;
    if (!load(body, head)) { return errc::bad_frame; }
    kept_session& s = recovered_[head.id];
    s.incarnation = head.incarnation;
    s.generation = head.generation;
    s.keep_ms = head.keep_ms;
    return ok();
}

status journal::read_reply(const_byte_span body) {
    journal_reply head;
    if (!load(body, head) || body.size() - sizeof(head) != head.size || head.size > rpc::session::reply_max ||
        head.size < sizeof(rpc::frame) || head.sequence == 0) {
        return errc::bad_frame;
    }
    const auto found = recovered_.find(head.session);
    // The start of a session may lie before the oldest segment; its checkpoint record comes later then.
    if (found == recovered_.end()) { return ok(); }
    kept_reply& kept = found->second.replies[head.sequence % rpc::max_mutations];
    if (kept.sequence > head.sequence) { return ok(); }
    const const_byte_span bytes = body.subspan(sizeof(head));
    kept.sequence = head.sequence;
    kept.method = head.method;
    kept.bytes.assign(bytes.begin(), bytes.end());
    return ok();
}

} // namespace benchfs::server
