// The table of ratios: each figure, what it is held against, its goal and whether that is met. Pure text from
// numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace benchfs::bench {

enum class goal_kind : unsigned char { at_most, at_least };

struct goal {
    goal_kind kind = goal_kind::at_most;
    double value = 0;
};

struct ratio_row {
    std::string name;
    std::string unit;              // of `ours` and `against`
    double ours = 0;               // median
    std::optional<double> against; // median of the raw limit; nothing: the figure itself has the goal
    double judged = 0;             // what the goal is about: the median ratio, or the figure
    goal wanted;
    std::string error;    // not measured
    bool skipped = false; // not measured because this machine cannot; `error` says why

    [[nodiscard]] bool pass() const noexcept {
        if (!error.empty()) { return false; }
        return wanted.kind == goal_kind::at_most ? judged <= wanted.value : judged >= wanted.value;
    }
};

/// A row from rounds in which both sides were measured: the median of the rounds' own ratios. `inverse`: raw
/// over ours, for goals of the form "at least so much of the raw speed" where both are times.
[[nodiscard]] ratio_row ratio_of_rounds(std::string name, std::string unit, const std::vector<double>& ours,
                                        const std::vector<double>& raw, goal wanted, bool inverse);

/// A row without a raw limit: the median of the figures.
[[nodiscard]] ratio_row plain_figure(std::string name, std::string unit, const std::vector<double>& figures,
                                     goal wanted);

[[nodiscard]] ratio_row not_measured(std::string name, goal wanted, std::string error);

/// A row that this machine cannot measure, which is no failure.
[[nodiscard]] ratio_row skipped_row(std::string name, goal wanted, std::string reason);

/// PASS, MISS or SKIP.
[[nodiscard]] const char* verdict(const ratio_row& row);

/// One line each, with its verdict.
[[nodiscard]] std::string format_table(const std::vector<ratio_row>& rows);
[[nodiscard]] std::string table_json(const std::vector<ratio_row>& rows);

} // namespace benchfs::bench
