// A client of a run: one random operation after the other.
#include "workload.hpp"

#include <optional>

namespace benchfs::sim {
namespace {

using runtime::task;

// Deadlines and retries end everything long before this.
constexpr duration longest_operation = std::chrono::seconds(60);

/// What an error says about whether the change happened.
[[nodiscard]] fate fate_of(errc e) noexcept {
    switch (e) {
    case errc::ok:
        return fate::done;
    case errc::not_supported:
    case errc::bad_handle:
    case errc::stale_handle:
    case errc::no_space:
    case errc::busy:
        return fate::none;
    case errc::timed_out: // nobody answered, and nobody was asked to change anything: else it is
                          // outcome_unknown
    case errc::peer_down:
    case errc::no_server:
        return fate::none;
    default:
        return fate::maybe;
    }
}

/// Errors that a client of a healthy cluster may get, whatever its network does.
[[nodiscard]] bool expected(errc e) noexcept {
    switch (e) {
    case errc::ok:
    case errc::not_found:
    case errc::already_exists:
    case errc::not_empty:
    case errc::stale_handle:
    case errc::peer_down:
    case errc::timed_out:
    case errc::outcome_unknown:
    case errc::no_server:
    case errc::busy:      // a server that must agree to a removal or a move does not answer
    case errc::try_again: // nor does one in time that somebody waits for
        return true;
    default:
        return false;
    }
}

/// Answers that only symbolic links give.
[[nodiscard]] bool of_links(errc e) noexcept {
    return e == errc::too_many_symlinks || e == errc::invalid_argument;
}

/// What the model calls a link that points there; 1: one that nobody made.
[[nodiscard]] std::uint64_t link_value(const std::string& target) {
    for (std::size_t p = 0; p < paths_and_links; ++p) {
        const std::string text = path_text(p);
        if (target == text || target == text.substr(1)) { return link_mark | p; }
    }
    return 1;
}

class user {
public:
    user(scenario& s, unsigned number) noexcept : s_(s), number_(number) {}

    task<status> work() {
        for (unsigned i = 0; i < s_.plan.operations && !s_.failed(); ++i) {
            const duration idle = s_.w.chance(80) ? s_.w.between(1us, 500us) : s_.w.between(1ms, 10ms);
            co_await s_.w.rest(idle);
            const time_point began = s_.w.now();
            task<void> next = one();
            co_await std::move(next);
            ++s_.report.operations;
            if (s_.w.now() - began > longest_operation) {
                s_.fail("client " + std::to_string(number_) + ": an operation took longer than a minute");
            }
        }
        co_return ok();
    }

private:
    [[nodiscard]] file_system& fs() noexcept { return s_.servers.fs(number_); }
    [[nodiscard]] prng& random() noexcept { return s_.w.random(); }

    void wrong(const std::string& what, std::uint32_t op, const std::string& why) {
        s_.fail("client " + std::to_string(number_) + ", operation " + std::to_string(op) + ": " + what + ": " +
                why);
    }
    void count(errc e) {
        if (fate_of(e) == fate::maybe && e != errc::not_found && e != errc::already_exists &&
            e != errc::not_empty && !of_links(e)) {
            ++s_.report.unknown;
        } else {
            ++s_.report.answered;
        }
    }

    [[nodiscard]] std::size_t some_path(bool any) {
        if (any && s_.plan.tree) { return static_cast<std::size_t>(random().below(paths)); }
        const std::size_t files = s_.plan.tree ? paths - directories : root_files;
        return directories + static_cast<std::size_t>(random().below(files));
    }

    /// Before a change of this name: with what is in it, if it is a directory.
    void touch(std::size_t p) {
        if (!s_.touched) { return; }
        s_.touched->paths.insert(p);
        for (std::size_t i = 0; p < directories && i < files_each; ++i) {
            s_.touched->paths.insert(directories + root_files + p * files_each + i);
        }
    }
    void touch(file_id id) {
        if (s_.touched) { s_.touched->files.insert(id.value); }
    }

