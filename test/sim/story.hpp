// A story for a test: what happens to a small cluster, told step by step, from a seed.
#pragma once

#include "catch.hpp"
#include "cluster.hpp"

#include <functional>
#include <utility>

namespace benchfs::sim {

/// Servers that crash end below the scope. Called once all servers are up.
using story = std::function<runtime::task<status>(sim_cluster&, world&, runtime::task_scope&)>;

/// The servers start, the story is told, everything ends.
inline runtime::task<status> play_to_the_end(sim_cluster& servers, world& w, story told) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope graves(context, false);
    status done;
    for (unsigned i = 0; i < servers.settings().servers && done; ++i) {
        runtime::task<status> starting = servers.start(i);
        done = co_await std::move(starting);
    }
    if (done) {
        runtime::task<status> playing = told(servers, w, graves);
        done = co_await std::move(playing);
    }
    (void)co_await graves.join();
    co_await servers.stop();
    co_return done;
}

/// The same in a world of its own. The story's own checks are the test's.
inline void play(std::uint64_t seed, const cluster_plan& plan, story told,
                 runtime::pick_policy order = runtime::pick_policy::seeded) {
    INFO("seed " << seed);
    world w(seed, order);
    sim_cluster servers(w, plan);
    const status done = w.loop().run(play_to_the_end(servers, w, std::move(told)));
    CHECK(name(done.error()) == "ok");
}

/// Kills a server that is up, and starts it again; `power`: with its machine.
inline runtime::task<status> restart(sim_cluster& servers, world& w, runtime::task_scope& graves,
                                     unsigned server, bool power = false) {
    servers.crash(server, power, graves);
    co_await w.rest(50ms);
    co_return co_await servers.start(server);
}

/// A story that counts how often what it is about came to pass.
using counting_story =
    std::function<runtime::task<status>(sim_cluster&, world&, runtime::task_scope&, unsigned&)>;

/// Plays it from the seeds 1 to `seeds`; how often it came to pass in all of them.
inline unsigned play_each(std::uint64_t seeds, const cluster_plan& plan, const counting_story& told) {
    unsigned count = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        play(seed, plan, [&](sim_cluster& servers, world& w, runtime::task_scope& graves) {
            return told(servers, w, graves, count);
        });
    }
    return count;
}

} // namespace benchfs::sim
