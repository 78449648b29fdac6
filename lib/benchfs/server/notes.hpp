// What a server remembers of agreements with other servers: small records by kind and key, durable with the
// log.
//
// Intentions that a restart must finish, duties that another server has not confirmed, outcomes that another
// server may ask for again, who has chunks of which file. Each is a few bytes that only its owner understands;
// setting one stages it in the journal, so it is written in one frame with the change that it belongs to.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace benchfs::server {

/// Numbers are written to disk and never reused (storage/FORMAT.md).
enum class note_kind : std::uint16_t {
    intent = 1,    // key: its own id. A change of names that this server drives.
    duty = 2,      // key: its own id. Something that another server must be told until it confirms.
    moved = 3,     // key: the move's id. This move was done here.
    reserved = 4,  // key: the move's id. A name that is kept for a directory on its way.
    copies = 5,    // key: a file that lives here. The servers that may have chunks of it.
    striped = 6,   // key: a file of another home with chunks here. The truncate epoch they are in.
    numbers = 7,   // key 0. Numbers of directory changes below this one may have been given out.
    paths = 8,     // key 0. The number of the last change that made paths mean something else.
    target = 9,    // key: a symbolic link that lives here. Where it points to.
    losses = 10,   // key 0. The number of the last loss of acknowledged changes.
    lost = 11,     // key: a file that lives here. The servers that have lost chunks of it.
    began = 12,    // key: a server. The start of it that said last that its store was empty.
    lacking = 13,  // key: a server. This one has lost chunks of its files.
    appended = 14, // key: a file that lives here. An append to other servers is under way.
};

/// Hears of every change of the notes.
class note_sink {
public:
    virtual void note_set(note_kind kind, std::uint64_t key, const_byte_span body) = 0;
    virtual void note_removed(note_kind kind, std::uint64_t key) = 0;

protected:
    ~note_sink() = default;
};

class note_table {
public:
    using place = std::pair<note_kind, std::uint64_t>;
    static constexpr std::size_t body_max = 640; // two names and some numbers

    /// Who writes changes down; nullptr: nobody (memory engine, replay).
    void set_sink(note_sink* sink) noexcept { sink_ = sink; }

    void set(note_kind kind, std::uint64_t key, const_byte_span body) {
        BFS_ASSERT(body.size() <= body_max);
        notes_.insert_or_assign(place{kind, key}, std::vector<std::byte>(body.begin(), body.end()));
        if (sink_ != nullptr) { sink_->note_set(kind, key, body); }
    }
    template <wire_struct T>
    void set(note_kind kind, std::uint64_t key, const T& body) {
        set(kind, key, bytes_of(body));
    }
    void remove(note_kind kind, std::uint64_t key) {
        if (notes_.erase(place{kind, key}) != 0 && sink_ != nullptr) { sink_->note_removed(kind, key); }
    }

    /// nullptr: there is none. Valid until it is set again or removed.
    [[nodiscard]] const std::vector<std::byte>* find(note_kind kind, std::uint64_t key) const noexcept {
        const auto found = notes_.find(place{kind, key});
        return found == notes_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] bool has(note_kind kind, std::uint64_t key) const noexcept {
        return find(kind, key) != nullptr;
    }
    /// What begins with a T; nothing if there is no such note.
    template <wire_struct T>
    [[nodiscard]] std::optional<T> get(note_kind kind, std::uint64_t key) const noexcept {
        T out;
        const std::vector<std::byte>* bytes = find(kind, key);
        if (bytes == nullptr || !load(*bytes, out)) { return {}; }
        return out;
    }

    /// Every note of a kind, by key: visit(key, bytes). The visitor must not change the notes.
    template <class F>
    void for_each(note_kind kind, F&& visit) const {
        for (auto at = notes_.lower_bound(place{kind, 0}); at != notes_.end() && at->first.first == kind;
             ++at) {
            visit(at->first.second, const_byte_span(at->second));
        }
    }
    /// The note after this place, for checkpoints; nullptr at the end.
    [[nodiscard]] const std::pair<const place, std::vector<std::byte>>* after(place p) const noexcept {
        const auto next = notes_.upper_bound(p);
        return next == notes_.end() ? nullptr : &*next;
    }
    [[nodiscard]] std::size_t size() const noexcept { return notes_.size(); }

private:
    note_sink* sink_ = nullptr;
    std::map<place, std::vector<std::byte>> notes_;
};

} // namespace benchfs::server
