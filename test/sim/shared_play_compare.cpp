// The quiet moments of a play: the whole tree, as one client lists it, is compared with the model.
#include "shared_play.hpp"

#include "benchfs/client/types.hpp"

#include <utility>
#include <vector>

namespace benchfs::sim {

namespace {

using runtime::task;
using namespace std::chrono_literals;

constexpr unsigned deepest_tree = 60;
constexpr unsigned listing_tries = 300;
constexpr unsigned comparisons = 3;

struct tree_listing {
    found_tree there;
    std::string wrong;
};

/// One directory. Whoever asks has to hear it within a minute or two.
task<result<std::vector<directory_entry>>> list_patiently(shared_play& s, std::string path) {
    for (unsigned i = 0;; ++i) {
        result<std::vector<directory_entry>> entries = co_await s.servers.fs(onlooker).readdir(path);
        if (entries || i == listing_tries || !is_unsure(entries.error())) { co_return entries; }
        co_await s.w.rest(200ms);
    }
}

task<status> list_below(shared_play& s, std::string at, unsigned depth, tree_listing& out) {
    if (depth > deepest_tree) {
        out.wrong = "too deep: " + at;
        co_return ok();
    }
    task<result<std::vector<directory_entry>>> listing = list_patiently(s, at.empty() ? "/" : at);
    const result<std::vector<directory_entry>> entries = co_await std::move(listing);
    if (!entries) {
        out.wrong = "listing " + at + ": " + std::string(name(entries.error()));
        co_return ok();
    }
    for (const directory_entry& e : *entries) {
        const std::string path = at + "/" + e.name;
        const bool directory = e.attr.is_directory();
        if (!out.there.emplace(path, found_object{directory, e.attr.id}).second) {
            out.wrong = "listed twice: " + path;
        }
        if (!directory) { continue; }
        task<status> going_down = list_below(s, path, depth + 1, out);
        BFS_CO_CHECK(co_await std::move(going_down));
    }
    co_return ok();
}

task<status> wait_for_all(shared_play& s) {
    while (s.under_way != 0 || s.harming) { co_await s.w.rest(10ms); }
    for (unsigned i = 0; i < s.servers.settings().servers; ++i) {
        while (!s.servers.up(i)) { co_await s.w.rest(10ms); }
    }
    co_return ok();
}

/// What a server still has to tell another one may take its time, so a difference has to last to count.
task<status> compare_patiently(shared_play& s) {
    tree_listing found;
    std::string why;
    for (unsigned i = 0; i < comparisons; ++i) {
        found = tree_listing();
        task<status> listing = list_below(s, "", 0, found);
        BFS_CO_CHECK(co_await std::move(listing));
        why = found.wrong.empty() ? s.names.explain(found.there) : found.wrong;
        if (why.empty()) { break; }
        s.say("  does not fit: " + why);
        co_await s.w.rest(30s);
    }
    if (!why.empty()) {
        s.fail("tree: " + why);
        s.log += s.names.text();
        for (const auto& [path, o] : found.there) { s.log += "there: " + path + " " + id_text(o.id) + "\n"; }
    }
    s.names.settle(found.there);
    s.say("  compared: " + std::to_string(found.there.size()) + " names");
    co_return ok();
}

} // namespace

task<status> compare_all(shared_play& s, duration rest) {
    // Both clients may be in doubt: one of them asks for both.
    if (s.comparing) {
        while (s.comparing) { co_await s.w.rest(20ms); }
        co_return ok();
    }
    s.comparing = true;
    s.paused = true;
    s.alone = true;
    task<status> waiting = wait_for_all(s);
    BFS_CO_CHECK(co_await std::move(waiting));
    co_await s.w.rest(rest);
    task<status> comparing = compare_patiently(s);
    BFS_CO_CHECK(co_await std::move(comparing));
    s.comparing = false;
    s.paused = false;
    s.alone = false;
    co_return ok();
}

} // namespace benchfs::sim
