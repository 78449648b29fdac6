// Relative symbolic links that are reached by way of other links: they lead on from the directory that they lie
// in, not from the one that the path names.
#include "name_stories.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;

/// /a/b/c is also /link.
task<status> make_linked_directory(file_system& fs) {
    for (const char* path : {"/a", "/a/b", "/a/b/c", "/a/b/beside"}) { BFS_CO_CHECK(co_await fs.mkdir(path)); }
    co_return co_await fs.symlink("/a/b/c", "/link");
}

task<status> look_through_links(sim_cluster& servers, world&, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await make_linked_directory(fs));
    for (const char* path : {"/a/b/y", "/a/b/beside/z", "/y"}) {
        BFS_CO_CHECK(co_await make_empty_file(fs, path));
    }
    BFS_CO_CHECK(co_await fs.symlink("../y", "/a/b/c/x"));
    BFS_CO_CHECK(co_await fs.symlink("../beside", "/a/b/c/dir"));
    BFS_CO_TRY(const attributes y, co_await fs.stat("/a/b/y"));
    BFS_CO_TRY(const attributes z, co_await fs.stat("/a/b/beside/z"));
    const result<attributes> direct = co_await fs.stat("/a/b/c/x");
    CHECK((direct && direct->id == y.id));
    const result<attributes> through = co_await fs.stat("/link/x");
    CHECK((through && through->id == y.id)); // not /y
    const result<file> opened = co_await fs.open("/link/x", open_flags::read);
    CHECK((opened && opened->id() == y.id));
    const result<attributes> middle = co_await fs.stat("/link/dir/z");
    CHECK((middle && middle->id == z.id));
    co_return ok();
}

task<status> make_through_links(sim_cluster& servers, world&, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await make_linked_directory(fs));
    BFS_CO_CHECK(co_await fs.symlink("../made", "/a/b/c/x"));
    BFS_CO_CHECK(co_await make_empty_file(fs, "/link/x"));
    const result<attributes> right = co_await fs.stat("/a/b/made");
    CHECK(name(right.error()) == "ok");
    const result<attributes> wrong = co_await fs.stat("/made");
    CHECK(name(wrong.error()) == "not_found");
    co_return ok();
}

cluster_plan link_plan() {
    cluster_plan plan;
    plan.servers = 3;
    plan.clients = 1;
    return plan;
}

task<status> link_to_slash(sim_cluster& servers, world&, runtime::task_scope&) {
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.symlink("new/", "/link"));
    const result<file> made = co_await fs.open("/link", open_flags::write | open_flags::create);
    CHECK(name(made.error()) == "is_a_directory");
    const result<attributes> there = co_await fs.stat("/new");
    CHECK(name(there.error()) == "not_found");
    co_return ok();
}

} // namespace

TEST_CASE("no file is made through a link that ends in a slash") { play(1, link_plan(), link_to_slash); }

TEST_CASE("a relative link behind another link leads on from where it lies") {
    play(1, link_plan(), look_through_links);
}

TEST_CASE("a file that is made through a relative link behind another link is made where that leads") {
    play(1, link_plan(), make_through_links);
}
