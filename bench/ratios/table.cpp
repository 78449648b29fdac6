#include "table.hpp"

#include "../common/statistics.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace benchfs::bench {

namespace {

std::string line(const std::string& name, const std::string& ours, const std::string& against,
                 const std::string& judged, const std::string& wanted, const std::string& result) {
    std::array<char, 256> text{};
    const int n = std::snprintf(text.data(), text.size(), "  %-46s %14s %14s %9s %10s  %s\n", name.c_str(),
                                ours.c_str(), against.c_str(), judged.c_str(), wanted.c_str(), result.c_str());
    return {text.data(), static_cast<std::size_t>(n < 0 ? 0 : n)};
}

std::string figure(double value, const std::string& unit) {
    // Three decimals tell microseconds apart, none are needed for thousands of operations.
    return format_fixed(value, value < 1000 ? 3 : 0) + " " + unit;
}

std::string wanted_text(const ratio_row& r) {
    const std::string sign = r.wanted.kind == goal_kind::at_most ? "<= " : ">= ";
    return sign + format_fixed(r.wanted.value, 2) + (r.against ? "x" : "");
}

} // namespace

ratio_row ratio_of_rounds(std::string name, std::string unit, const std::vector<double>& ours,
                          const std::vector<double>& raw, goal wanted, bool inverse) {
    if (ours.empty() || ours.size() != raw.size()) {
        return not_measured(std::move(name), wanted, "no complete round");
    }
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        ratios.push_back(inverse ? raw[i] / ours[i] : ours[i] / raw[i]);
    }
    ratio_row r;
    r.name = std::move(name);
    r.unit = std::move(unit);
    r.ours = median(ours);
    r.against = median(raw);
    r.judged = median(std::move(ratios));
    r.wanted = wanted;
    return r;
}

ratio_row plain_figure(std::string name, std::string unit, const std::vector<double>& figures, goal wanted) {
    if (figures.empty()) { return not_measured(std::move(name), wanted, "no figure"); }
    ratio_row r;
    r.name = std::move(name);
    r.unit = std::move(unit);
    r.ours = median(figures);
    r.judged = r.ours;
    r.wanted = wanted;
    return r;
}

ratio_row not_measured(std::string name, goal wanted, std::string error) {
    ratio_row r;
    r.name = std::move(name);
    r.wanted = wanted;
    r.error = error.empty() ? "not measured" : std::move(error);
    return r;
}

ratio_row skipped_row(std::string name, goal wanted, std::string reason) {
    ratio_row r = not_measured(std::move(name), wanted, std::move(reason));
    r.skipped = true;
    return r;
}

const char* verdict(const ratio_row& row) {
    if (row.skipped) { return "SKIP"; }
    return row.pass() ? "PASS" : "MISS";
}

std::string format_table(const std::vector<ratio_row>& rows) {
    std::string text = line("", "benchfs", "raw limit", "ratio", "goal", "");
    for (const ratio_row& r : rows) {
        if (!r.error.empty()) {
            text += line(r.name, "-", "-", "-", wanted_text(r), verdict(r) + (" (" + r.error + ")"));
            continue;
        }
        const std::string against = r.against ? figure(*r.against, r.unit) : "";
        const std::string judged = r.against ? format_fixed(r.judged, 2) + "x" : "";
        text += line(r.name, figure(r.ours, r.unit), against, judged, wanted_text(r), verdict(r));
    }
    return text;
}

std::string table_json(const std::vector<ratio_row>& rows) {
    nlohmann::json all = nlohmann::json::array();
    for (const ratio_row& r : rows) {
        nlohmann::json j;
        j["name"] = r.name;
        j["goal"] = wanted_text(r);
        j["pass"] = r.pass();
        if (!r.error.empty()) {
            j["error"] = r.error;
            j["skipped"] = r.skipped;
        } else {
            j["unit"] = r.unit;
            j["benchfs"] = r.ours;
            if (r.against) {
                j["raw"] = *r.against;
                j["ratio"] = r.judged;
            }
        }
        all.push_back(std::move(j));
    }
    return all.dump(2) + "\n";
}

} // namespace benchfs::bench
