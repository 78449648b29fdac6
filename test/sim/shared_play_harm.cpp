// How the servers of a play are harmed.
#include "shared_play.hpp"

#include <array>
#include <utility>

namespace benchfs::sim {

namespace {

using runtime::task;
using namespace std::chrono_literals;

enum class harm_kind : std::uint8_t { worst, kill, part, slow, part_client, cut };

/// As often as each is in here.
constexpr std::array harm_kinds{
    harm_kind::worst, harm_kind::worst,       harm_kind::worst, harm_kind::worst, harm_kind::kill,
    harm_kind::kill,  harm_kind::part,        harm_kind::part,  harm_kind::part,  harm_kind::part,
    harm_kind::slow,  harm_kind::part_client, harm_kind::cut,   harm_kind::cut,
};

[[nodiscard]] bool contains(std::uint64_t servers, unsigned server) { return (servers >> server & 1) != 0; }

task<status> come_back(shared_play& s, unsigned server) {
    const duration down = s.w.between(1ms, s.w.chance(10) ? 4000ms : 300ms);
    co_await s.w.rest(down);
    task<status> starting = s.servers.start(server);
    co_return co_await std::move(starting);
}

task<status> kill_one(shared_play& s, unsigned one) {
    s.say("  kill " + std::to_string(one));
    s.servers.crash(one, false, s.graves);
    task<status> starting = come_back(s, one);
    co_return co_await std::move(starting);
}

task<status> kill_two(shared_play& s, unsigned one, unsigned other) {
    s.say("  kill " + std::to_string(one) + " and " + std::to_string(other));
    s.servers.crash(one, false, s.graves);
    co_await s.w.rest(s.w.between(1us, 5ms));
    s.servers.crash(other, false, s.graves);
    task<status> starting = come_back(s, one);
    BFS_CO_CHECK(co_await std::move(starting));
    task<status> starting_other = come_back(s, other);
    co_return co_await std::move(starting_other);
}

task<status> empty_server_0(shared_play& s) {
    // What it had not synced is lost either way.
    const bool power = s.w.chance(40);
    s.say(power ? "  server 0 loses power" : "  server 0 comes back empty");
    s.servers.crash(0, power, s.graves);
    if (!power) { s.servers.disk(0).files.clear(); }
    task<status> starting = come_back(s, 0);
    co_return co_await std::move(starting);
}

/// Whether all that was said is durable: then it has to be there whoever loses power.
task<bool> sync_all(shared_play& s) {
    bool synced = !s.names.in_doubt();
    for (unsigned client = 0; client < changing_clients; ++client) {
        status done = co_await s.servers.fs(client).sync();
        // A sync says once that something was lost before it.
        if (done.error() == errc::io_error) { done = co_await s.servers.fs(client).sync(); }
        s.say("  sync " + std::string(name(done.error())));
        synced = synced && done;
    }
    co_return synced && !s.names.in_doubt();
}

/// Clients go on while the servers come back, unless they wait for a comparison.
void go_on(shared_play& s) {
    if (!s.comparing) { s.paused = false; }
}

task<status> take_power(shared_play& s) {
    const unsigned count = s.servers.settings().servers;
    const duration pause = s.w.between(0us, s.w.chance(50) ? 500us : 8ms);
    co_await s.w.rest(pause);
    const std::uint64_t which = 1 + s.w.random().below((1U << count) - 1);
    s.say("  power of " + std::to_string(which));
    for (unsigned i = 0; i < count; ++i) {
        if (contains(which, i)) { s.servers.crash(i, true, s.graves); }
    }
    go_on(s);
    for (unsigned i = 0; i < count; ++i) {
        if (!contains(which, i)) { continue; }
        task<status> starting = come_back(s, i);
        BFS_CO_CHECK(co_await std::move(starting));
    }
    co_return ok();
}

task<status> lose_power_after_sync(shared_play& s) {
    if (s.paused || s.comparing) { co_return ok(); }
    s.paused = true;
    while (s.under_way != 0) { co_await s.w.rest(1ms); }
    task<bool> syncing = sync_all(s);
    const bool synced = co_await std::move(syncing);
    if (synced && s.under_way == 0 && !s.comparing) {
        task<status> losing = take_power(s);
        BFS_CO_CHECK(co_await std::move(losing));
    }
    go_on(s);
    co_return ok();
}

/// A connection that is slow just now has something under way when it ends.
task<status> cut_connection(shared_play& s, unsigned one) {
    host& h = s.w.chance(70) ? s.servers.calling_host(one) : s.servers.server_host(one);
    if (h.links() == 0) { co_return ok(); }
    s.say("  cut a connection of " + std::to_string(one));
    if (s.w.chance(60)) {
        const unsigned factor = 2 + static_cast<unsigned>(s.w.random().below(300));
        s.servers.net().slow(h, factor, s.w.between(1ms, 100ms));
    }
    co_await s.w.rest(s.w.between(0us, 30ms));
    if (s.servers.up(one) && h.links() != 0) { h.link_at(s.w.random().below(h.links())).cut(); }
    co_return ok();
}

task<status> part_servers(shared_play& s, unsigned one, unsigned other) {
    const duration how_long = s.w.between(1ms, s.w.chance(20) ? 12s : 2s);
    s.say("  part " + std::to_string(one) + " from " + std::to_string(other) + " for " +
          std::to_string(how_long / 1ms));
    s.servers.net().part(s.servers.calling_host(one), s.servers.server_host(other), how_long);
    co_return ok();
}

task<status> part_client(shared_play& s, unsigned one) {
    const auto client = static_cast<unsigned>(s.w.random().below(changing_clients));
    const duration how_long = s.w.between(1ms, s.w.chance(20) ? 12s : 1s);
    s.say("  part client " + std::to_string(client) + " from " + std::to_string(one));
    s.servers.net().part(s.servers.client_host(client), s.servers.server_host(one), how_long);
    co_return ok();
}

task<status> slow_server(shared_play& s, unsigned one) {
    const duration how_long = s.w.between(1ms, 2s);
    s.say("  slow " + std::to_string(one) + " for " + std::to_string(how_long / 1ms));
    const unsigned factor = 2 + static_cast<unsigned>(s.w.random().below(100));
    s.servers.net().slow(s.servers.server_host(one), factor, how_long);
    co_return ok();
}

task<status> do_worst(shared_play& s, unsigned one, unsigned other) {
    switch (s.worst) {
    case worst_harm::two_killed:
        return kill_two(s, one, other);
    case worst_harm::server_0_emptied:
        return empty_server_0(s);
    case worst_harm::power_lost:
        break;
    }
    return lose_power_after_sync(s);
}

task<status> harm_once(shared_play& s) {
    const unsigned count = s.servers.settings().servers;
    const harm_kind kind = harm_kinds[s.w.random().below(harm_kinds.size())];
    const auto one = static_cast<unsigned>(s.w.random().below(count));
    const unsigned other = (one + 1 + static_cast<unsigned>(s.w.random().below(count - 1))) % count;
    switch (kind) {
    case harm_kind::worst:
        return do_worst(s, one, other);
    case harm_kind::kill:
        return kill_one(s, one);
    case harm_kind::part:
        return part_servers(s, one, other);
    case harm_kind::slow:
        return slow_server(s, one);
    case harm_kind::part_client:
        return part_client(s, one);
    case harm_kind::cut:
        break;
    }
    return cut_connection(s, one);
}

} // namespace

task<status> harm_all(shared_play& s) {
    while (s.clients_left != 0) {
        co_await s.w.rest(s.w.between(1ms, 300ms));
        if (s.alone || s.paused || s.clients_left == 0) { continue; }
        s.harming = true;
        task<status> harming = harm_once(s);
        const status harmed = co_await std::move(harming);
        s.harming = false;
        if (!harmed) {
            s.fail("a server does not start: " + std::string(name(harmed.error())));
            co_return ok();
        }
    }
    co_return ok();
}

} // namespace benchfs::sim
