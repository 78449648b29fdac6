// What stories about names have in common: names that lie at a given server, files that have no bytes, a rename
// that is under way while other things happen, and a server 0 that comes back with nothing.
#pragma once

#include "story.hpp"

#include <string>

namespace benchfs::sim {

/// `stem` and a number, such that the name lies at this server.
inline std::string name_at(const file_system& fs, file_id parent, server_id at, const std::string& stem) {
    for (unsigned i = 0;; ++i) {
        std::string name = stem + std::to_string(i);
        if (fs.server_of_name(parent, name) == at) { return name; }
    }
}
/// The same in the root, as a path.
inline std::string path_at(const file_system& fs, unsigned at, const std::string& stem) {
    return "/" + name_at(fs, root_id, server_id{static_cast<std::uint16_t>(at)}, stem);
}

/// Its id.
inline runtime::task<result<file_id>> make_directory(file_system& fs, std::string path) {
    BFS_CO_CHECK(co_await fs.mkdir(path));
    BFS_CO_TRY(const attributes made, co_await fs.stat(path));
    co_return made.id;
}
inline runtime::task<status> make_empty_file(file_system& fs, std::string path) {
    BFS_CO_TRY(file made, co_await fs.open(path, open_flags::write | open_flags::create));
    co_return co_await made.close();
}

struct move_end {
    bool over = false;
    status outcome;
};

/// How it ended is for the story to judge.
inline runtime::task<status> move_to(file_system& fs, std::string from, std::string to, move_end& end) {
    end.outcome = co_await fs.rename(from, to);
    end.over = true;
    co_return ok();
}

inline cluster_plan three_servers(const char* engine = "uring") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    plan.engine = engine;
    return plan;
}

/// Server 0 is killed and begins with an empty store.
inline runtime::task<status> begin_empty(sim_cluster& servers, world& w, runtime::task_scope& graves) {
    servers.crash(0, false, graves);
    servers.disk(0).files.clear();
    co_await w.rest(50ms);
    co_return co_await servers.start(0);
}

} // namespace benchfs::sim
