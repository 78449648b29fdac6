// Commands that change names and attributes: mv, rm, mkdir, rmdir, touch, truncate, chmod, ln.
#include "arguments.hpp"
#include "command.hpp"
#include "session.hpp"
#include "symlinks.hpp"
#include "walk.hpp"

#include "benchfs/base/path.hpp"
#include "benchfs/base/units.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace benchfs::cli {
namespace {

[[nodiscard]] std::int64_t now_ns() {
    std::timespec now{};
    std::timespec_get(&now, TIME_UTC);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// One operation for each word; what fails is reported and the rest goes on, except after Ctrl-C.
template <class Operation>
task<int> each(session& s, std::string_view command, const std::vector<std::string>& words,
               Operation operation) {
    int code = exit_ok;
    for (const std::string& shown : words) {
        task<status> one = operation(s.resolve(shown));
        const status done = co_await std::move(one);
        if (done) { continue; }
        code = std::max(code, s.failed(command, shown, done.error()));
        if (code == exit_interrupted) { break; }
    }
    co_return code;
}

task<status> make_with_parents(file_system& fs, std::string absolute, std::uint32_t mode) {
    BFS_CO_TRY(const path p, path::parse(absolute));
    std::string so_far;
    for (std::size_t i = 0; i < p.depth(); ++i) {
        so_far += "/" + std::string(p.component(i));
        const status made = co_await fs.mkdir(so_far, mode);
        if (made) { continue; }
        if (made.error() != errc::already_exists) { co_return made; }
        BFS_CO_TRY(const attributes there, co_await fs.stat(so_far));
        if (!there.is_directory()) { co_return errc::not_a_directory; }
    }
    co_return ok();
}

/// Only digits 0 to 7; nothing above 07777.
[[nodiscard]] bool parse_mode(const std::string& text, std::uint32_t& mode) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    return error == std::errc{} && end == text.data() + text.size() && mode <= 07777;
}

int bad_mode(session& s, std::string_view command, const std::string& mode) {
    s.refused(command, "'" + mode + "' is no mode: give up to four octal digits, such as 755");
    return exit_usage;
}

int mkdir(session& s, const command& self, const std::vector<std::string>& words) {
    bool parents = false;
    std::string mode_word = "755";
    std::vector<std::string> paths;
    arguments a(self);
    a.flag("-p,--parents", parents, "make what is missing above, and be content with what is there");
    a.option("-m,--mode", mode_word, "permissions [755]", "MODE").words("directory", paths, "what to make");
    if (const auto code = a.parse(words)) { return *code; }
    std::uint32_t mode = 0;
    if (!parse_mode(mode_word, mode)) { return bad_mode(s, self.name, mode_word); }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths, [&fs, parents, mode](std::string absolute) {
            return parents ? make_with_parents(fs, std::move(absolute), mode)
                           : fs.mkdir(std::move(absolute), mode);
        });
    });
}

int rmdir(session& s, const command& self, const std::vector<std::string>& words) {
    std::vector<std::string> paths;
    arguments a(self);
    a.words("directory", paths, "empty directories");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths, [&fs](std::string absolute) { return fs.rmdir(std::move(absolute)); });
    });
}

/// A tree, what is deepest first. Files of one directory go several at a time.
task<status> remove_tree(file_system& fs, std::string absolute) {
    std::vector<std::string> files;
    std::vector<std::string> directories;
    const visitor collect = [&](const tree_entry& e) {
        (e.attr.is_directory() ? directories : files).push_back(e.path);
        return true;
    };
    std::string where;
    BFS_CO_CHECK(co_await walk(fs, absolute, absolute, collect, where));
    const auto remove_one = [&](std::size_t i) { return fs.unlink(files[i]); };
    constexpr std::size_t at_once = 16;
    task<status> all = runtime::parallel_for(files.size(), at_once, remove_one);
    BFS_CO_CHECK(co_await std::move(all));
    for (std::size_t i = directories.size(); i-- > 0;) { BFS_CO_CHECK(co_await fs.rmdir(directories[i])); }
    co_return ok();
}

task<status> remove_one(file_system& fs, std::string absolute, bool recursive, bool force) {
    const auto found = co_await fs.lstat(absolute);
    if (!found && found.error() == errc::not_found && force) { co_return ok(); }
    if (!found) { co_return found.error(); }
    if (!found->is_directory()) { co_return co_await fs.unlink(absolute); }
    if (!recursive) { co_return errc::is_a_directory; }
    co_return co_await remove_tree(fs, absolute);
}

int rm(session& s, const command& self, const std::vector<std::string>& words) {
    bool recursive = false;
    bool force = false;
    std::vector<std::string> paths;
    arguments a(self);
    a.flag("-r,--recursive", recursive, "directories with all below them");
    a.flag("-f,--force", force, "be content when there is nothing of that name");
    a.words("path", paths, "what to remove");
    if (const auto code = a.parse(words)) { return *code; }
    for (const std::string& one : paths) {
        const result<path> absolute = path::parse(s.resolve(one));
        if (recursive && absolute && absolute->is_root()) {
            return s.failed(self.name, one, errc::invalid_argument, "the root stays; name what is in it");
        }
    }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths, [&fs, recursive, force](std::string absolute) {
            return remove_one(fs, std::move(absolute), recursive, force);
        });
    });
}

