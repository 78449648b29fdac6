// Changes of names that several servers make together: directories made, removed and renamed, files moved to a
// name of another server.
//
// The server of the (old) name drives. It holds the name, writes its intention down, asks who must agree, and
// then changes its own part; a restart goes on where it was. An intention whose answer is not known is pursued
// in the background, and the client hears outcome_unknown. Every question may be repeated (see
// rpc/messages/agreement.hpp).
//
// A change takes effect in one step somewhere: where the new name of a file is linked, or in server 0's log.
// There the paths by which it was asked for must still mean the same.
//
// A file moves in this order: the new name is linked, by its server, in one step with "this move was done";
// then the old one goes. In between the old name is held: nobody sees both, or none. A directory's new name is
// reserved first; then server 0 decides; then both names change.
#pragma once

#include "benchfs/server/ended_moves.hpp"
#include "benchfs/server/peers.hpp"
#include "benchfs/server/services.hpp"

#include <optional>
#include <string>

namespace benchfs::server {

enum class intent_kind : std::uint32_t { mkdir = 1, rmdir = 2, move_file = 3, move_directory = 4 };

/// What a server is about to do with a name of its own.
struct intent {
    struct fixed {
        intent_kind kind{};
        std::uint32_t mode = 0; // mkdir
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
        std::int64_t now_ns = 0;
        file_id child;
        metadata::file_type type{};
        std::uint32_t name_size = 0;
        file_id parent;
        file_id to_parent; // moves
        // Who asked: a repeat of the call gets the outcome, also when it was a restart that brought it about.
        std::uint64_t session = 0;
        std::uint64_t sequence = 0;
        std::uint64_t paths = 0; // as its client knew them; see rpc::named_request
    };
    fixed head;
    std::string name;
    std::string to_name; // moves

    [[nodiscard]] std::vector<std::byte> bytes() const;
    [[nodiscard]] static std::optional<intent> parse(const_byte_span from);
};
static_assert(wire_struct<intent::fixed>);

class agreements {
public:
    explicit agreements(service_state& state) noexcept : state_(state) {}
    agreements(const agreements&) = delete;
    agreements& operator=(const agreements&) = delete;

    /// Holds the names that a log told of. Once, before the first request.
    void resume();
    /// Goes on with those intentions; for the background, once this server has joined.
    [[nodiscard]] static runtime::task<status> finish_resumed(agreements& self);

    /// Carries an intention out: the caller has checked it and its name is free. Suspends. outcome_unknown: a
    /// server that was asked does not answer, and it is pursued; peer_down, timed_out, no_server, busy: one
    /// does not answer and nothing has happened; try_again: something else is in the way; stale_epoch: paths
    /// have changed before it could take effect, and this server knows of that. Who it is goes to `silent`.
    [[nodiscard]] runtime::task<status> carry_out(intent what, std::optional<server_id>& silent);
    /// Whether an intention that this call began is under way.
    [[nodiscard]] bool pursues(std::uint64_t session, std::uint64_t sequence) const noexcept;

    /// Whether one is to remove this directory.
    [[nodiscard]] bool removes(file_id directory) const noexcept;

    /// Whether server 0 has moved the directory that this move is about.
    [[nodiscard]] runtime::task<result<bool>> was_moved(std::uint64_t move);
    /// Whether this server, which began the move, will still say what became of it.
    [[nodiscard]] bool will_settle(std::uint64_t move) const noexcept;

    // ---- The other side ----

    /// Whether link() was ok for this move.
    [[nodiscard]] bool linked(std::uint64_t move) const noexcept {
        return state_.notes.has(note_kind::moved, move);
    }
    /// Nobody waits for this move any more, or it was refused: see ended_moves.
    void end(std::uint64_t move) { ended_.add(move, state_.loop.now()); }
    [[nodiscard]] bool ended(std::uint64_t move) const noexcept { return ended_.has(move); }
    /// A file moves here; see rpc::link_entry. The directory is ready. What it replaces goes later. busy: the
    /// move is over.
    [[nodiscard]] status link(const rpc::link_entry::request& what, std::string_view name);

    /// Calls another server, never this one itself; see peers::call.
    template <rpc::rpc_method M>
    [[nodiscard]] runtime::task<result<typename M::reply>> ask(server_id to, typename M::request request,
                                                               std::string tail = {},
                                                               std::optional<server_id>* silent = nullptr) {
        return state_.others->call<M>(to, request, std::move(tail), silent);
    }
    template <rpc::rpc_method M>
    [[nodiscard]] runtime::task<status> tell(server_id to, typename M::request request,
                                             std::optional<server_id>* silent = nullptr) {
        runtime::task<result<typename M::reply>> asking = ask<M>(to, request, {}, silent);
        const result<typename M::reply> answer = co_await std::move(asking);
        co_return answer.error();
    }

private:
    /// One attempt to carry an intention out. It refers to what its caller keeps until then.
    struct effort {
        std::uint64_t number = 0; // of the intention
        intent what;
        bool again = false; // what was asked before may still have an effect
        std::optional<server_id> silent = {};

        /// Whether nobody can say yet what became of it.
        [[nodiscard]] bool left_open(errc e) const noexcept {
            return undecided(e) && (again || !never_asked(e));
        }
    };
    [[nodiscard]] runtime::task<status> attempt(effort& e);
    [[nodiscard]] runtime::task<status> make_directory(effort& e);
    [[nodiscard]] runtime::task<status> remove_directory(effort& e);
    [[nodiscard]] runtime::task<status> move_file(effort& e);
    [[nodiscard]] runtime::task<status> move_directory(effort& e);
    [[nodiscard]] runtime::task<status> try_to_move(effort& e);
    [[nodiscard]] runtime::task<status> prepare_target(effort& e, std::uint64_t paths);
    [[nodiscard]] static runtime::task<status> pursue(agreements& self, std::uint64_t number, intent what);
    void close(std::uint64_t number, const intent& what, status outcome);

    service_state& state_;
    ended_moves ended_;
};

} // namespace benchfs::server
