#include "append_model.hpp"

#include <cstring>

namespace benchfs::sim {
namespace {

constexpr std::size_t words_of_cell = cell_size / 8;

/// Which cell of which record; `whole` if all its words say so.
struct cell_name {
    std::uint32_t op = 0;
    std::uint64_t cell = 0;
    bool whole = false;
};

[[nodiscard]] cell_name name_of(const_byte_span bytes) noexcept {
    std::uint64_t words[words_of_cell];
    std::memcpy(words, bytes.data(), cell_size);
    cell_name out{static_cast<std::uint32_t>(words[0] >> 32), 0, false};
    const std::uint64_t first = (words[0] & 0xffffffff) - 1;
    if (out.op == 0 || first % words_of_cell != 0) { return out; }
    out.cell = first / words_of_cell;
    out.whole = true;
    for (std::size_t i = 1; i < words_of_cell; ++i) { out.whole = out.whole && words[i] == words[0] + i; }
    return out;
}

[[nodiscard]] std::string text(const cell_name& c) {
    return "cell " + std::to_string(c.cell) + " of record " + std::to_string(c.op);
}

} // namespace

void append_model::begin(std::uint32_t op, unsigned client, std::uint64_t size) {
    records_[op] = {client, size / cell_size, fate::maybe};
}

void append_model::end(std::uint32_t op, fate what, std::uint64_t written) {
    record& r = records_.at(op);
    r.what = what;
    if (what == fate::done) { r.cells = written / cell_size; }
}

std::string append_model::check_piece(const_byte_span bytes) const {
    cell_name before;
    for (std::size_t at = 0; at + cell_size <= bytes.size(); at += cell_size) {
        const cell_name here = name_of(bytes.subspan(at, cell_size));
        const std::string where = "byte " + std::to_string(at) + " of the piece: ";
        const auto found = records_.find(here.op);
        if (!here.whole || found == records_.end()) { return where + "nobody wrote this"; }
        if (found->second.what == fate::none || here.cell >= found->second.cells) {
            return where + text(here) + " was never acknowledged, and could not be";
        }
        if (at != 0) {
            const bool goes_on = here.op == before.op && here.cell == before.cell + 1;
            const record& last = records_.at(before.op);
            const std::uint64_t done = before.cell + 1;
            const bool ended = done % piece_cells_ == 0 || last.what != fate::done || done == last.cells;
            if (!goes_on && !(ended && here.cell % piece_cells_ == 0)) {
                return where + text(here) + " follows " + text(before);
            }
        }
        before = here;
    }
    return {};
}

std::string append_model::check_whole(const_byte_span bytes) const {
    if (bytes.size() % cell_size != 0) { return "it has " + std::to_string(bytes.size()) + " bytes"; }
    if (std::string why = check_piece(bytes); !why.empty()) { return why; }
    std::map<std::uint32_t, std::uint64_t> seen; // cells of each record
    std::map<unsigned, std::uint32_t> newest;    // record of each client
    for (std::size_t at = 0; at < bytes.size(); at += cell_size) {
        const cell_name here = name_of(bytes.subspan(at, cell_size));
        if (here.cell != seen[here.op]++) {
            return text(here) + " is there twice, or not after the one before";
        }
        if (here.cell != 0) { continue; }
        std::uint32_t& last = newest[records_.at(here.op).client];
        if (here.op < last) {
            return "record " + std::to_string(here.op) + " of one client stands behind its record " +
                   std::to_string(last);
        }
        last = here.op;
    }
    for (const auto& [op, r] : records_) {
        if (r.what == fate::done && seen[op] != r.cells) {
            return "record " + std::to_string(op) + " has " + std::to_string(seen[op]) + " cells, " +
                   std::to_string(r.cells) + " were acknowledged";
        }
    }
    return {};
}

} // namespace benchfs::sim
