// Measures rows of the table round after round, and gathers them.
#pragma once

#include "../raw/raw_ucx.hpp"
#include "client_worker.hpp"
#include "plan.hpp"
#include "table.hpp"

#include <functional>
#include <string>
#include <vector>

namespace benchfs::bench {

[[nodiscard]] inline worker_figure from_raw(const raw_result& r) { return {r.microseconds, r.error}; }

class rounds {
public:
    using measure = std::function<worker_figure()>;

    /// The plan must outlive this.
    explicit rounds(const plan& p) : plan_(p) {}

    [[nodiscard]] const plan& asked() const noexcept { return plan_; }
    /// Whether the user wants this row.
    [[nodiscard]] bool wanted(const std::string& name) const {
        return plan_.only.empty() || name.find(plan_.only) != std::string::npos;
    }
    /// Appends a row and says so.
    void add(ratio_row row);
    /// A row of rounds: raw and ours, one after the other.
    void against_raw(const std::string& name, goal g, bool inverse, const measure& raw, const measure& ours);
    /// A row of rounds without a raw limit.
    void plain(const std::string& name, const std::string& unit, goal g, const measure& figure);

    [[nodiscard]] const std::vector<ratio_row>& rows() const noexcept { return rows_; }

private:
    const plan& plan_;
    std::vector<ratio_row> rows_;
};

} // namespace benchfs::bench
