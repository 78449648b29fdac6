#include "rounds.hpp"

#include <cstdio>

namespace benchfs::bench {

void rounds::add(ratio_row row) {
    std::printf("  %-46s %s\n", row.name.c_str(), verdict(row));
    std::fflush(stdout);
    rows_.push_back(std::move(row));
}

void rounds::against_raw(const std::string& name, goal g, bool inverse, const measure& raw,
                         const measure& ours) {
    if (!wanted(name)) { return; }
    std::vector<double> raws;
    std::vector<double> figures;
    for (int round = 0; round < plan_.rounds; ++round) {
        const worker_figure limit = raw();
        const worker_figure figure = limit.ok() ? ours() : limit;
        if (!figure.ok()) { return add(not_measured(name, g, figure.error)); }
        raws.push_back(limit.value);
        figures.push_back(figure.value);
    }
    add(ratio_of_rounds(name, "us", figures, raws, g, inverse));
}

void rounds::plain(const std::string& name, const std::string& unit, goal g, const measure& figure) {
    if (!wanted(name)) { return; }
    std::vector<double> figures;
    for (int round = 0; round < plan_.rounds; ++round) {
        const worker_figure one = figure();
        if (!one.ok()) { return add(not_measured(name, g, one.error)); }
        figures.push_back(one.value);
    }
    add(plain_figure(name, unit, figures, g));
}

} // namespace benchfs::bench
