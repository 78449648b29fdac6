#include "completion.hpp"

#include "walk.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace benchfs::cli {
namespace {

/// Where the word at the end of the line begins, and what it says without its quotes.
std::pair<std::size_t, std::string> last_word(std::string_view line) {
    std::size_t start = 0;
    std::string word;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote == 0 && (c == ' ' || c == '\t')) {
            start = i + 1;
            word.clear();
        } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
            word += line[++i];
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = 0;
        } else {
            word += c;
        }
    }
    return {start, word};
}

std::string escaped(std::string_view word) {
    constexpr std::string_view special = " \t\n\"'\\#";
    std::string out;
    for (const char c : word) {
        if (special.find(c) != std::string_view::npos) { out += '\\'; }
        out += c;
    }
    return out;
}

using names = std::vector<std::pair<std::string, bool>>; // and whether it is a directory

names names_here(const std::string& directory) {
    names found;
    std::error_code failed;
    for (std::filesystem::directory_iterator it(directory.empty() ? "." : directory, failed), end;
         !failed && it != end; it.increment(failed)) {
        std::error_code ignored;
        found.emplace_back(it->path().filename().string(), it->is_directory(ignored));
    }
    return found;
}

names names_there(session& s, const std::string& directory) {
    names found;
    const auto list = [&](file_system& fs) -> task<int> {
        struct lister {
            static task<int> run(file_system& fs, std::string absolute, names& found) {
                task<result<std::vector<directory_entry>>> asking = fs.readdir(std::move(absolute));
                const auto entries = co_await runtime::with_timeout(std::chrono::seconds(2), std::move(asking));
                if (!entries) { co_return exit_failed; }
                for (const directory_entry& e : *entries) { found.emplace_back(e.name, e.attr.is_directory()); }
                co_return exit_ok;
            }
        };
        return lister::run(fs, s.resolve(directory.empty() ? "." : directory), found);
    };
    if (s.is_mounted()) { (void)s.run(list); }
    return found;
}

/// Whether word number `n` (1: the first behind the command) names a file of this machine.
bool is_local(std::string_view command, std::size_t n) {
    return (command == "put" && n == 1) || (command == "get" && n > 1) || command == "lcd" ||
           command == "trace";
}

} // namespace

std::string completions::common() const {
    if (candidates.empty()) { return {}; }
    std::string all = candidates.front();
    for (const std::string& c : candidates) {
        const auto [end, ignored] = std::mismatch(all.begin(), all.end(), c.begin(), c.end());
        all.erase(end, all.end());
    }
    return all;
}

std::string_view shown_part(std::string_view candidate) {
    const std::string_view whole = candidate;
    if (!candidate.empty() && candidate.back() == '/') { candidate.remove_suffix(1); }
    const std::size_t slash = candidate.rfind('/');
    return slash == std::string_view::npos ? whole : whole.substr(slash + 1);
}

completions complete(session& s, std::string_view line) {
    completions found;
    const auto [start, word] = last_word(line);
    found.start = start;
    std::vector<std::string> before;
    std::string why;
    if (!split_words(line.substr(0, start), before, why)) { return found; }
    if (before.empty() || (before.front() == "help" && before.size() == 1)) {
        for (const command& c : all_commands()) {
            if (c.name.substr(0, word.size()) == word) { found.candidates.emplace_back(c.name); }
        }
        std::sort(found.candidates.begin(), found.candidates.end());
        return found;
    }
    const command* const of = find_command(before.front());
    if (of == nullptr || !of->completes_paths || word.substr(0, 1) == "-") { return found; }
    const auto paths = static_cast<std::size_t>(std::count_if(
        before.begin(), before.end(), [](const std::string& w) { return w.substr(0, 1) != "-"; }));
    const std::size_t slash = word.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : word.substr(0, slash + 1);
    const std::string prefix = word.substr(directory.size());
    const names all = is_local(of->name, paths) ? names_here(directory) : names_there(s, directory);
    for (const auto& [name, is_directory] : all) {
        const bool hidden = name.front() == '.' && prefix.empty();
        if (hidden || name.compare(0, prefix.size(), prefix) != 0) { continue; }
        if (of->name == "cd" && !is_directory) { continue; }
        found.candidates.push_back(escaped(directory + name) + (is_directory ? "/" : ""));
    }
    std::sort(found.candidates.begin(), found.candidates.end());
    return found;
}

} // namespace benchfs::cli
