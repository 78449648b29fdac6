#include "run.hpp"

#include "cluster.hpp"
#include "plan.hpp"
#include "workload.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/wal_format.hpp"

namespace benchfs::sim {

using runtime::task;

std::string_view plant_name(plant p) noexcept {
    switch (p) {
    case plant::skip_sync:
        return "fsync";
    case plant::lose_reply:
        return "reply";
    case plant::torn_log:
        return "log";
    case plant::swap_chunks:
        return "chunks";
    case plant::repeat_retry:
        return "retry";
    case plant::none:
        break;
    }
    return "none";
}

namespace {

task<status> main_task(scenario& s) {
    runtime::call_context& context = co_await runtime::current_context();
    for (unsigned i = 0; i < s.plan.cluster.servers; ++i) {
        const status started = co_await s.servers.start(i);
        if (!started) {
            s.fail("server " + std::to_string(i) + " does not start: " + std::string(message(started.error())));
            co_return ok();
        }
    }
    runtime::task_scope graves(context, false);
    s.servers.net().lost_pieces_percent = s.plan.cuts != 0 ? 1 : 0;
    {
        runtime::task_scope clients(context, false);
        for (unsigned i = 0; i < s.plan.cluster.clients; ++i) { clients.spawn(client_task(s, i)); }
        runtime::task_scope faults(context, false);
        faults.spawn(fault_task(s, graves));
        (void)co_await clients.join();
        s.clients_done = true;
        (void)co_await faults.join();
    }
    s.servers.net().lost_pieces_percent = 0;
    if (!s.failed()) { (void)co_await verify_task(s); }
    s.report.gave_up = s.names.gave_up();
    if (!s.failed() && s.plan.cuts_power) { (void)co_await power_task(s, graves); }
    (void)co_await graves.join();
    co_await s.servers.stop();
    co_return ok();
}

} // namespace

run_report run(const run_options& options) {
    const log_level before = current_log_level();
    set_log_level(options.verbose ? log_level::trace : log_level::off);
    storage::planted_torn_frames = options.armed && options.planted == plant::torn_log;
    world w(options.seed);
    w.verbose = options.verbose;
    run_report report;
    {
        scenario s(w, make_plan(w, options.planted, options.armed));
        report.plan = s.plan.text();
        const status ran = w.loop().run(main_task(s));
        BFS_ASSERT(ran);
        report = s.report;
        report.windows = s.servers.net().windows;
        report.plan = s.plan.text();
    }
    storage::planted_torn_frames = false;
    set_log_level(before);
    report.trace = w.trace_hash();
    report.simulated_seconds = static_cast<double>(w.now().time_since_epoch().count()) * 1e-9 - 3600.0;
    return report;
}

} // namespace benchfs::sim
