// One client changes a tree of directories and files whose names lie on several servers, and these are broken
// all the while: what was acknowledged holds, and what nobody could say is one way or the other once they are
// left alone.
#include "name_stories.hpp"

#include <algorithm>
#include <map>

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned tree_servers = 3;
constexpr unsigned tree_changes = 60;
constexpr std::size_t tree_size = 24;

struct node {
    bool directory = false;
    file_id id; // of a directory
};
using tree = std::map<std::string, node>; // by path; the root is not in it

enum class harm : std::uint8_t { empties, kills };

struct tree_story {
    harm how{};
    tree there;
    bool going = true;
    bool alone = false; // nobody breaks anything just now
    std::string wrong;
    std::string log;

    void say(const std::string& line) { log += line + "\n"; }
};

struct change {
    enum kinds : std::uint8_t { mkdir, create, unlink, rmdir, rename };
    kinds kind{};
    std::string from; // what there is; of the last three
    std::string to;   // what comes; of the others, and of a rename
    errc expected = errc::ok;

    [[nodiscard]] bool makes() const { return kind == mkdir || kind == create || kind == rename; }
};

[[nodiscard]] bool is_below(const std::string& path, const std::string& directory) {
    return path.starts_with(directory + "/");
}

/// One of the tree, or the empty path.
std::string pick(world& w, const tree& all, bool directory) {
    std::vector<std::string> some;
    for (const auto& [path, n] : all) {
        if (n.directory == directory) { some.push_back(path); }
    }
    return some.empty() ? std::string() : some[w.random().below(some.size())];
}

/// `from` is empty where there is nothing to change.
change choose(const file_system& fs, world& w, const tree_story& s, unsigned number) {
    change c;
    const std::string parent = w.random().below(4) == 0 ? std::string() : pick(w, s.there, true);
    const file_id in = parent.empty() ? root_id : s.there.at(parent).id;
    // A server that comes back empty has lost its names.
    const std::uint64_t at =
        s.how == harm::empties ? 1 + w.random().below(tree_servers - 1) : w.random().below(tree_servers);
    c.to = parent + "/" +
           name_at(fs, in, server_id{static_cast<std::uint16_t>(at)}, "n" + std::to_string(number) + "-");
    const std::uint64_t kind = w.random().below(12);
    if (kind < 5) {
        c.kind = kind < 3 ? change::mkdir : change::create;
        if (s.there.size() >= tree_size) { c.to.clear(); }
    } else if (kind < 6) {
        c.kind = change::unlink;
        c.from = pick(w, s.there, false);
    } else if (kind < 8) {
        c.kind = change::rmdir;
        c.from = pick(w, s.there, true);
        const auto inside = [&](const auto& one) { return is_below(one.first, c.from); };
        if (std::ranges::any_of(s.there, inside)) { c.expected = errc::not_empty; }
    } else {
        c.kind = change::rename;
        c.from = pick(w, s.there, kind < 11);
        if (!c.from.empty() && is_below(c.to, c.from)) { c.expected = errc::invalid_argument; }
    }
    return c;
}

task<status> carry_out(file_system& fs, change c) {
    switch (c.kind) {
    case change::mkdir:
        co_return co_await fs.mkdir(c.to);
    case change::create: {
        task<status> making = make_empty_file(fs, c.to);
        co_return co_await std::move(making);
    }
    case change::unlink:
        co_return co_await fs.unlink(c.from);
    case change::rmdir:
        co_return co_await fs.rmdir(c.from);
    case change::rename:
        break;
    }
    co_return co_await fs.rename(c.from, c.to);
}

/// What is there. Whoever asks has to hear it within a minute or two.
task<result<attributes>> look(file_system& fs, world& w, std::string path) {
    for (int i = 0;; ++i) {
        result<attributes> a = co_await fs.lstat(path);
        if (a || a.error() == errc::not_found || i == 600) { co_return a; }
        co_await w.rest(100ms);
    }
}

/// Whether a change of which the client heard nothing sure has happened.
task<bool> find_out(file_system& other, world& w, tree_story& s, change c) {
    co_await w.rest(15s);
    const std::string path = c.makes() ? c.to : c.from;
    task<result<attributes>> looking = look(other, w, path);
    const result<attributes> now = co_await std::move(looking);
    if (!now && now.error() != errc::not_found) { s.wrong = "nobody can say"; }
    const bool happened = c.makes() == now.has_value();
    if (c.kind == change::rename) {
        task<result<attributes>> again = look(other, w, c.from);
        const result<attributes> old = co_await std::move(again);
        if (old.has_value() == now.has_value()) { s.wrong = old ? "both names" : "neither name"; }
    }
    if (happened && c.expected != errc::ok) { s.wrong = "it had to be refused"; }
    co_return happened;
}

void note(tree_story& s, const change& c, file_id id) {
    if (c.kind == change::mkdir || c.kind == change::create) {
        s.there[c.to] = {c.kind == change::mkdir, id};
        return;
    }
    tree left;
    for (const auto& [path, n] : s.there) {
        const bool moved = path == c.from || is_below(path, c.from);
        if (moved && c.kind != change::rename) { continue; }
        left[moved ? c.to + path.substr(c.from.size()) : path] = n;
    }
    s.there = std::move(left);
}

