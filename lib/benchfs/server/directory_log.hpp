// The directories of the cluster, on server 0: every directory that is made, removed or moved goes through
// here.
//
// The table itself is durable as part of server 0's namespace; the log is the tail of the changes since its
// start, for servers that want to catch up. A removal or a move first freezes what it touches on every server,
// so that nobody adds an entry to a directory that is about to go, or walks a path that is about to change;
// then it is decided here, in one step. Removals and moves take turns.
#pragma once

#include "benchfs/server/services.hpp"

#include <deque>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

namespace benchfs::server {

class directory_log {
public:
    /// Once at a start, before the log of the store is synced: numbers above all that were ever given out.
    /// Paths count as changed, because a power failure may have undone what clients remember. `now_ns` keeps
    /// the numbers of a server without a log apart.
    static void begin_numbers(note_table& notes, std::int64_t now_ns);

    /// After begin_numbers().
    directory_log(service_state& state, std::uint64_t incarnation) noexcept;
    directory_log(const directory_log&) = delete;
    directory_log& operator=(const directory_log&) = delete;

    /// stale_handle: the parent is not there; try_again, or busy: it may come back; stale_epoch, here and
    /// below: `paths` are old; not_found: it is a directory that was removed. Staged, not written.
    [[nodiscard]] status add(file_id id, file_id parent, std::uint64_t paths);
    /// For another server `asked_by` is its call, here and in move(): peer_down, and nothing has happened, when
    /// that server's process has been replaced meanwhile.
    /// not_empty; busy, and nothing has happened, if a server cannot be asked, which goes to `silent`, or if
    /// the only names in it are being changed; ok if it is gone already. Written.
    [[nodiscard]] runtime::task<status> remove(file_id id, std::uint64_t paths,
                                               std::optional<server_id>& silent,
                                               const rpc::server_call* asked_by = nullptr);
    /// See rpc::move_directory; busy as above. Written.
    [[nodiscard]] runtime::task<status> move(rpc::move_directory::request what,
                                             std::optional<server_id>& silent,
                                             const rpc::server_call* asked_by = nullptr);
    /// After whatever is under way.
    [[nodiscard]] runtime::task<result<bool>> was_moved(std::uint64_t move);
    /// A number above all that were given before. io_error if it cannot be written down.
    [[nodiscard]] result<std::uint64_t> next_number();

    /// Whether directories that are not known may have been lost here, and come back.
    [[nodiscard]] bool some_come_back() const noexcept;
    /// A server has told of those that live there, as far as their parents were known.
    void has_compared(server_id server);
    /// It does not answer: what it could not tell yet comes later.
    void lost_touch(server_id server);
    /// A number of a change that somebody knows. If an earlier start has given it out, and this one has lost
    /// that, numbers go on above it, and paths count as changed.
    void heard_of(std::uint64_t number);

    /// What a server that asks gets: the head, and the records behind it.
    [[nodiscard]] rpc::directory_log::reply page(const rpc::directory_log::request& asked, bool asked_by_server,
                                                 std::vector<rpc::wire_directory>& entries,
                                                 std::vector<rpc::wire_freeze>& frozen);

private:
    [[nodiscard]] runtime::task<status> freeze_all(rpc::wire_freeze what, std::optional<server_id>& silent);
    [[nodiscard]] static runtime::task<status>
    freeze_one(service_state& state, server_id server, rpc::wire_freeze what, std::optional<server_id>& silent);
    [[nodiscard]] runtime::task<void> thaw_all(std::uint64_t change);
    [[nodiscard]] static runtime::task<status> thaw_one(service_state& state, server_id server,
                                                        std::uint64_t change);
    void push(const rpc::wire_directory& entry);
    /// Whether what is known of these allows it.
    [[nodiscard]] status may_move(file_id id, file_id parent, file_id replaced) const;
    /// Since the start, and not so long ago that the tail has forgotten it.
    [[nodiscard]] bool was_removed(file_id id) const noexcept;
    /// busy: a server has not told all that it knows and was lost here, and does not answer; it goes to
    /// `silent`. try_again: it will have soon.
    [[nodiscard]] runtime::task<status> all_told(std::optional<server_id>& silent);
    /// Whether a server that knows what was lost here has not said so yet.
    [[nodiscard]] bool somebody_compares() const noexcept;

    service_state& state_;
    std::uint64_t incarnation_;
    std::deque<rpc::wire_directory> tail_;
    std::uint64_t first_ = 0;                   // position of the tail's first entry
    std::unordered_set<std::uint64_t> removed_; // of the tail
    std::uint64_t last_number_;
    runtime::mutex changing_;
    std::set<server_id> compared_; // servers that have done so in this start
    time_point last_back_;         // when one of them did, or a directory came back
};

} // namespace benchfs::server
