// The plain reference for names: every state that the namespace may be in, given all answers so far.
//
// A few paths, each with the id it names. An operation takes effect at one moment between its call and its
// answer, so each answer narrows the set: of every possible state, all orders of the operations that are under
// way are tried, and those that explain the answer stay. An operation whose outcome is unknown stays under way
// until no message of it can arrive any more. When nothing explains an answer, the answer is wrong.
#pragma once

#include "name_tree.hpp"

#include "benchfs/base/clock.hpp"
#include "benchfs/base/errc.hpp"
#include "benchfs/base/types.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace benchfs::sim {

enum class name_op : std::uint8_t {
    create_exclusive,
    open_create,
    lookup,
    unlink,
    mkdir,
    rmdir,
    rename,
    wipe,
    symlink,
    readlink,
    follow_lookup,
    follow_open, // or create what the last link names
};

/// What a link's name stands for in the model instead of an id: the path to which it points.
inline constexpr std::uint64_t link_mark = std::uint64_t{1} << 62;

/// As `other` of an operation that follows links: the `i`th file of the directory to which the path leads.
[[nodiscard]] constexpr std::uint64_t inside(std::size_t i) noexcept { return (1 + std::uint64_t{i}) << 8; }
inline constexpr std::uint64_t inside_mask = 0xff00;

class name_model {
public:
    void begin(std::uint32_t op, name_op kind, std::size_t path, std::uint64_t other, time_point now);
    /// The answer; `id` of what was opened, made or found. "" or what is wrong.
    [[nodiscard]] std::string end(std::uint32_t op, errc answer, std::uint64_t id, time_point now);
    /// Nothing happened, and nothing will. "" or what is wrong.
    [[nodiscard]] std::string none(std::uint32_t op);
    /// It may have happened, or may still.
    void maybe(std::uint32_t op, time_point now);

    /// Whether something may have removed this file by now.
    [[nodiscard]] bool may_be_gone(std::uint64_t id) const;
    /// Whether the path may name nothing / something, when nothing is under way.
    [[nodiscard]] bool may_be(std::size_t path, bool there) const;
    [[nodiscard]] std::size_t states() const noexcept { return all_.size(); }
    /// There were too many states once; from then on nothing was checked.
    [[nodiscard]] bool gave_up() const noexcept { return gave_up_; }

    /// Checks nothing from now on.
    void give_up() noexcept { gave_up_ = true; }

    /// A sync by operation `op`. After one that said ok, what it saw when it began is durable.
    void begin_sync(std::uint32_t op);
    void end_sync(std::uint32_t op, bool ok);
    /// The server lost power; the state is one that it had since the last sync began.
    void lose_power();

private:
    /// The id of something that was made, but nobody has seen yet: this and the number of who made it.
    static constexpr std::uint64_t unseen = std::uint64_t{1} << 63;
    using slots = std::array<std::uint64_t, paths_and_links>; // ids; 0: no such name
    struct effect {
        errc answer = errc::ok;
        std::uint64_t id = 0;
        /// Following a link is several steps, and anything may happen between them: `id` is where it goes on.
        [[nodiscard]] bool goes_on() const noexcept { return answer == errc::try_again; }
        [[nodiscard]] bool went_round() const noexcept { return goes_on() && (id & round) != 0; }
        static constexpr std::uint64_t round = std::uint64_t{1} << 32;
        friend auto operator<=>(const effect&, const effect&) = default;
    };
    struct state {
        slots names{};
        std::map<std::uint32_t, effect> done; // operations under way that have taken effect here
        friend auto operator<=>(const state&, const state&) = default;
    };
    struct operation {
        name_op kind;
        std::size_t path;
        std::uint64_t other; // a path, or what a step through links has to remember
        time_point begin;
        time_point until = time_point::max(); // when the outcome is unknown: no effect after this
        bool unknown = false;
    };

    [[nodiscard]] static effect move_directory(slots& names, std::size_t from, std::size_t to);
    [[nodiscard]] static effect follow(slots& names, std::uint32_t number, const operation& o);
    [[nodiscard]] effect apply(slots& names, std::uint32_t number, const operation& o);
    void explore(const state& from, std::set<state>& reached);
    [[nodiscard]] bool take(state& s, std::uint32_t number, const operation& o);
    void remember(const slots& names);
    [[nodiscard]] bool agree(state& s, const effect& e, std::uint32_t op, errc answer, std::uint64_t id);
    [[nodiscard]] std::vector<state> after(std::uint32_t op);
    void prune();
    void expire(time_point now);
    [[nodiscard]] std::string describe() const;

    std::map<std::uint32_t, operation> under_way_;
    std::set<state> all_{state{}};
    std::map<std::uint64_t, time_point> first_seen_;          // ids
    std::map<std::uint64_t, std::set<std::uint32_t>> makers_; // of an id, in some state
    std::set<std::uint64_t> removed_;
    std::set<slots> since_sync_{slots{}};
    std::map<std::uint32_t, std::set<slots>> syncing_; // states since each sync under way began
    bool gave_up_ = false;
};

} // namespace benchfs::sim
