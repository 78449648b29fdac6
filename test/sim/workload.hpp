// What happens in a run: clients, faults, and the check at the end. Every answer goes to a model.
#pragma once

#include "append_model.hpp"
#include "name_model.hpp"
#include "plan.hpp"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace benchfs::sim {

/// What changes are asked for while the power may fail: only the rest can be compared.
struct touched_things {
    std::set<std::size_t> paths;
    std::set<std::uint64_t> files;
};

/// Files that clients only append to; none of the name model's.
inline constexpr std::size_t log_files = 2;
[[nodiscard]] inline std::string log_path(std::size_t log) { return "/log" + std::to_string(log); }

struct scenario {
    scenario(world& world, run_plan chosen)
        : w(world),
          plan(std::move(chosen)),
          servers(world, plan.cluster),
          logs{append_model(plan.cluster.chunk_size), append_model(plan.cluster.chunk_size)} {}

    void fail(const std::string& what) {
        if (report.failure.empty()) { report.failure = what; }
    }
    [[nodiscard]] bool failed() const noexcept { return !report.failure.empty(); }
    [[nodiscard]] std::uint32_t next_op() noexcept { return ++last_op; }

    world& w;
    run_plan plan;
    sim_cluster servers;
    data_model data;
    name_model names;
    std::array<append_model, log_files> logs;
    run_report report;
    std::uint32_t last_op = 0;
    std::set<std::size_t> pointed_to; // by symbolic links, ever
    bool clients_done = false;
    std::uint64_t losses = 0;              // of what a server had not synced, so far
    time_point synced = time_point::min(); // what ended before this survives power loss
    std::optional<touched_things> touched; // while power_task() cuts the power
};

[[nodiscard]] runtime::task<status> client_task(scenario& s, unsigned client);
[[nodiscard]] runtime::task<status> fault_task(scenario& s, runtime::task_scope& graves);
/// Power losses of several servers, after verify_task(). The name model has given up then.
[[nodiscard]] runtime::task<status> power_task(scenario& s, runtime::task_scope& graves);
/// When all is quiet: every name and every byte.
[[nodiscard]] runtime::task<status> verify_task(scenario& s);

} // namespace benchfs::sim
