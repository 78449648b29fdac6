// What other servers must be told until they confirm it: that an inode lost its name, that a file was cut, what
// became of a move, that this server lost power or began with an empty store.
//
// A duty is a note, written in one frame with the change that it follows from; a restart goes on with it. For
// each server one worker sends what is waiting, a few at a time, and goes on trying while the server is away.
#pragma once

#include "benchfs/server/services.hpp"

#include <deque>
#include <span>

namespace benchfs::server {

enum class duty_kind : std::uint32_t {
    drop_inode = 1,
    cut_file = 2,
    settle_entry = 3,
    forget_move = 4,
    compare_copies = 5,
    begins_empty = 6,
};

struct duty {
    duty_kind kind{};
    std::uint32_t server = 0; // who is to be told; this server itself, too
    std::uint64_t id = 0;     // of the file, of the move, or of this server's start
    std::uint64_t epoch = 0;  // cut_file: as in rpc::cut_file
    std::uint64_t size = 0;   // cut_file: what stays; settle_entry: 1 if it moved
    std::uint64_t chunk_size = 0;
};
static_assert(wire_struct<duty>);

class duties {
public:
    explicit duties(service_state& state) noexcept : state_(state) {}
    duties(const duties&) = delete;
    duties& operator=(const duties&) = delete;
    ~duties() { BFS_ASSERT(waiting_.empty()); }

    /// Stages a duty towards every other server, at a start whose notes nobody has taken up yet.
    static void stage_for_all(duty_kind kind, std::uint64_t start, metadata::name_space& names,
                              note_table& notes, server_id self, std::uint32_t servers);
    /// Takes up what a log told of. Once, before the first request.
    void resume();
    /// Stages the duty and starts on it in a later turn: the caller's changes of this turn are written first.
    /// Its number, for wait().
    std::uint64_t add(const duty& what);
    /// Waits until all of these are confirmed. timed_out after `limit`; they stay duties.
    [[nodiscard]] runtime::task<status> wait(std::vector<std::uint64_t> numbers, duration limit);
    /// Whether the file was truncated, and this server or others may still have what was cut off.
    [[nodiscard]] bool cutting(file_id file) const noexcept {
        return !cutting_.empty() && cutting_.contains(file);
    }
    /// While it lives, this server cuts its own chunks of the file: see cutting().
    class cut_here {
    public:
        cut_here(duties& owner, file_id file) : owner_(owner), file_(file) { ++owner_.cutting_[file_]; }
        cut_here(const cut_here&) = delete;
        cut_here& operator=(const cut_here&) = delete;
        ~cut_here() { owner_.one_cut(file_); }

    private:
        duties& owner_;
        file_id file_;
    };
    /// Whether this start has found something lost, or an earlier one of which not every server has heard.
    [[nodiscard]] bool lost_something() const noexcept { return lost_; }
    /// And not every server has heard of it yet.
    [[nodiscard]] bool tells_of_loss() const noexcept { return telling_of_loss_ != 0; }
    [[nodiscard]] bool tells_of_loss(server_id server) const noexcept {
        const auto found = lanes_.find(server);
        return found != lanes_.end() && found->second.of_loss != 0;
    }
    /// Whether a truncation has to wait: for an earlier one, or because nobody knows yet whom it concerns.
    [[nodiscard]] bool may_not_cut(file_id file) const noexcept { return comparing_ != 0 || cutting(file); }
    [[nodiscard]] std::size_t pending() const noexcept { return pending_; }

private:
    struct item {
        std::uint64_t number = 0;
        duty what;
    };
    struct lane {
        std::deque<item> items;
        std::size_t of_loss = 0; // of the items
        bool running = false;
    };
    struct waiter {
        std::vector<std::uint64_t> left;
        runtime::event all_done;
    };

    [[nodiscard]] static std::uint64_t new_number(metadata::name_space& names, const note_table& notes,
                                                  server_id self);
    void enqueue(std::uint64_t number, const duty& what);
    void confirmed(const item& one);
    void one_cut(file_id file) noexcept;
    [[nodiscard]] static runtime::task<status> work(duties& self, server_id server);
    [[nodiscard]] static runtime::task<status> tell(duties& self, duty what, char& done);
    [[nodiscard]] static runtime::task<status> wait_for(waiter& w);

    service_state& state_;
    std::unordered_map<server_id, lane> lanes_;
    std::unordered_map<file_id, std::uint32_t> cutting_; // truncations, by file
    std::size_t comparing_ = 0;                          // servers that are not done
    std::size_t telling_of_loss_ = 0;
    bool lost_ = false;
    std::vector<waiter*> waiting_;
    std::size_t pending_ = 0;
};

} // namespace benchfs::server
