#include "data_model.hpp"

#include <algorithm>
#include <chrono>

namespace benchfs::sim {
namespace {

// Truncations reach this far: no file of a simulation is longer.
constexpr std::uint64_t cells_max = (std::uint64_t{1} << 20) / cell_size;

[[nodiscard]] std::uint64_t word_of(std::uint32_t op, std::uint64_t offset) noexcept {
    return std::uint64_t{op} << 32 | (offset / 8 + 1);
}

} // namespace

void data_model::fill(byte_span memory, std::uint32_t op, std::uint64_t offset) noexcept {
    for (std::size_t i = 0; i < memory.size(); i += 8) {
        const std::uint64_t word = word_of(op, offset + i);
        std::memcpy(memory.data() + i, &word, 8);
    }
}

std::vector<data_model::version>& data_model::versions(file_state& f, std::uint64_t cell) {
    std::vector<version>& v = f.cells[cell];
    if (v.empty()) {
        v.emplace_back();
        for (const size_change& c : f.sizes) { // truncations that began before anybody wrote here
            if (c.cut && c.size <= cell * cell_size) {
                v.push_back({c.op, true, c.begin, c.end, time_point::max()});
            }
        }
    }
    return v;
}

void data_model::begin_write(std::uint32_t op, file_id id, std::uint64_t offset, std::uint64_t size,
                             time_point now) {
    const operation o{id, offset / cell_size, (offset + size) / cell_size, false};
    file_state& f = files_[id];
    for (std::uint64_t c = o.first; c < o.last; ++c) {
        versions(f, c).push_back({op, false, now, time_point::max(), time_point::max()});
    }
    f.sizes.push_back({op, offset + size, false, false, now, time_point::max()});
    operations_.emplace(op, o);
}

void data_model::begin_truncate(std::uint32_t op, file_id id, std::uint64_t size, time_point now) {
    file_state& f = files_[id];
    const operation o{id, size / cell_size, cells_max, true};
    for (auto& [c, v] : f.cells) {
        if (c >= o.first) { v.push_back({op, true, now, time_point::max(), time_point::max()}); }
    }
    f.sizes.push_back({op, size, true, false, now, time_point::max()});
    operations_.emplace(op, o);
}

void data_model::end(std::uint32_t op, fate what, time_point now) {
    const auto found = operations_.find(op);
    if (found == operations_.end()) { return; }
    const operation o = found->second;
    operations_.erase(found);
    file_state& f = files_[o.file];
    const auto change = std::ranges::find_if(f.sizes, [&](const size_change& s) { return s.op == op; });
    // An answer that was on its way when the power failed tells of what may be lost.
    if (what == fate::done && change->begin < power_lost_) { what = fate::maybe; }
    const auto end_of = [&](auto& x) {
        x.end = what == fate::maybe ? now + longest_echo : now;
        return what == fate::done;
    };
    for (auto cell = f.cells.lower_bound(o.first); cell != f.cells.end() && cell->first < o.last; ++cell) {
        std::vector<version>& all = cell->second;
        const auto mine = std::ranges::find_if(
            all, [&](const version& v) { return v.op == op && v.end == time_point::max(); });
        if (mine == all.end()) { continue; } // a cell that was touched after the truncation began
        if (what == fate::none) {
            all.erase(mine);
            continue;
        }
        if (!end_of(*mine)) { continue; }
        for (version& v : all) {
            if (v.end < mine->begin) { v.dead = std::min(v.dead, now); }
        }
    }
    if (what == fate::none) {
        f.sizes.erase(change);
    } else {
        change->sure = end_of(*change);
    }
}

/// The least and the largest size that the file may have had between `begin` and `now`.
std::pair<std::uint64_t, std::uint64_t> data_model::size_bounds(file_state& f, time_point begin,
                                                                time_point now) {
    // Whether b may have come after a.
    const auto after = [](const size_change& b, const size_change& a) { return b.end >= a.begin; };
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    for (const size_change& a : f.sizes) {
        if (a.begin > now) { continue; }
        bool stays = a.sure && a.end < begin; // surely in effect when the read began
        bool possible = true;
        for (const size_change& b : f.sizes) {
            if (&a == &b || !b.cut) { continue; }
            if (b.size < a.size && b.begin <= now && b.end >= a.begin) { stays = false; }
            if (b.size < a.size && b.sure && b.end < begin && !after(a, b)) { possible = false; }
        }
        if (stays) { least = std::max(least, a.size); }
        if (possible) { most = std::max(most, a.size); }
    }
    return {least, most};
}

std::string data_model::check_cell(file_state& f, std::uint64_t cell, const_byte_span bytes, time_point begin,
                                   time_point now) {
    std::uint64_t words[cell_size / 8];
    std::memcpy(words, bytes.data(), cell_size);
    const auto op = static_cast<std::uint32_t>(words[0] >> 32);
    const std::string where = "cell at " + std::to_string(cell * cell_size) + ": ";
    for (std::size_t i = 0; i < cell_size / 8; ++i) {
        const std::uint64_t wanted = op == 0 ? 0 : word_of(op, cell * cell_size + i * 8);
        if (words[i] != wanted) {
            return where + "word " + std::to_string(i) + " names write " + std::to_string(words[i] >> 32) +
                   " at " + std::to_string(((words[i] & 0xffffffff) - 1) * 8) +
                   ", the cell begins with write " + std::to_string(op);
        }
    }
    if (fading && op == 0) { return {}; }
    std::vector<version>& all = versions(f, cell);
    const version* seen = nullptr;
    const version* dead = nullptr;
    for (const version& v : all) {
        if (op == 0 ? !v.zero : (v.zero || v.op != op)) { continue; }
        if (v.dead < begin) {
            dead = &v;
        } else {
            seen = &v;
        }
    }
    if (seen == nullptr) {
        std::string newest;
        for (const version& v : all) {
            if (v.dead >= begin) {
                newest += (newest.empty() ? "" : ", ") + (v.zero ? "zeros of " : std::string("write ")) +
                          std::to_string(v.op);
            }
        }
        if (dead == nullptr) {
            return where + "write " + std::to_string(op) + " never wrote here; possible: " + newest;
        }
        return where + "write " + std::to_string(op) +
               " was overwritten before the read began; possible: " + newest;
    }
    if (begin < power_lost_) { return {}; } // it may have been seen before the power failed
    const time_point shown_begin = op == 0 ? time_point::min() : seen->begin;
    for (version& v : all) {
        if (op == 0 ? v.zero : (!v.zero && v.op == op)) { continue; }
        if (v.end < begin || v.end < shown_begin) { v.dead = std::min(v.dead, now); }
    }
    return {};
}

std::string data_model::check_read(file_id id, std::uint64_t offset, std::uint64_t wanted, const_byte_span got,
                                   time_point begin, time_point now) {
    file_state& f = files_[id];
    const auto [least, most] = size_bounds(f, begin, now);
    const std::uint64_t end = offset + got.size();
    if (!got.empty() && end > most) {
        return "read up to byte " + std::to_string(end) + " of a file of at most " + std::to_string(most);
    }
    if (!fading && got.size() < wanted && end < std::min(least, offset + wanted)) {
        return "read ended at byte " + std::to_string(end) + " of a file of at least " + std::to_string(least);
    }
    for (std::size_t i = 0; i + cell_size <= got.size(); i += cell_size) {
        std::string wrong = check_cell(f, (offset + i) / cell_size, got.subspan(i, cell_size), begin, now);
        if (!wrong.empty()) { return wrong; }
    }
    return {};
}

std::string data_model::check_size(file_id id, std::uint64_t size, time_point begin, time_point now) {
    const auto [least, most] = size_bounds(files_[id], begin, now);
    if (size >= least && size <= most) { return {}; }
    return "size " + std::to_string(size) + ", possible: " + std::to_string(least) + " to " +
           std::to_string(most);
}

void data_model::lose_power(time_point synced, time_point now) {
    power_lost_ = now;
    for (auto& [id, f] : files_) {
        for (auto& [cell, all] : f.cells) {
            for (version& v : all) {
                if (v.dead > synced) { v.dead = time_point::max(); }
            }
        }
        for (size_change& s : f.sizes) {
            if (s.end > synced) { s.sure = false; }
        }
    }
}

} // namespace benchfs::sim
