#include "plan.hpp"

namespace benchfs::sim {

std::string run_plan::text() const {
    std::string out = cluster.engine + ", " + std::to_string(cluster.servers) + " servers, " +
                      std::to_string(cluster.clients) + " clients, chunks of " +
                      std::to_string(cluster.chunk_size / KiB) + " KiB";
    const auto add = [&](const char* what, bool yes) { out += yes ? std::string(", ") + what : std::string(); };
    add("cuts", cuts != 0);
    add("partitions", partitions != 0);
    add("stalls", stalls != 0);
    add("slow hosts", slow != 0);
    add("expulsions", expulsions != 0);
    add("kills", kills != 0);
    add("power losses", power_losses != 0);
    add("power losses of several servers", cuts_power);
    add("many changes of directories", changes_percent != 0);
    add("full", full);
    add("small log", small_log);
    add("bit flips", flips != 0);
    add("page cache", cluster.copies_percent != 0);
    return out;
}

run_plan make_plan(world& w, plant planted, bool armed) {
    prng& random = w.random();
    run_plan p;
    p.planted = planted;
    p.cluster.engine = w.chance(50) ? "uring" : "memory";
    p.cluster.servers = w.chance(60) ? 1 : static_cast<unsigned>(2 + random.below(3));
    if (p.cluster.servers != 1 && w.chance(5)) { p.cluster.servers = w.chance(50) ? 8 : 16; }
    p.cluster.clients = static_cast<unsigned>(2 + random.below(3));
    p.cluster.chunk_size = w.chance(50) ? 4 * KiB : 16 * KiB;
    p.operations = static_cast<unsigned>(40 + random.below(60));
    const auto weight = [&] { return w.chance(50) ? static_cast<unsigned>(1 + random.below(5)) : 0; };
    p.cuts = weight();
    p.partitions = weight();
    p.stalls = weight();
    p.slow = weight();
    p.expulsions = weight();
    p.durable = p.cluster.engine == "uring";
    // Servers that forget all of a file but what others have of it: only where there are no others.
    if (p.durable || p.cluster.servers == 1) { p.kills = weight() / 2; }
    if (p.durable && p.cluster.servers == 1) { p.power_losses = weight() / 2; }
    p.cuts_power = p.durable && p.cluster.servers > 1 && w.chance(50);
    if (!p.cuts_power && w.chance(15)) {
        p.full = true;
        p.longest_file = 500 * KiB;
        p.longest_io = 300 * KiB;
        p.cluster.memory_limit = 1 * MiB;
        p.cluster.data_bytes = 1 * MiB;
    }
    // Not with power losses: a recovery cannot tell a bit that flipped from a write that was lost.
    if (p.durable && p.power_losses == 0 && !p.cuts_power && w.chance(25)) { p.flips = 2; }
    if (w.chance(20)) { p.changes_percent = 70; }
    p.appends = p.power_losses == 0 && (p.durable || p.kills == 0);
    p.fault_every = w.between(3ms, 60ms);
    if (p.durable && w.chance(50)) { // every restart, and every few hundred changes, make a checkpoint due
        p.small_log = true;
        p.cluster.log_segment = 64 * KiB;
        p.cluster.log_segments = 2;
    }
    if (w.chance(70)) { p.cluster.copies_percent = 80; }

    switch (planted) {
    case plant::skip_sync:
        p.cluster.skip_sync_percent = armed ? 50 : 0;
        break;
    case plant::swap_chunks:
        p.cluster.swap_chunks = armed;
        break;
    case plant::lose_reply:
        if (armed) {
            p.cluster.planted.lose_reply = [] { return true; };
        }
        p.cuts += 5;
        break;
    case plant::repeat_retry:
        if (armed) {
            p.cluster.repeat_as_new = [] { return true; };
        }
        p.cuts += 5;
        break;
    case plant::torn_log:
    case plant::none:
        break;
    }
    return p;
}

} // namespace benchfs::sim
