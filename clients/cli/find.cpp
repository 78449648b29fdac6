// find, du, sum: trees looked through.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"
#include "walk.hpp"

#include "benchfs/base/units.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace benchfs::cli {
namespace {

struct find_options {
    std::string root;
    std::string name;
    std::string type; // "f", "d", "l" or empty
    std::string size_word;
    char size_sign = '='; // '+': more, '-': less
    std::uint64_t size = 0;
    std::string newer;
    std::int64_t newer_ns = 0;
    bool null = false;
    bool json = false;
};

[[nodiscard]] bool wanted(const find_options& o, const tree_entry& e) {
    if (!o.name.empty() && !matches(o.name, std::string(base_name(e.path)))) { return false; }
    if (!o.type.empty() && type_text(e.attr).front() != (o.type == "l" ? 's' : o.type.front())) {
        return false;
    }
    if (!o.newer.empty() && e.attr.mtime_ns <= o.newer_ns) { return false; }
    if (o.size_word.empty()) { return true; }
    if (o.size_sign == '+') { return e.attr.size > o.size; }
    return o.size_sign == '-' ? e.attr.size < o.size : e.attr.size == o.size;
}

task<int> search(session& s, file_system& fs, find_options& o) {
    if (!o.newer.empty()) {
        const auto than = co_await fs.stat(s.resolve(o.newer));
        if (!than) { co_return s.failed("find", o.newer, than.error()); }
        o.newer_ns = than->mtime_ns;
    }
    json_array found;
    const visitor look = [&](const tree_entry& e) {
        if (!wanted(o, e)) { return true; }
        if (o.json) {
            json_object one;
            one.add("path", e.path).add("type", type_text(e.attr)).add("size", e.attr.size);
            found.add_raw(one.add("mtime_ns", e.attr.mtime_ns).text());
        } else if (o.null) {
            std::fwrite(e.path.c_str(), 1, e.path.size() + 1, stdout);
        } else {
            std::puts(e.path.c_str());
        }
        return true;
    };
    std::string where;
    const status done = co_await walk(fs, s.resolve(o.root), o.root, look, where);
    if (!done) { co_return s.failed("find", where, done.error()); }
    if (o.json) { std::puts(found.text().c_str()); }
    co_return exit_ok;
}

int find(session& s, const command& self, const std::vector<std::string>& words) {
    find_options o;
    o.root = s.directory();
    o.json = s.json();
    arguments a(self);
    a.word("path", o.root, "where to begin [.]", false);
    a.option("--name", o.name, "names that match, with * ? [a-z]", "PATTERN");
    a.option("--type", o.type, "f: files, d: directories, l: symlinks", "TYPE");
    a.option("--size", o.size_word, "exactly so large; +1MiB: larger, -1MiB: smaller", "SIZE");
    a.option("--newer", o.newer, "changed after this file of the file system", "FILE");
    a.flag("-0,--null", o.null, "a zero byte behind each, instead of a new line");
    a.flag("--json", o.json, "as one JSON array");
    if (const auto code = a.parse(words)) { return *code; }
    if (!o.type.empty() && o.type != "f" && o.type != "d" && o.type != "l") {
        s.refused(self.name, "--type takes f, d or l");
        return exit_usage;
    }
    if (!o.size_word.empty()) {
        std::string digits = o.size_word;
        if (digits.front() == '+' || digits.front() == '-') {
            o.size_sign = digits.front();
            digits.erase(0, 1);
        }
        const auto size = parse_bytes(digits);
        if (!size) {
            s.refused(self.name, "--size takes a size such as 4096, +1MiB or -1GiB");
            return exit_usage;
        }
        o.size = *size;
    }
    return s.run([&](file_system& fs) { return search(s, fs, o); });
}

struct du_options {
    std::vector<std::string> paths;
    bool human = false;
    bool summary = false;
    bool json = false;
};

task<int> add_up(session& s, file_system& fs, const du_options& o) {
    json_array all;
    int code = exit_ok;
    for (const std::string& shown : o.paths) {
        // Directories from the root to where the walk is, with what was found below each so far.
        struct level {
            std::string path;
            std::uint64_t bytes = 0;
            std::uint64_t files = 0;
        };
        std::vector<level> open;
        const auto close = [&](std::size_t depth) {
            while (open.size() > depth) {
                const level done = std::move(open.back());
                open.pop_back();
                if (!open.empty()) {
                    open.back().bytes += done.bytes;
                    open.back().files += done.files;
                }
                if (o.summary && !open.empty()) { continue; }
                if (o.json) {
                    json_object one;
                    all.add_raw(
                        one.add("path", done.path).add("bytes", done.bytes).add("files", done.files).text());
                } else {
                    std::printf("%-10s %s\n", size_text(done.bytes, o.human).c_str(),
                                printable(done.path).c_str());
                }
            }
        };
        const visitor count = [&](const tree_entry& e) {
            close(e.depth);
            if (e.attr.is_directory() || e.depth == 0) { open.push_back({e.path, 0, 0}); }
            if (!e.attr.is_directory()) {
                open.back().bytes += e.attr.size;
                ++open.back().files;
            }
            return true;
        };
        std::string where;
        const status done = co_await walk(fs, s.resolve(shown), shown, count, where);
        if (!done) {
            code = std::max(code, s.failed("du", where, done.error()));
            continue;
        }
        close(0);
    }
    if (o.json) { std::puts(all.text().c_str()); }
    co_return code;
}

int du(session& s, const command& self, const std::vector<std::string>& words) {
    du_options o;
    o.json = s.json();
    arguments a(self);
    a.flag("-h,--human", o.human, "sizes such as 1.5M")
        .flag("-s,--summary", o.summary, "one line for each path");
    a.flag("--json", o.json, "as one JSON array").words("path", o.paths, "files and directories [.]", false);
    if (const auto code = a.parse(words)) { return *code; }
    if (o.paths.empty()) { o.paths.push_back(s.directory()); }
    return s.run([&](file_system& fs) { return add_up(s, fs, o); });
}

/// XXH64 of a whole file.
task<result<std::uint64_t>> sum_of(file_system& fs, std::string absolute) {
    BFS_CO_TRY(file opened, co_await fs.open(absolute, open_flags::read));
    constexpr std::size_t piece = 4 * MiB;
    const auto memory = std::make_unique<std::byte[]>(piece);
    const std::unique_ptr<XXH64_state_t, XXH_errorcode (*)(XXH64_state_t*)> state(XXH64_createState(),
                                                                                  XXH64_freeState);
    XXH64_reset(state.get(), 0);
    for (std::uint64_t at = 0;;) {
        BFS_CO_TRY(const std::size_t got, co_await opened.read({memory.get(), piece}, at));
        if (got == 0) { break; }
        XXH64_update(state.get(), memory.get(), got);
        at += got;
    }
    co_return XXH64_digest(state.get());
}

task<int> sum_up(session& s, file_system& fs, const std::vector<std::string>& paths, bool json) {
    json_array all;
    int code = exit_ok;
    for (const std::string& root : paths) {
        std::vector<tree_entry> files;
        const visitor collect = [&](const tree_entry& e) {
            if (!e.attr.is_directory()) { files.push_back(e); }
            return true;
        };
        std::string where;
        const status found = co_await walk(fs, s.resolve(root), root, collect, where);
        if (!found) { code = std::max(code, s.failed("sum", where, found.error())); }
        for (const tree_entry& f : files) {
            const auto sum = co_await sum_of(fs, s.resolve(f.path));
            if (!sum) {
                code = std::max(code, s.failed("sum", f.path, sum.error()));
                if (code == exit_interrupted) { co_return code; }
                continue;
            }
            char text[17];
            std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(*sum));
            if (json) {
                json_object one;
                all.add_raw(one.add("path", f.path).add("size", f.attr.size).add("xxh64", text).text());
            } else {
                std::printf("%s  %s\n", text, f.path.c_str());
            }
        }
    }
    if (json) { std::puts(all.text().c_str()); }
    co_return code;
}

int sum(session& s, const command& self, const std::vector<std::string>& words) {
    std::vector<std::string> paths;
    bool json = s.json();
    arguments a(self);
    a.flag("--json", json, "as one JSON array")
        .words("path", paths, "files, and directories with all below them");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return sum_up(s, fs, paths, json); });
}

} // namespace

std::span<const command> find_commands() {
    static const command all[] = {
        {"find", "list what matches in a tree", "find /run --name '*.h5' --size +1GiB", "look", find},
        {"du", "bytes in files, for each directory", "du -h -s /run", "look", du},
        {"sum", "checksums (XXH64) of files and trees; xxhsum -H1 -c compares them", "sum /run/out", "look",
         sum},
    };
    return all;
}

} // namespace benchfs::cli