task<int> move_all(session& s, file_system& fs, std::vector<std::string> from, std::string target) {
    const auto there = co_await fs.stat(s.resolve(target));
    const bool into = there && there->is_directory();
    if (from.size() > 1 && !into) { co_return s.failed("mv", target, errc::not_a_directory); }
    int code = exit_ok;
    for (const std::string& shown : from) {
        const std::string to = into ? join(target, base_name(shown)) : target;
        const status moved = co_await fs.rename(s.resolve(shown), s.resolve(to));
        if (moved) { continue; }
        code = std::max(code, s.failed("mv", shown + " to " + to, moved.error()));
    }
    co_return code;
}

int mv(session& s, const command& self, const std::vector<std::string>& words) {
    std::vector<std::string> paths;
    arguments a(self);
    a.words("path", paths, "what to move, and at the end the new name or a directory");
    if (const auto code = a.parse(words)) { return *code; }
    if (paths.size() < 2) {
        s.refused(self.name, "needs at least two names: what to move, and where to");
        return exit_usage;
    }
    std::string target = std::move(paths.back());
    paths.pop_back();
    return s.run([&](file_system& fs) { return move_all(s, fs, paths, target); });
}

task<status> touch_one(file_system& fs, std::string absolute, bool create) {
    const auto found = co_await fs.stat(absolute);
    if (!found && found.error() == errc::not_found) {
        if (!create) { co_return ok(); }
        const auto made = co_await fs.open(absolute, open_flags::write | open_flags::create);
        co_return made.error();
    }
    if (!found) { co_return found.error(); }
    const std::int64_t now = now_ns();
    co_return co_await fs.set_times(absolute, now, now);
}

int touch(session& s, const command& self, const std::vector<std::string>& words) {
    bool no_create = false;
    std::vector<std::string> paths;
    arguments a(self);
    a.flag("-c,--no-create", no_create, "leave out what is not there").words("path", paths, "files");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths, [&fs, no_create](std::string absolute) {
            return touch_one(fs, std::move(absolute), !no_create);
        });
    });
}

task<status> truncate_one(file_system& fs, std::string absolute, std::uint64_t size) {
    BFS_CO_TRY(file opened, co_await fs.open(absolute, open_flags::write | open_flags::create));
    co_return co_await opened.truncate(size);
}

int truncate(session& s, const command& self, const std::vector<std::string>& words) {
    constexpr std::uint64_t not_given = ~std::uint64_t{0};
    std::uint64_t size = not_given;
    std::vector<std::string> paths;
    arguments a(self);
    a.bytes("-s,--size", size, "the new size").words("file", paths, "files; made if they are not there");
    if (const auto code = a.parse(words)) { return *code; }
    if (size == not_given) {
        s.refused(self.name, "needs the new size: -s BYTES");
        return exit_usage;
    }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths,
                    [&fs, size](std::string absolute) { return truncate_one(fs, std::move(absolute), size); });
    });
}

int chmod(session& s, const command& self, const std::vector<std::string>& words) {
    std::string mode_word;
    std::vector<std::string> paths;
    arguments a(self);
    a.word("mode", mode_word, "permissions in octal, such as 640")
        .words("path", paths, "files and directories");
    if (const auto code = a.parse(words)) { return *code; }
    std::uint32_t mode = 0;
    if (!parse_mode(mode_word, mode)) { return bad_mode(s, self.name, mode_word); }
    return s.run([&](file_system& fs) {
        return each(s, self.name, paths,
                    [&fs, mode](std::string absolute) { return fs.chmod(std::move(absolute), mode); });
    });
}

int ln(session& s, const command& self, const std::vector<std::string>& words) {
    bool symbolic = false;
    std::string target;
    std::string shown;
    arguments a(self);
    a.flag("-s,--symbolic", symbolic, "a symbolic link: the only kind there is");
    a.word("target", target, "what it points to, as it is to be kept").word("path", shown, "the link to make");
    if (const auto code = a.parse(words)) { return *code; }
    if (!symbolic) {
        s.refused(self.name, "hard links are not supported; -s makes a symbolic link");
        return exit_usage;
    }
    const std::vector<std::string> path{shown};
    return s.run([&](file_system& fs) {
        return each(s, self.name, path,
                    [&fs, target](std::string absolute) { return make_link(fs, target, std::move(absolute)); });
    });
}

} // namespace

std::span<const command> change_commands() {
    static const command all[] = {
        {"mkdir", "make directories", "mkdir -p /run/out/step1", "change", mkdir},
        {"rmdir", "remove empty directories", "rmdir /run/out/step1", "change", rmdir},
        {"rm", "remove files, and with -r whole trees", "rm -r /run/out", "change", rm},
        {"mv", "rename, or move into a directory", "mv /run/a /run/b", "change", mv},
        {"touch", "make empty files, or set their times to now", "touch /run/done", "change", touch},
        {"truncate", "set the size of files", "truncate -s 1GiB /run/big", "change", truncate},
        {"ln", "make a symbolic link", "ln -s results/step7 /run/latest", "change", ln},
        {"chmod", "set permissions", "chmod 640 /run/log", "change", chmod},
    };
    return all;
}

} // namespace benchfs::cli