    /// A name operation's answer goes to the model.
    void judge(std::uint32_t op, const std::string& what, bool changes, errc e, std::uint64_t id,
               bool follows = false) {
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

    task<void> one() {
        const std::uint64_t kind = random().below(100);
        if (kind < 4 && s_.plan.tree) { return use_link(); }
        if (kind < 30) { return read(); }
        if (kind < 56) { return write(); }
        if (kind < 72) { return open(kind < 60); }
        if (kind < 76) { return look(); }
        if (kind < 78) { return s_.plan.tree ? use_link() : look(); }
        if (kind < 84) { return remove(); }
        if (kind < 88) { return s_.plan.truncates ? cut() : read(); }
        if (kind < 91) { return measure(); }
        if (kind < 93) { return sync(); }
        return s_.plan.tree ? change_tree(kind) : read();
    }

    task<void> open(bool exclusive) {
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

    task<void> look() {
        const std::size_t p = some_path(true);
        const std::uint32_t op = s_.next_op();
        s_.w.note("stat", op, p, number_);
        s_.names.begin(op, name_op::lookup, p, 0, s_.w.now());
        task<result<attributes>> asking = fs().stat(path_text(p));
        const result<attributes> found = co_await std::move(asking);
        judge(op, "stat " + path_text(p), false, found.error(), found ? found->id.value : 0);
    }

    /// Makes, reads, follows or removes a symbolic link. What it points to may be missing, or itself.
    task<void> use_link() {
        const std::size_t p = paths + static_cast<std::size_t>(random().below(links));
        const std::uint64_t kind = random().below(10);
        if (kind < 3) { return make_link(p); }
        if (kind < 4) { return read_link(p); }
        if (kind < 6) { return look_through(p); }
        return kind < 9 ? open_through(p) : remove(p);
    }

    task<void> make_link(std::size_t p) {
        // Not to a directory's name: opening the link would make it a file's.
        const auto to = directories + static_cast<std::size_t>(random().below(paths_and_links - directories));
        const std::uint32_t op = s_.next_op();
        s_.pointed_to.insert(to);
        s_.w.note("symlink", op, p, to);
        s_.names.begin(op, name_op::symlink, p, to, s_.w.now());
        const std::string target = s_.w.chance(50) ? path_text(to) : path_text(to).substr(1);
        task<status> making = fs().symlink(target, path_text(p));
        const status made = co_await std::move(making);
        judge(op, "symlink " + target + " " + path_text(p), true, made.error(), 0);
    }

    task<void> read_link(std::size_t p) {
        const std::uint32_t op = s_.next_op();
        s_.w.note("readlink", op, p, number_);
        s_.names.begin(op, name_op::readlink, p, 0, s_.w.now());
        task<result<std::string>> reading = fs().readlink(path_text(p));
        const result<std::string> target = co_await std::move(reading);
        const std::uint64_t id = target ? link_value(*target) : 0;
        judge(op, "readlink " + path_text(p), false, target.error(), id, true);
    }

    task<void> look_through(std::size_t p) {
        const std::uint32_t op = s_.next_op();
        s_.w.note("stat", op, p, number_);
        s_.names.begin(op, name_op::follow_lookup, p, 0, s_.w.now());
        task<result<attributes>> asking = fs().stat(path_text(p));
        const result<attributes> found = co_await std::move(asking);
        judge(op, "stat " + path_text(p), false, found.error(), found ? found->id.value : 0, true);
    }

    task<void> open_through(std::size_t p) {
        const std::uint32_t op = s_.next_op();
        for (const std::size_t to : s_.pointed_to) { touch(to); }
        s_.w.note("open", op, p, number_);
        s_.names.begin(op, name_op::follow_open, p, 0, s_.w.now());
        task<result<file>> opening = fs().open(path_text(p), open_flags::read_write | open_flags::create);
        const result<file> opened = co_await std::move(opening);
        judge(op, "open " + path_text(p), true, opened.error(), opened ? opened->id().value : 0, true);
        if (opened) { handles_.insert_or_assign(p, *opened); }
    }

    task<void> remove() { return remove(some_path(false)); }

    task<void> remove(std::size_t p) {
        const std::uint32_t op = s_.next_op();
        touch(p);
        s_.w.note("unlink", op, p, number_);
        s_.names.begin(op, name_op::unlink, p, 0, s_.w.now());
        task<status> removing = fs().unlink(path_text(p));
        const status removed = co_await std::move(removing);
        judge(op, "unlink " + path_text(p), true, removed.error(), 0);
    }

    task<void> change_tree(std::uint64_t kind) {
        const std::uint32_t op = s_.next_op();
        const auto d = static_cast<std::size_t>(random().below(directories));
        if (kind < 97) { touch(d); }
        if (kind < 96) {
            s_.w.note("mkdir", op, d, number_);
            s_.names.begin(op, name_op::mkdir, d, 0, s_.w.now());
            task<status> making = fs().mkdir(path_text(d));
            const status made = co_await std::move(making);
            judge(op, "mkdir " + path_text(d), true, made.error(), 0);
        } else if (kind < 97) {
            s_.w.note("rmdir", op, d, number_);
            s_.names.begin(op, name_op::rmdir, d, 0, s_.w.now());
            task<status> removing = fs().rmdir(path_text(d));
            const status removed = co_await std::move(removing);
            judge(op, "rmdir " + path_text(d), true, removed.error(), 0);
        } else {
            const bool moves_directory = s_.w.chance(25);
            const std::size_t from = moves_directory ? d : some_path(false);
            const std::size_t to = moves_directory ? random().below(directories) : some_path(false);
            touch(from);
            touch(to);
            s_.w.note("rename", op, from, to);
            s_.names.begin(op, name_op::rename, from, to, s_.w.now());
            task<status> moving = fs().rename(path_text(from), path_text(to));
            const status moved = co_await std::move(moving);
            judge(op, "rename " + path_text(from) + " " + path_text(to), true, moved.error(), 0);
        }
    }

    /// A handle that was opened before, or none.
    [[nodiscard]] std::optional<file> some_handle() {
        if (handles_.empty()) { return {}; }
        auto chosen = handles_.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random().below(handles_.size())));
        return chosen->second;
    }
    void drop_handle(file_id id) {
        std::erase_if(handles_, [&](const auto& item) { return item.second.id() == id; });
    }

