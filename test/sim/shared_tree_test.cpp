// Two clients change one tree of directories and files whose names lie on several servers, and these are broken
// all the while: what was acknowledged to either holds, and what nobody could say is one way or the other once
// they are left alone.
#include "name_stories.hpp"
#include "shared_play.hpp"

#include <algorithm>
#include <array>
#include <optional>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using shared_kind = tree_change_kind;
using namespace std::chrono_literals;

constexpr unsigned changes_each = 60;
constexpr std::size_t largest_shared_tree = 28;

/// As often as each is in here.
constexpr std::array shared_kinds{
    shared_kind::make_directory,    shared_kind::make_directory,    shared_kind::make_directory,
    shared_kind::make_directory,    shared_kind::make_directory,    shared_kind::make_file,
    shared_kind::make_file,         shared_kind::make_file,         shared_kind::remove_file,
    shared_kind::remove_directory,  shared_kind::remove_directory,  shared_kind::remove_directory,
    shared_kind::move_directory,    shared_kind::move_directory,    shared_kind::move_directory,
    shared_kind::replace_directory, shared_kind::replace_directory, shared_kind::move_directory,
    shared_kind::move_directory,    shared_kind::move_file,
};

struct chosen_change {
    tree_change change;
    unsigned parent = 0; // where something new would be
    std::string from;    // what there is; of what is made: the same as `to`
    std::string to;
    errc due = errc::ok; // if nothing else changes meanwhile
};

/// One of them, or the root if there is none.
unsigned pick_object(world& w, const std::vector<unsigned>& some) {
    return some.empty() ? shared_tree::root : some[w.random().below(some.size())];
}

unsigned pick_parent(shared_play& s) {
    if (s.w.random().below(4) == 0) { return shared_tree::root; }
    std::vector<unsigned> some = s.names.free_ones(true);
    some.insert(some.begin(), shared_tree::root);
    return pick_object(s.w, some);
}

std::string new_name(shared_play& s, const file_system& fs, unsigned parent, shared_kind what) {
    const unsigned count = s.servers.settings().servers;
    // A server that comes back empty has lost its names.
    const std::uint64_t at =
        s.worst == worst_harm::server_0_emptied ? 1 + s.w.random().below(count - 1) : s.w.random().below(count);
    const std::string stem =
        (what == shared_kind::make_directory ? "d" : "n") + std::to_string(s.changes) + "-";
    return name_at(fs, s.names.at(parent).id, server_id{static_cast<std::uint16_t>(at)}, stem);
}

/// False if there is nothing to replace.
bool choose_replaced(shared_play& s, chosen_change& c) {
    const unsigned over = pick_object(s.w, s.names.free_ones(true));
    if (over == shared_tree::root || over == c.change.object) { return false; }
    // A name that comes into it by its path lies where its id says, and that may be server 0, which loses it.
    if (s.worst == worst_harm::server_0_emptied && s.names.at(over).users != 0) { return false; }
    c.change.over = over;
    c.change.parent = s.names.at(over).parent;
    c.change.name = s.names.at(over).name;
    c.to = s.names.path(over);
    if (s.names.has_children(over)) { c.due = errc::not_empty; }
    if (s.names.lies_in(c.change.parent, c.change.object)) { c.due = errc::invalid_argument; }
    return true;
}

/// Nothing, if the tree has nothing for it just now.
std::optional<chosen_change> choose_shared(shared_play& s, const file_system& fs) {
    chosen_change c;
    c.parent = pick_parent(s);
    tree_change& change = c.change;
    change.parent = c.parent;
    change.kind = shared_kinds[s.w.random().below(shared_kinds.size())];
    change.name = new_name(s, fs, c.parent, change.kind);
    c.to = s.names.path(c.parent) + "/" + change.name;
    const bool directory = change.kind != shared_kind::remove_file && change.kind != shared_kind::move_file;
    if (change.makes()) {
        if (s.names.living().size() >= largest_shared_tree) { return {}; }
        change.object = s.names.add(change.kind == shared_kind::make_directory, c.parent, change.name);
    } else {
        change.object = pick_object(s.w, s.names.free_ones(directory));
    }
    if (change.kind == shared_kind::replace_directory && !choose_replaced(s, c)) { return {}; }
    if (change.object == shared_tree::root) { return {}; }
    if (change.kind == shared_kind::remove_directory && s.names.has_children(change.object)) {
        c.due = errc::not_empty;
    }
    if (change.kind == shared_kind::move_directory && s.names.lies_in(c.parent, change.object)) {
        c.due = errc::invalid_argument;
    }
    c.from = s.names.path(change.object);
    return c;
}

