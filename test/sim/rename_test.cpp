// A rename whose server is killed half-way and started again: the client that repeats it hears how it ended.
#include "story.hpp"

#include "benchfs/runtime/sleep.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

using runtime::task;
using namespace std::chrono_literals;

task<status> move(file_system& fs, std::string from, std::string to, status& outcome) {
    outcome = co_await fs.rename(from, to);
    co_return ok();
}

/// The other server does not answer meanwhile, so that the rename is still open when its own server is back.
task<status> kill_half_way(sim_cluster& servers, world& w, runtime::task_scope& graves, unsigned number) {
    runtime::call_context& context = co_await runtime::current_context();
    file_system& fs = servers.fs(0);
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    const std::string from = "/d/from" + std::to_string(number);
    const std::string to = "/to" + std::to_string(number);
    BFS_CO_TRY(file made, co_await fs.open(from, open_flags::write | open_flags::create));
    BFS_CO_CHECK(co_await made.close());
    servers.net().stall(servers.server_host(1), 600ms);
    status outcome;
    runtime::task_scope work(context, false);
    work.spawn(move(fs, from, to, outcome));
    co_await w.rest(10ms);
    servers.crash(0, false, graves);
    co_await w.rest(10ms);
    task<status> first = servers.start(0);
    BFS_CO_CHECK(co_await std::move(first));
    (void)co_await work.join();
    CHECK(name(outcome.error()) == "ok");
    const result<attributes> old = co_await fs.stat(from);
    CHECK(old.error() == errc::not_found);
    const result<attributes> fresh = co_await fs.stat(to);
    CHECK(fresh);
    co_return ok();
}

} // namespace

TEST_CASE("a rename that a restart takes up again answers its repeat, though paths are old by then") {
    cluster_plan plan;
    plan.servers = 2;
    plan.clients = 1;
    plan.engine = "uring";
    for (unsigned number = 1; number <= 24; ++number) {
        play(number, plan, [number](sim_cluster& servers, world& w, runtime::task_scope& graves) {
            return kill_half_way(servers, w, graves, number);
        });
    }
}
