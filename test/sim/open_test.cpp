// Opening a file that others replace meanwhile.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;

task<status> replace_often(file_system& fs, bool& over) {
    for (unsigned i = 0; i < 60; ++i) {
        const std::string fresh = "/new" + std::to_string(i);
        BFS_CO_CHECK(co_await make_empty_file(fs, fresh));
        BFS_CO_CHECK(co_await fs.rename(fresh, "/f"));
    }
    over = true;
    co_return ok();
}

/// What the name meant a moment ago may be gone when it is to be cut: then it is what it means now that counts.
task<status> open_beside_replacements(sim_cluster& servers, world&, runtime::task_scope&, unsigned& opens) {
    runtime::call_context& context = co_await runtime::current_context();
    bool over = false;
    runtime::task_scope work(context, false);
    work.spawn(replace_often(servers.fs(1), over));
    constexpr open_flags empty = open_flags::write | open_flags::create | open_flags::truncate;
    while (!over) {
        result<file> opened = co_await servers.fs(0).open("/f", empty);
        CHECK(name(opened.error()) == "ok");
        if (!opened) { continue; }
        ++opens;
        BFS_CO_CHECK(co_await opened->close());
    }
    co_return co_await work.join();
}

} // namespace

TEST_CASE("a file that is opened to be emptied may be replaced meanwhile") {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 2;
    CHECK(play_each(5, plan, open_beside_replacements) > 100);
}
