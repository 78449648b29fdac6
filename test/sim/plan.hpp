// What a seed chooses before anything runs: how large the cluster is, what goes wrong and how often.
#pragma once

#include "cluster.hpp"
#include "run.hpp"

#include <string>

namespace benchfs::sim {

struct run_plan {
    cluster_plan cluster;
    plant planted = plant::none;
    unsigned operations = 60; // of each client
    bool truncates = true;
    unsigned changes_percent = 0; // of the operations: directories that are made, removed and moved
    bool appends = false; // to files whose records are counted: where no server forgets what it acknowledged
    // Relative weights of what goes wrong; 0: never.
    unsigned cuts = 0;
    unsigned partitions = 0;
    unsigned stalls = 0;
    unsigned slow = 0;
    unsigned expulsions = 0;
    unsigned kills = 0;
    unsigned power_losses = 0;
    bool cuts_power = false; // of several servers, in the end
    duration fault_every = 20ms;
    bool durable = false;   // servers find again what they had acknowledged
    bool full = false;      // so little space that writes fail
    bool small_log = false; // that is written again and again
    unsigned flips = 0;     // weight of bits that change on the device
    std::uint64_t longest_file = 40 * KiB;
    std::uint64_t longest_io = 24 * KiB;

    [[nodiscard]] std::string text() const;
};

/// `armed` false: what a planted fault needs to be found, without the fault.
[[nodiscard]] run_plan make_plan(world& w, plant planted, bool armed);

} // namespace benchfs::sim