task<status> carry_out_shared(file_system& fs, shared_kind what, std::string from, std::string to) {
    switch (what) {
    case shared_kind::make_directory:
        co_return co_await fs.mkdir(to);
    case shared_kind::make_file: {
        task<status> making = make_empty_file(fs, to);
        co_return co_await std::move(making);
    }
    case shared_kind::remove_file:
        co_return co_await fs.unlink(from);
    case shared_kind::remove_directory:
        co_return co_await fs.rmdir(from);
    case shared_kind::move_file:
    case shared_kind::move_directory:
    case shared_kind::replace_directory:
        break;
    }
    co_return co_await fs.rename(from, to);
}

/// Whether the other client's changes can be why this was answered.
bool explained_by_others(const tree_change& change, errc e) {
    switch (e) {
    case errc::not_found:
    case errc::invalid_argument:
    case errc::not_empty:
    case errc::stale_handle:
        return true;
    case errc::already_exists:
        return change.kind == shared_kind::make_directory;
    case errc::not_a_directory:
        return change.moves();
    default:
        return false;
    }
}

/// `alone`: nobody else changed anything meanwhile.
void judge(shared_play& s, const chosen_change& c, const std::string& which, errc e, bool alone) {
    if (is_unsure(e) || (alone && e == c.due)) { return; }
    if (!alone && (e == errc::ok || e == c.due || explained_by_others(c.change, e))) { return; }
    s.fail(which + " was answered " + std::string(name(e)) + ", and not " + std::string(name(c.due)));
}

/// Names in it are chosen by its id. Its parent may be moved just now, so its path may not be there at once.
task<status> learn_id(shared_play& s, file_system& fs, unsigned directory) {
    for (unsigned i = 0; i < 20; ++i) {
        const result<attributes> made = co_await fs.lstat(s.names.path(directory));
        if (made) {
            s.names.at(directory).id = made->id;
            break;
        }
        co_await s.w.rest(100ms);
    }
    co_return ok();
}

void hold(shared_play& s, const tree_change& change, bool held) {
    s.names.at(change.object).held = held;
    if (change.over != 0) { s.names.at(change.over).held = held; }
}

task<status> change_once(shared_play& s, unsigned client) {
    file_system& fs = s.servers.fs(client);
    const std::string which = std::to_string(client) + ":" + std::to_string(++s.changes);
    const std::optional<chosen_change> chosen = choose_shared(s, fs);
    if (!chosen) { co_return ok(); }
    const chosen_change& c = *chosen;
    const tree_change& change = c.change;
    hold(s, change, true);
    ++s.names.at(c.parent).users;
    const bool first = s.under_way++ == 0;
    const std::uint64_t begun = ++s.moments;
    s.say(which + " " + std::to_string(static_cast<unsigned>(change.kind)) + " " + c.from + " " + c.to);
    task<status> doing = carry_out_shared(fs, change.kind, c.from, c.to);
    const status done = co_await std::move(doing);
    s.say(which + " " + std::string(name(done.error())));
    judge(s, c, which, done.error(), first && s.moments == begun);
    ++s.moments;
    if (done) {
        s.names.apply(change);
        if (change.kind == shared_kind::make_directory) {
            task<status> learning = learn_id(s, fs, change.object);
            BFS_CO_CHECK(co_await std::move(learning));
        }
    }
    --s.under_way;
    --s.names.at(c.parent).users;
    ++s.moments;
    // open() makes a file and then opens it: the second step may fail after the first.
    const bool half = change.kind == shared_kind::make_file && done.error() == errc::stale_handle;
    if (is_unsure(done.error()) || half) {
        s.names.doubt(change);
        task<status> comparing = compare_all(s, 25s);
        co_return co_await std::move(comparing);
    }
    hold(s, change, false);
    co_return ok();
}

