// The table of commands, and from a line of words to a command.
#include "command.hpp"

#include "session.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace benchfs::cli {

std::span<const command> all_commands() {
    static const std::vector<command> all = [] {
        std::vector<command> list;
        for (const auto group : {list_commands(), show_commands(), change_commands(), copy_commands(),
                                 find_commands(), cluster_commands(), stats_commands(), fsck_commands(),
                                 bench_commands(), trace_commands(), health_commands(), shell_commands()}) {
            list.insert(list.end(), group.begin(), group.end());
        }
        return list;
    }();
    return all;
}

const command* find_command(std::string_view name) {
    for (const command& c : all_commands()) {
        if (c.name == name) { return &c; }
    }
    return nullptr;
}

namespace {

/// How many letters must be put in, left out or changed.
[[nodiscard]] std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row[b.size()];
}

} // namespace

std::string_view nearest_command(std::string_view wrong) {
    std::string_view best;
    std::size_t least = 3; // further away is no help
    for (const command& c : all_commands()) {
        const std::size_t d = distance(wrong, c.name);
        if (d < least && d < c.name.size()) {
            least = d;
            best = c.name;
        }
    }
    return best;
}

int run_command(session& s, const std::vector<std::string>& words) {
    const std::string& name = words.front();
    const command* const found = find_command(name);
    if (found == nullptr) {
        const std::string_view near = nearest_command(name);
        std::fprintf(stderr, "benchfs-cli: there is no command '%s'%s%.*s%s; help lists all\n", name.c_str(),
                     near.empty() ? "" : " (did you mean '", static_cast<int>(near.size()), near.data(),
                     near.empty() ? "" : "'?)");
        return exit_usage;
    }
    const int code = found->run(s, *found, {words.begin() + 1, words.end()});
    std::fflush(stdout);
    if (code == exit_no_server && s.is_mounted()) { s.name_dead_servers(); }
    return code;
}

bool split_words(std::string_view line, std::vector<std::string>& words, std::string& why) {
    std::string word;
    bool inside = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote == '\'' ? c != '\'' : c == '\\' && i + 1 < line.size()) {
            word += quote == '\'' ? c : line[++i];
            inside = true;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote != 0) {
            word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            inside = true;
        } else if (c == '#' && !inside) {
            break;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if (inside) { words.push_back(std::move(word)); }
            word.clear();
            inside = false;
        } else {
            word += c;
            inside = true;
        }
    }
    if (quote != 0) {
        why = std::string("the line ends inside quotes: a ") + quote + " is missing";
        return false;
    }
    if (inside) { words.push_back(std::move(word)); }
    return true;
}

} // namespace benchfs::cli
