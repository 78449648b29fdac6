// ls and tree: what is in a directory.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"
#include "symlinks.hpp"
#include "walk.hpp"

#include <algorithm>
#include <cstdio>

namespace benchfs::cli {
namespace {

struct ls_options {
    bool details = false;
    bool recursive = false;
    bool human = false;
    bool directory = false;
    bool json = false;
    std::vector<std::string> paths;
};

std::string entry_json(std::string_view path, const attributes& a) {
    json_object o;
    o.add("path", path).add("type", type_text(a)).add("size", a.size).add("mode", a.mode & 07777);
    o.add("uid", a.uid).add("gid", a.gid).add("nlink", a.nlink).add("mtime_ns", a.mtime_ns);
    return o.text();
}

/// The widths that align the columns of one directory.
struct widths {
    int links = 1;
    int owner = 1;
    int size = 1;
};

class lister {
public:
    explicit lister(const ls_options& options) : options_(options) {}

    void print(const std::vector<directory_entry>& entries) {
        widths w;
        for (const directory_entry& e : entries) {
            const auto grow = [](int& width, const std::string& text) {
                width = std::max(width, static_cast<int>(text.size()));
            };
            grow(w.links, std::to_string(e.attr.nlink));
            grow(w.owner, owner(e.attr));
            grow(w.size, size_text(e.attr.size, options_.human));
        }
        for (const directory_entry& e : entries) { print_one(e, w); }
    }
    void heading(std::string_view path, bool first) const {
        std::printf("%s%s:\n", first ? "" : "\n", printable(path).c_str());
    }

private:
    [[nodiscard]] static std::string owner(const attributes& a) {
        return std::to_string(a.uid) + " " + std::to_string(a.gid);
    }
    void print_one(const directory_entry& e, const widths& w) const {
        const std::string name = printable(e.name);
        if (!options_.details) {
            std::printf("%s%s\n", name.c_str(), e.attr.is_directory() ? "/" : "");
            return;
        }
        std::printf("%s %s %s %s %s %s\n", mode_text(e.attr).c_str(),
                    padded(std::to_string(e.attr.nlink), w.links).c_str(),
                    padded(owner(e.attr), w.owner).c_str(),
                    padded(size_text(e.attr.size, options_.human), w.size).c_str(),
                    time_text(e.attr.mtime_ns).c_str(), name.c_str());
    }