task<status> change_many(shared_play& s, unsigned client) {
    for (unsigned i = 0; i < changes_each && s.wrong.empty(); ++i) {
        while (s.paused) { co_await s.w.rest(5ms); }
        task<status> changing = change_once(s, client);
        BFS_CO_CHECK(co_await std::move(changing));
        const duration pause = s.w.between(0us, s.w.chance(50) ? 500us : 20ms);
        co_await s.w.rest(pause);
    }
    --s.clients_left;
    co_return ok();
}

/// Each directory takes a name, which a listing alone would not show.
task<status> use_directories(shared_play& s) {
    file_system& fs = s.servers.fs(onlooker);
    std::vector<unsigned> all = s.names.living();
    all.insert(all.begin(), shared_tree::root);
    for (const unsigned i : all) {
        if (!s.names.at(i).directory || !s.wrong.empty()) { continue; }
        const std::string path = s.names.path(i) + "/more";
        task<status> making = make_empty_file(fs, path);
        const status made = co_await std::move(making);
        if (!made) { s.fail("at the end, new " + path + ": " + std::string(name(made.error()))); }
        const status gone = co_await fs.unlink(path);
        if (!gone) { s.fail("at the end, no more " + path + ": " + std::string(name(gone.error()))); }
    }
    co_return ok();
}

/// All of it can be removed, so nothing is in it that no listing shows.
task<status> remove_all(shared_play& s) {
    file_system& fs = s.servers.fs(onlooker);
    std::vector<unsigned> all = s.names.living();
    std::ranges::sort(all, {}, [&s](unsigned i) { return -std::ranges::count(s.names.path(i), '/'); });
    for (const unsigned i : all) {
        if (!s.wrong.empty()) { break; }
        const std::string path = s.names.path(i);
        status gone;
        if (s.names.at(i).directory) {
            gone = co_await fs.rmdir(path);
        } else {
            gone = co_await fs.unlink(path);
        }
        if (!gone) { s.fail("at the end, removing " + path + ": " + std::string(name(gone.error()))); }
    }
    co_return ok();
}

task<status> tell_shared(sim_cluster& servers, world& w, runtime::task_scope& graves, worst_harm worst,
                         unsigned& wrong) {
    runtime::call_context& context = co_await runtime::current_context();
    shared_play s(servers, w, graves, worst);
    runtime::task_scope all(context);
    for (unsigned client = 0; client < changing_clients; ++client) { all.spawn(change_many(s, client)); }
    all.spawn(harm_all(s));
    BFS_CO_CHECK(co_await all.join());
    if (s.wrong.empty()) {
        task<status> comparing = compare_all(s, 45s);
        BFS_CO_CHECK(co_await std::move(comparing));
    }
    task<status> using_all = use_directories(s);
    BFS_CO_CHECK(co_await std::move(using_all));
    task<status> removing = remove_all(s);
    BFS_CO_CHECK(co_await std::move(removing));
    INFO(s.log << s.wrong);
    CHECK(s.wrong.empty());
    wrong += s.wrong.empty() ? 0 : 1;
    co_return ok();
}

unsigned play_shared(std::uint64_t seeds, worst_harm worst) {
    cluster_plan plan = three_servers();
    plan.clients = changing_clients + 1;
    return play_each(seeds, plan,
                     [worst](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& wrong) {
                         return tell_shared(servers, w, graves, worst, wrong);
                     });
}

} // namespace

TEST_CASE("a tree that two clients change is what was acknowledged though its servers are killed") {
    CHECK(play_shared(60, worst_harm::two_killed) == 0);
}

TEST_CASE("a tree that two clients change is what was acknowledged though server 0 comes back empty") {
    CHECK(play_shared(60, worst_harm::server_0_emptied) == 0);
}

TEST_CASE("a tree that two clients change is what was acknowledged though power is lost after a sync") {
    CHECK(play_shared(60, worst_harm::power_lost) == 0);
}
