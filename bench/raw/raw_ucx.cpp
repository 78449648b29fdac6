#include "raw_ucx.hpp"

#include "../common/child.hpp"
#include "../common/statistics.hpp"

#include <cstdlib>
#include <vector>

namespace benchfs::bench {

const char* name(raw_op op) noexcept {
    switch (op) {
    case raw_op::am:
        return "active message";
    case raw_op::put:
        return "put";
    case raw_op::get:
        return "get";
    }
    return "?";
}

namespace {

raw_result run_worker(std::vector<std::string> arguments, core_pair wanted) {
    const core_pair cores = complete(wanted);
    arguments.insert(arguments.begin(), {own_program(), raw_worker_flag});
    arguments.push_back(std::to_string(cores.near));
    arguments.push_back(std::to_string(cores.far));
    raw_result outcome;
    const child_output said = run_to_end(arguments, std::chrono::seconds(60));
    char* end = nullptr;
    outcome.microseconds = std::strtod(said.text.c_str(), &end);
    if (said.exit_code != 0 || end == said.text.c_str() || outcome.microseconds <= 0) {
        outcome.microseconds = 0;
        outcome.error = said.text.empty() ? "the raw UCX worker failed" : trimmed(said.text);
    }
    return outcome;
}

} // namespace

raw_result measure_am_round_trip(std::size_t bytes_out, std::size_t bytes_back, std::uint64_t iterations,
                                 core_pair cores) {
    return run_worker(
        {"round-trip", std::to_string(bytes_out), std::to_string(bytes_back), std::to_string(iterations)},
        cores);
}

raw_result measure_bandwidth(raw_op op, std::size_t total_distinct_bytes, std::size_t piece, core_pair cores) {
    const char* word = "put";
    if (op == raw_op::am) { word = "am"; }
    if (op == raw_op::get) { word = "get"; }
    return run_worker({word, std::to_string(total_distinct_bytes), std::to_string(piece), "5"}, cores);
}

raw_best measure_best_bandwidth(std::size_t total_distinct_bytes, std::size_t piece, core_pair cores) {
    raw_best best;
    best.result.error = "nothing was measured";
    for (const raw_op op : {raw_op::put, raw_op::get, raw_op::am}) {
        raw_result one = measure_bandwidth(op, total_distinct_bytes, piece, cores);
        const bool better = one.ok() && (!best.result.ok() || one.microseconds < best.result.microseconds);
        if (better || (!best.result.ok() && !one.ok())) {
            best.result = std::move(one);
            best.op = op;
        }
    }
    return best;
}

} // namespace benchfs::bench
