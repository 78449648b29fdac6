// What a client of a run does with names: files, directories, links, renames.
#include "client_user.hpp"

namespace benchfs::sim {
namespace {

/// What the model calls a link that points there; 1: one that nobody made.
[[nodiscard]] std::uint64_t link_value(const std::string& target) {
    for (std::size_t p = 0; p < paths_and_links; ++p) {
        const std::string text = path_text(p);
        if (target == text || target == text.substr(1)) { return link_mark | p; }
    }
    return 1;
}

} // namespace

using runtime::task;

task<void> user::open(bool exclusive) {
    const std::size_t p = some_path(false);
    const std::uint32_t op = s_.next_op();
    touch(p);
    const std::string what = std::string(exclusive ? "create " : "open ") + path_text(p);
    s_.w.note(exclusive ? "create" : "open", op, p, number_);
    s_.names.begin(op, exclusive ? name_op::create_exclusive : name_op::open_create, p, 0, s_.w.now());
    open_flags flags = open_flags::read_write | open_flags::create;
    if (exclusive) { flags = flags | open_flags::exclusive; }
    task<result<file>> opening = fs().open(path_text(p), flags);
    const result<file> opened = co_await std::move(opening);
    judge(op, what, true, opened.error(), opened ? opened->id().value : 0);
    if (opened) { handles_.insert_or_assign(p, *opened); }
}

task<void> user::look() {
    const std::size_t p = some_path(true);
    const std::uint32_t op = s_.next_op();
    s_.w.note("stat", op, p, number_);
    s_.names.begin(op, name_op::lookup, p, 0, s_.w.now());
    task<result<attributes>> asking = fs().stat(path_text(p));
    const result<attributes> found = co_await std::move(asking);
    judge(op, "stat " + path_text(p), false, found.error(), found ? found->id.value : 0);
}

task<void> user::use_link() {
    const std::size_t p = paths + static_cast<std::size_t>(random().below(links));
    const std::uint64_t kind = random().below(10);
    if (kind < 3) { return make_link(p); }
    if (kind < 4) { return read_link(p); }
    const bool to_directory = p == directory_link;
    const auto i = static_cast<std::size_t>(random().below(files_each));
    const std::uint64_t other = to_directory && kind != 4 ? inside(i) : 0;
    const std::string text = path_text(p) + (other != 0 ? "/" + leaf_text(file_in(0, i)) : std::string());
    if (kind < 6) { return look_through(p, other, text); }
    return kind < 9 ? open_through(p, other, text) : remove(p);
}

task<void> user::make_link(std::size_t p) {
    // Not to a directory's name: opening the link would make it a file's.
    const std::uint64_t to = p == directory_link ? random().below(directories)
                                                 : directories + random().below(directory_link - directories);
    const std::uint32_t op = s_.next_op();
    s_.pointed_to.insert(to);
    s_.w.note("symlink", op, p, to);
    s_.names.begin(op, name_op::symlink, p, to, s_.w.now());
    const std::string target = s_.w.chance(50) ? path_text(to) : path_text(to).substr(1);
    task<status> making = fs().symlink(target, path_text(p));
    const status made = co_await std::move(making);
    judge(op, "symlink " + target + " " + path_text(p), true, made.error(), 0);
}

task<void> user::read_link(std::size_t p) {
    const std::uint32_t op = s_.next_op();
    s_.w.note("readlink", op, p, number_);
    s_.names.begin(op, name_op::readlink, p, 0, s_.w.now());
    task<result<std::string>> reading = fs().readlink(path_text(p));
    const result<std::string> target = co_await std::move(reading);
    const std::uint64_t id = target ? link_value(*target) : 0;
    judge(op, "readlink " + path_text(p), false, target.error(), id, true);
}

task<void> user::look_through(std::size_t p, std::uint64_t other, std::string text) {
    const std::uint32_t op = s_.next_op();
    s_.w.note("stat", op, p, number_);
    s_.names.begin(op, name_op::follow_lookup, p, other, s_.w.now());
    task<result<attributes>> asking = fs().stat(text);
    const result<attributes> found = co_await std::move(asking);
    judge(op, "stat " + text, false, found.error(), found ? found->id.value : 0, true);
}

task<void> user::open_through(std::size_t p, std::uint64_t other, std::string text) {
    const std::uint32_t op = s_.next_op();
    for (const std::size_t to : s_.pointed_to) { touch(to); }
    s_.w.note("open", op, p, number_);
    s_.names.begin(op, name_op::follow_open, p, other, s_.w.now());
    task<result<file>> opening = fs().open(text, open_flags::read_write | open_flags::create);
    const result<file> opened = co_await std::move(opening);
    judge(op, "open " + text, true, opened.error(), opened ? opened->id().value : 0, true);
    if (opened) { handles_.insert_or_assign(p, *opened); }
}

task<void> user::remove(std::size_t p) {
    const std::uint32_t op = s_.next_op();
    touch(p);
    s_.w.note("unlink", op, p, number_);
    s_.names.begin(op, name_op::unlink, p, 0, s_.w.now());
    task<status> removing = fs().unlink(path_text(p));
    const status removed = co_await std::move(removing);
    judge(op, "unlink " + path_text(p), true, removed.error(), 0);
}

task<void> user::make_directory() {
    const std::size_t d = some_directory();
    const std::uint32_t op = s_.next_op();
    touch(d);
    s_.w.note("mkdir", op, d, number_);
    s_.names.begin(op, name_op::mkdir, d, 0, s_.w.now());
    task<status> making = fs().mkdir(path_text(d));
    const status made = co_await std::move(making);
    judge(op, "mkdir " + path_text(d), true, made.error(), 0);
}

task<void> user::remove_directory() {
    const std::size_t d = some_directory();
    const std::uint32_t op = s_.next_op();
    touch(d);
    s_.w.note("rmdir", op, d, number_);
    s_.names.begin(op, name_op::rmdir, d, 0, s_.w.now());
    task<status> removing = fs().rmdir(path_text(d));
    const status removed = co_await std::move(removing);
    judge(op, "rmdir " + path_text(d), true, removed.error(), 0);
}

task<void> user::move_directory() {
    const auto from = static_cast<std::size_t>(random().below(directories));
    std::size_t to = 0;
    do {
        to = static_cast<std::size_t>(random().below(directories));
    } while (!fits(from, to) && !lies_in(to, from));
    return move(from, to);
}

task<void> user::move(std::size_t from, std::size_t to) {
    const std::uint32_t op = s_.next_op();
    touch(from);
    touch(to);
    s_.w.note("rename", op, from, to);
    s_.names.begin(op, name_op::rename, from, to, s_.w.now());
    task<status> moving = fs().rename(path_text(from), path_text(to));
    const status moved = co_await std::move(moving);
    judge(op, "rename " + path_text(from) + " " + path_text(to), true, moved.error(), 0, is_directory(from));
}

std::size_t user::some_path(bool any) {
    if (any) { return static_cast<std::size_t>(random().below(paths)); }
    // Those of the root are always there to be used.
    return directories +
           static_cast<std::size_t>(random().below(s_.w.chance(30) ? root_files : paths - directories));
}

std::size_t user::some_directory() {
    return static_cast<std::size_t>(random().below(s_.w.chance(50) ? top_directories : directories));
}

void user::touch(std::size_t p) {
    if (!s_.touched) { return; }
    for (std::size_t inside = 0; inside < paths_and_links; ++inside) {
        if (lies_in(inside, p)) { s_.touched->paths.insert(inside); }
    }
}

void user::judge(std::uint32_t op, const std::string& what, bool changes, errc e, std::uint64_t id,
                 bool follows) {
    s_.w.note("answer", op, static_cast<std::uint64_t>(e), id);
    count(e);
    if (!expected(e) && !(follows && of_links(e)) && !(s_.plan.full && e == errc::no_space)) {
        return wrong(what, op, "unexpected error: " + std::string(name(e)));
    }
    const bool definite = e == errc::ok || e == errc::not_found || e == errc::already_exists ||
                          e == errc::not_empty || of_links(e);
    std::string why;
    if (definite) {
        why = s_.names.end(op, e, id, s_.w.now());
    } else if (!changes || fate_of(e) == fate::none) {
        why = s_.names.none(op);
    } else {
        s_.names.maybe(op, s_.w.now());
    }
    if (!why.empty()) {
        wrong(what, op,
              "answered " + std::string(name(e)) + " (id " + std::to_string(id & 0xffffffff) + "): " + why);
    }
}

} // namespace benchfs::sim
