// The operations of the 2-node micro-benchmark on a file system: create, small writes, small reads, in a
// directory of their own that is removed afterwards. Every byte read is checked.
#pragma once

#include "report.hpp"
#include "settings.hpp"

#include "benchfs/api/benchfs.hpp"

#include <string>
#include <vector>

namespace benchfs::bench {

/// Hears how far the benchmark is; called between operations, never while one is timed.
class workload_listener {
public:
    virtual ~workload_listener() = default;
    virtual void on_phase(operation op, std::size_t size) = 0;
    virtual void on_progress(std::uint64_t done, std::uint64_t all) = 0;
};

/// Runs all phases, one measurement each appended to `results`. On failure `why` says which operation on which
/// file; what was created is removed either way, as far as that is possible. The references outlive the task.
/// Suspends.
[[nodiscard]] runtime::task<status> run_workload(file_system& fs, const bench_settings& settings,
                                                 workload_listener& listener, std::vector<measurement>& results,
                                                 std::string& why);

} // namespace benchfs::bench