    /// False if the operation need not be looked at any further.
    bool judge_handle(std::uint32_t op, const std::string& what, file_id id, errc e) {
        s_.w.note("answer", op, static_cast<std::uint64_t>(e), id.value);
        count(e);
        if (e == errc::ok) { return true; }
        if (e == errc::stale_handle) {
            drop_handle(id);
            if (!s_.names.gave_up() && !s_.names.may_be_gone(id.value)) {
                wrong(what, op,
                      "stale handle, and nobody removed file " + std::to_string(id.counter() & 0xffffffff));
            }
        } else if (!expected(e) && !(s_.plan.full && e == errc::no_space) &&
                   !(s_.plan.flips != 0 && e == errc::io_error)) {
            wrong(what, op, "unexpected error: " + std::string(name(e)));
        }
        return false;
    }

    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> some_range() {
        const std::uint64_t longest = s_.w.chance(s_.plan.full ? 20 : 70) ? 2 * KiB : s_.plan.longest_io;
        const std::uint64_t size = cell_size * (1 + random().below(longest / cell_size));
        const std::uint64_t offset =
            s_.w.chance(40) ? 0 : cell_size * random().below((s_.plan.longest_file - size) / cell_size);
        return {offset, size};
    }

    task<void> write() {
        std::optional<file> f = some_handle();
        if (!f) {
            task<void> instead = open(false);
            co_await std::move(instead);
            co_return;
        }
        const auto [offset, size] = some_range();
        const std::uint32_t op = s_.next_op();
        s_.w.note("write", op, offset << 32 | size, f->id().value);
        std::vector<std::byte> bytes(size);
        data_model::fill(bytes, op, offset);
        touch(f->id());
        s_.data.begin_write(op, f->id(), offset, size, s_.w.now());
        task<result<std::size_t>> writing = f->write(bytes, offset);
        const result<std::size_t> written = co_await std::move(writing);
        // What fails may have left any part of its bytes.
        s_.data.end(op, written ? fate::done : fate::maybe, s_.w.now());
        if (!judge_handle(op, "write", f->id(), written.error())) { co_return; }
        if (*written != size) {
            wrong("write", op, "wrote " + std::to_string(*written) + " of " + std::to_string(size));
        }
    }