task<status> change_all(sim_cluster& servers, world& w, tree_story& s) {
    file_system& fs = servers.fs(0);
    for (unsigned i = 0; i < tree_changes && s.wrong.empty(); ++i) {
        const change c = choose(fs, w, s, i);
        if ((c.makes() && c.to.empty()) || (c.kind >= change::unlink && c.from.empty())) { continue; }
        task<status> doing = carry_out(fs, c);
        const status done = co_await std::move(doing);
        s.say(std::to_string(c.kind) + " " + c.from + " " + c.to + ": " + std::string(name(done.error())));
        bool happened = static_cast<bool>(done);
        const errc e = done.error();
        const bool open = e == errc::outcome_unknown || e == errc::timed_out || e == errc::peer_down ||
                          e == errc::no_server || e == errc::try_again;
        if (open) {
            s.alone = true;
            task<bool> finding = find_out(servers.fs(1), w, s, c);
            happened = co_await std::move(finding);
        } else if (e != c.expected) {
            s.wrong = "another answer was due: " + std::string(name(c.expected));
        }
        if (happened && s.wrong.empty()) {
            file_id id;
            if (c.kind == change::mkdir) {
                task<result<attributes>> looking = look(fs, w, c.to);
                const result<attributes> made = co_await std::move(looking);
                if (!made) { s.wrong = "made, and not there"; }
                id = made ? made->id : id;
            }
            note(s, c, id);
        }
        s.alone = false;
        co_await w.rest(w.between(0us, 20ms));
    }
    s.going = false;
    co_return ok();
}

task<status> start_again(sim_cluster& servers, world& w, unsigned which) {
    co_await w.rest(w.between(1ms, 300ms));
    task<status> starting = servers.start(which);
    co_return co_await std::move(starting);
}

task<status> break_servers(sim_cluster& servers, world& w, runtime::task_scope& graves, tree_story& s) {
    while (s.going) {
        co_await w.rest(w.between(2ms, 400ms));
        if (s.alone || !s.going) { continue; }
        const std::uint64_t kind = w.random().below(10);
        const auto one = static_cast<unsigned>(w.random().below(tree_servers));
        const unsigned other = (one + 1 + static_cast<unsigned>(w.random().below(2))) % tree_servers;
        if (kind < 4 && s.how == harm::empties) {
            s.say("  server 0 comes back empty");
            servers.crash(0, false, graves);
            servers.disk(0).files.clear();
            BFS_CO_CHECK(co_await start_again(servers, w, 0));
        } else if (kind < 4) {
            s.say("  kill " + std::to_string(one) + " and " + std::to_string(other));
            servers.crash(one, false, graves);
            co_await w.rest(w.between(1us, 5ms));
            servers.crash(other, false, graves);
            BFS_CO_CHECK(co_await start_again(servers, w, one));
            BFS_CO_CHECK(co_await start_again(servers, w, other));
        } else if (kind < 6) {
            s.say("  kill " + std::to_string(one));
            servers.crash(one, false, graves);
            BFS_CO_CHECK(co_await start_again(servers, w, one));
        } else if (kind < 8) {
            s.say("  part " + std::to_string(one) + " from " + std::to_string(other));
            servers.net().part(servers.calling_host(one), servers.server_host(other), w.between(1ms, 2s));
        }
    }
    co_return ok();
}

task<status> tell(sim_cluster& servers, world& w, runtime::task_scope& graves, harm how, unsigned& wrong) {
    runtime::call_context& context = co_await runtime::current_context();
    tree_story s;
    s.how = how;
    runtime::task_scope all(context);
    all.spawn(change_all(servers, w, s));
    all.spawn(break_servers(servers, w, graves, s));
    BFS_CO_CHECK(co_await all.join());
    co_await w.rest(20s);
    for (const auto& [path, n] : s.there) {
        if (!s.wrong.empty()) { break; }
        const result<attributes> a = co_await servers.fs(1).lstat(path);
        if (!a) { s.wrong = "at the end, " + path + ": " + std::string(name(a.error())); }
        if (!n.directory || !a) { continue; }
        task<status> making = make_empty_file(servers.fs(1), path + "/more");
        const status made = co_await std::move(making);
        if (!made) { s.wrong = "at the end, new in " + path + ": " + std::string(name(made.error())); }
    }
    INFO(s.log << s.wrong);
    CHECK(s.wrong.empty());
    wrong += s.wrong.empty() ? 0 : 1;
    co_return ok();
}

unsigned play_trees(std::uint64_t seeds, harm how) {
    cluster_plan plan;
    plan.servers = tree_servers;
    plan.clients = 2;
    plan.engine = "uring";
    return play_each(seeds, plan,
                     [how](sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned& wrong) {
                         return tell(servers, w, graves, how, wrong);
                     });
}

} // namespace

TEST_CASE("a tree is what was acknowledged though its servers are killed, two at a time") {
    CHECK(play_trees(100, harm::kills) == 0);
}

TEST_CASE("a tree is what was acknowledged though server 0 comes back empty again and again") {
    CHECK(play_trees(100, harm::empties) == 0);
}
