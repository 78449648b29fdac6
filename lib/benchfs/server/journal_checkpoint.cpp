// Writing the sessions and the namespace into a checkpoint, a few at a time, while they change.
#include "benchfs/server/journal.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

constexpr int entries_at_a_time = 16;

} // namespace

void journal::begin_checkpoint() {
    phase_ = phase::sessions;
    sessions_left_ = session_ids();
    last_inode_ = in_directory_ = last_directory_ = {};
    last_name_.clear();
    last_note_ = {};
    ids_reserved(names_->state().ids.reserved());
}

bool journal::checkpoint_step() {
    bool more = false;
    switch (phase_) {
    case phase::sessions:
        more = write_sessions();
        break;
    case phase::inodes:
        more = write_inodes();
        break;
    case phase::directories:
        more = write_directories();
        break;
    case phase::notes:
        more = write_notes();
        break;
    case phase::done:
        return false;
    }
    if (!more) { phase_ = static_cast<phase>(static_cast<std::uint8_t>(phase_) + 1); }
    return phase_ != phase::done;
}

/// A checkpoint may begin before attach() and end after it: the ids stay the same.
std::vector<std::uint64_t> journal::session_ids() const {
    if (requests_ != nullptr) { return requests_->session_list().ids(); }
    std::vector<std::uint64_t> all;
    all.reserve(recovered_.size());
    for (const auto& [id, kept] : recovered_) { all.push_back(id); }
    return all;
}

bool journal::write_sessions() {
    if (sessions_left_.empty()) { return false; }
    const std::uint64_t id = sessions_left_.back();
    sessions_left_.pop_back();
    if (requests_ == nullptr) {
        write_recovered(id);
        return true;
    }
    const rpc::session* s = requests_->session_list().find(id);
    if (s == nullptr) { return true; }
    session_begun(*s);
    s->for_each_kept([&](const rpc::session::entry& e) {
        write_reply(s->id, e.sequence, e.method, const_byte_span(e.reply).first(e.size));
    });
    return true;
}

void journal::write_recovered(std::uint64_t id) {
    const kept_session& s = recovered_.at(id);
    put_session({id, s.incarnation, s.generation, s.keep_ms});
    for (const auto& [place, reply] : s.replies) { write_reply(id, reply.sequence, reply.method, reply.bytes); }
}

void journal::write_reply(std::uint64_t session, std::uint64_t sequence, std::uint32_t method,
                          const_byte_span reply) {
    const rpc::method_info* known = rpc::find_method(static_cast<std::uint16_t>(method));
    if (known != nullptr) { replied(session, sequence, *known, reply); }
}

bool journal::write_inodes() {
    const metadata::attributes* next = names_->state().inodes.after(last_inode_);
    if (next == nullptr) { return false; }
    last_inode_ = next->id;
    inode_set(*next);
    return true;
}

/// A directory, and then its entries: replay knows the directory when it meets them.
bool journal::write_directories() {
    metadata::dentry_table& all = names_->state().entries;
    const metadata::directory* in = in_directory_.valid() ? all.find_directory(in_directory_) : nullptr;
    if (in == nullptr) {
        in = all.directory_after(last_directory_);
        if (in == nullptr) { return false; }
        in_directory_ = last_directory_ = in->id;
        last_name_.clear();
        directory_set(in->id, in->parent);
        return true;
    }
    const std::string from = last_name_;
    int left = entries_at_a_time;
    all.list(*in, from, [&](std::string_view name, const metadata::dentry& entry) {
        dentry_set(in->id, name, entry.child, entry.type());
        last_name_ = name;
        return --left != 0;
    });
    if (left != 0) { in_directory_ = {}; }
    return true;
}

bool journal::write_notes() {
    const auto* next = notes_->after(last_note_);
    if (next == nullptr) { return false; }
    last_note_ = next->first;
    note_set(next->first.first, next->first.second, next->second);
    return true;
}

} // namespace benchfs::server