    task<void> read() {
        std::optional<file> f = some_handle();
        if (!f) {
            task<void> instead = open(false);
            co_await std::move(instead);
            co_return;
        }
        const auto [offset, size] = some_range();
        const std::uint32_t op = s_.next_op();
        s_.w.note("read", op, offset << 32 | size, f->id().value);
        std::vector<std::byte> bytes(size, std::byte{0xa5});
        const time_point began = s_.w.now();
        task<result<std::size_t>> reading = f->read(bytes, offset);
        const result<std::size_t> got = co_await std::move(reading);
        if (!judge_handle(op, "read", f->id(), got.error())) { co_return; }
        if (*got > size) { co_return wrong("read", op, "more bytes than were asked for"); }
        s_.data.fading = s_.names.gave_up() || s_.names.may_be_gone(f->id().value);
        const std::string why =
            s_.data.check_read(f->id(), offset, size, const_byte_span(bytes).first(*got), began, s_.w.now());
        s_.data.fading = false;
        if (!why.empty()) {
            wrong("read of " + std::to_string(size) + " at " + std::to_string(offset), op, why);
        }
    }

    task<void> cut() {
        std::optional<file> f = some_handle();
        if (!f) { co_return; }
        const std::uint64_t size = cell_size * random().below(s_.plan.longest_file / cell_size);
        const std::uint32_t op = s_.next_op();
        s_.w.note("truncate", op, size, f->id().value);
        touch(f->id());
        s_.data.begin_truncate(op, f->id(), size, s_.w.now());
        task<status> cutting = f->truncate(size);
        const status done = co_await std::move(cutting);
        s_.data.end(op, done ? fate::done : fate::maybe, s_.w.now());
        (void)judge_handle(op, "truncate", f->id(), done.error());
    }

    task<void> measure() {
        std::optional<file> f = some_handle();
        if (!f) { co_return; }
        const std::uint32_t op = s_.next_op();
        s_.w.note("size", op, 0, f->id().value);
        const time_point began = s_.w.now();
        task<result<attributes>> asking = f->stat();
        const result<attributes> found = co_await std::move(asking);
        if (!judge_handle(op, "stat", f->id(), found.error())) { co_return; }
        const std::string why = s_.data.check_size(f->id(), found->size, began, s_.w.now());
        if (!why.empty()) { wrong("stat", op, why); }
    }

    task<void> sync() {
        const std::uint32_t op = s_.next_op();
        s_.w.note("sync", op, number_);
        const time_point began = s_.w.now();
        s_.names.begin_sync(op);
        task<status> syncing = fs().sync();
        const status done = co_await std::move(syncing);
        s_.w.note("answer", op, static_cast<std::uint64_t>(done.error()));
        count(done.error());
        if (!done && !expected(done.error())) {
            co_return wrong("sync", op, "unexpected error: " + std::string(name(done.error())));
        }
        s_.names.end_sync(op, static_cast<bool>(done));
        if (done) { s_.synced = std::max(s_.synced, began); }
    }

    scenario& s_;
    unsigned number_;
    std::map<std::size_t, file> handles_;
};

} // namespace

task<status> client_task(scenario& s, unsigned client) {
    user u(s, client);
    task<status> working = u.work();
    co_return co_await std::move(working);
}

} // namespace benchfs::sim
