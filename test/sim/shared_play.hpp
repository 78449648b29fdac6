// A play in which two clients change one tree while its servers are harmed: what those who take part tell each
// other.
//
// Now and then everybody has to wait: when a client has heard nothing sure of a change, the servers are left
// alone and the whole tree is compared with what it should be.
#pragma once

#include "shared_tree.hpp"

#include "cluster.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace benchfs::sim {

inline constexpr unsigned changing_clients = 2;
/// One more client that changes nothing while others do, and so holds nothing of the tree.
inline constexpr unsigned onlooker = changing_clients;

/// What is done to servers beside partitions and single kills.
enum class worst_harm : std::uint8_t {
    two_killed,
    server_0_emptied,
    power_lost, // of any of them, after a sync of all there is
};

struct shared_play {
    shared_play(sim_cluster& cluster, world& where, runtime::task_scope& scope, worst_harm harm)
        : servers(cluster), w(where), graves(scope), worst(harm), begun(where.now()) {}

    void say(const std::string& line) { log += std::to_string((w.now() - begun) / 1us) + " " + line + "\n"; }
    /// The first one counts: what follows may be its consequence.
    void fail(const std::string& what) {
        if (wrong.empty()) { wrong = what; }
    }

    sim_cluster& servers;
    world& w;
    runtime::task_scope& graves;
    worst_harm worst;
    time_point begun;

    shared_tree names;
    unsigned clients_left = changing_clients;
    unsigned changes = 0;      // begun so far: their numbers
    unsigned under_way = 0;    // changes
    std::uint64_t moments = 0; // grows whenever a change begins or ends
    bool paused = false;       // no client begins a change
    bool alone = false;        // nobody begins to harm servers
    bool harming = false;
    bool comparing = false;
    std::string wrong;
    std::string log;
};

/// What may have happened, or not.
[[nodiscard]] constexpr bool is_unsure(errc e) noexcept {
    return e == errc::outcome_unknown || e == errc::timed_out || e == errc::peer_down || e == errc::no_server ||
           e == errc::try_again;
}

/// Everybody waits, what is doubtful is found out, and all the rest has to be as it was said. The servers are
/// left alone for `rest` before that.
[[nodiscard]] runtime::task<status> compare_all(shared_play& s, duration rest);

/// Harms servers until no client is left.
[[nodiscard]] runtime::task<status> harm_all(shared_play& s);

} // namespace benchfs::sim