    const ls_options& options_;
};

/// In a long listing: where symbolic links point to.
task<status> add_target(file_system& fs, std::string absolute, directory_entry& e) {
    if (!is_link(e.attr)) { co_return ok(); }
    task<result<std::string>> reading = read_link(fs, std::move(absolute));
    const result<std::string> target = co_await std::move(reading);
    if (target) { e.name += " -> " + *target; }
    co_return ok();
}

/// What a word means: itself where it is to be shown, else what it leads to.
task<result<attributes>> named_item(file_system& fs, std::string absolute, const ls_options& options) {
    BFS_CO_TRY(const attributes itself, co_await fs.lstat(absolute));
    if (!is_link(itself) || options.details || options.directory) { co_return itself; }
    const auto behind = co_await fs.stat(absolute);
    co_return behind ? *behind : itself;
}

task<int> list(session& s, file_system& fs, const ls_options& options) {
    lister out(options);
    json_array all;
    int code = exit_ok;
    std::vector<directory_entry> files;
    std::vector<std::string> directories;
    for (const std::string& shown : options.paths) {
        const auto a = co_await named_item(fs, s.resolve(shown), options);
        if (!a) {
            code = std::max(code, s.failed("ls", shown, a.error()));
        } else if (a->is_directory() && !options.directory) {
            directories.push_back(shown);
        } else {
            files.push_back({shown, *a});
            if (options.details && !options.json) {
                (void)co_await add_target(fs, s.resolve(shown), files.back());
            }
        }
    }
    if (options.json) {
        for (const directory_entry& f : files) { all.add_raw(entry_json(f.name, f.attr)); }
    } else {
        out.print(files);
    }
    const bool headings = options.recursive || directories.size() + files.size() > 1;
    bool first = files.empty();
    // Directories that are found are listed next, before those that were named later.
    std::reverse(directories.begin(), directories.end());
    while (!directories.empty()) {
        const std::string shown = std::move(directories.back());
        directories.pop_back();
        auto entries = co_await fs.readdir(s.resolve(shown));
        if (!entries) {
            code = std::max(code, s.failed("ls", shown, entries.error()));
            if (entries.error() == errc::cancelled) { break; }
            continue;
        }
        if (options.json) {
            for (const directory_entry& e : *entries) { all.add_raw(entry_json(join(shown, e.name), e.attr)); }
        } else {
            if (headings) { out.heading(shown, std::exchange(first, false)); }
            if (options.details) {
                for (directory_entry& e : *entries) {
                    (void)co_await add_target(fs, s.resolve(join(shown, e.name)), e);
                }
            }
            out.print(*entries);
        }
        if (!options.recursive) { continue; }
        for (std::size_t i = entries->size(); i-- > 0;) {
            const directory_entry& e = (*entries)[i];
            if (e.attr.is_directory()) { directories.push_back(join(shown, e.name)); }
        }
    }
    if (options.json) { std::puts(all.text().c_str()); }
    co_return code;
}

int ls(session& s, const command& self, const std::vector<std::string>& words) {
    ls_options options;
    options.json = s.json();
    arguments a(self);
    a.flag("-l,--long", options.details, "mode, links, owner, group, size and time of each");
    a.flag("-R,--recursive", options.recursive, "directories below, too");
    a.flag("-h,--human", options.human, "sizes such as 1.5M");
    a.flag("-d,--directory", options.directory, "directories themselves, not what is in them");
    a.flag("--json", options.json, "as one JSON array");
    a.words("path", options.paths, "files and directories [.]", false);
    if (const auto code = a.parse(words)) { return *code; }
    if (options.paths.empty()) { options.paths.emplace_back(s.directory()); }
    return s.run([&](file_system& fs) { return list(s, fs, options); });
}

task<int> draw(session& s, file_system& fs, std::string shown, bool directories_only) {
    std::vector<bool> open; // for each level whether more comes below its line
    std::size_t files = 0;
    std::size_t directories = 0;
    const visitor print = [&](const tree_entry& e) {
        const bool directory = e.attr.is_directory();
        if (e.depth == 0) {
            std::printf("%s\n", printable(e.path).c_str());
            return true;
        }
        ++(directory ? directories : files);
        if (directories_only && !directory) { return true; }
        open.resize(e.depth);
        open[e.depth - 1] = !e.last;
        for (std::size_t i = 0; i + 1 < e.depth; ++i) { std::fputs(open[i] ? "|   " : "    ", stdout); }
        std::printf("%s-- %s%s\n", e.last ? "`" : "|", printable(base_name(e.path)).c_str(),
                    directory ? "/" : "");
        return true;
    };
    std::string where;
    const status done = co_await walk(fs, s.resolve(shown), shown, print, where);
    if (!done) { co_return s.failed("tree", where, done.error()); }
    std::printf("%zu directories, %zu files\n", directories, files);
    co_return exit_ok;
}

int tree(session& s, const command& self, const std::vector<std::string>& words) {
    std::string shown = s.directory();
    bool directories_only = false;
    arguments a(self);
    a.flag("-d,--directories", directories_only, "directories only");
    a.word("path", shown, "where to begin [.]", false);
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return draw(s, fs, shown, directories_only); });
}

} // namespace

std::span<const command> list_commands() {
    static const command all[] = {
        {"ls", "list files and directories", "ls -l -h /run", "look", ls},
        {"tree", "draw a directory and all below it", "tree /run", "look", tree},
    };
    return all;
}

} // namespace benchfs::cli
