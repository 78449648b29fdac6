// What goes wrong in a run, and the look at everything when it is over.
#include "workload.hpp"

namespace benchfs::sim {
namespace {

using runtime::task;

class saboteur {
public:
    saboteur(scenario& s, runtime::task_scope& graves) noexcept : s_(s), graves_(graves) {}

    task<status> work() {
        const run_plan& p = s_.plan;
        const unsigned weights[] = {p.cuts,       p.partitions, p.stalls,       p.slow,
                                    p.expulsions, p.kills,      p.power_losses, p.flips};
        unsigned sum = 0;
        for (const unsigned weight : weights) { sum += weight; }
        while (sum != 0 && !s_.clients_done) {
            co_await s_.w.rest(s_.w.between(p.fault_every / 4, p.fault_every * 2));
            if (s_.clients_done) { break; }
            std::uint64_t chosen = random().below(sum);
            std::size_t kind = 0;
            while (chosen >= weights[kind]) { chosen -= weights[kind++]; }
            ++s_.report.faults;
            if (kind < 5) {
                disturb(kind);
            } else if (kind == 7) {
                flip();
            } else {
                task<void> dying = crash(kind == 6);
                co_await std::move(dying);
            }
        }
        co_return ok();
    }

private:
    [[nodiscard]] prng& random() noexcept { return s_.w.random(); }
    [[nodiscard]] unsigned some_server() {
        return static_cast<unsigned>(random().below(s_.plan.cluster.servers));
    }
    [[nodiscard]] host& some_client() {
        return s_.servers.client_host(static_cast<unsigned>(random().below(s_.plan.cluster.clients)));
    }

    /// Where it is called, or where it calls others from.
    [[nodiscard]] host& server_side(unsigned server) {
        return s_.w.chance(50) ? s_.servers.server_host(server) : s_.servers.calling_host(server);
    }

    void disturb(std::size_t kind) {
        network& net = s_.servers.net();
        const unsigned server = some_server();
        if (!s_.servers.up(server)) { return; }
        host& there = s_.servers.server_host(server);
        s_.w.note("fault", kind, server);
        // Most troubles are short; a few outlast retries and deadlines.
        const duration length = s_.w.chance(85) ? s_.w.between(100us, 100ms) : s_.w.between(100ms, 4s);
        switch (kind) {
        case 0:
            if (there.links() != 0) { there.link_at(random().below(there.links())).cut(); }
            break;
        case 1:
            if (const unsigned other = some_server(); other != server && s_.w.chance(60)) {
                // Also for longer than servers wait for each other.
                const duration longer = s_.w.chance(60) ? length : s_.w.between(1s, 6s);
                net.part(s_.servers.calling_host(other), there, longer);
                break;
            }
            net.part(some_client(), there, length);
            break;
        case 2:
            net.stall(s_.w.chance(50) ? some_client() : server_side(server), length);
            break;
        case 3:
            net.slow(s_.w.chance(50) ? there : some_client(), 10, length);
            break;
        default: // the server throws a client out
            if (there.links() != 0) { there.link_at(random().below(there.links())).close(errc::bad_frame); }
            break;
        }
    }

    /// A bit changes in the bytes of some chunk.
    void flip() {
        for (auto& [name, one] : s_.servers.disk(some_server()).files) {
            if (name.starts_with("seg-") && one->now.flip(random())) { s_.w.note("flip"); }
        }
    }

    task<void> crash(bool power) {
        const unsigned server = some_server();
        if (!s_.servers.up(server)) { co_return; }
        ++s_.report.crashes;
        s_.losses += power || !s_.plan.durable ? 1 : 0;
        const std::uint32_t wipe = s_.next_op();
        if (!s_.plan.durable) {
            s_.names.begin(wipe, name_op::wipe, 0, 0, s_.w.now());
        } else if (power) {
            s_.names.lose_power();
            s_.data.lose_power(s_.synced, s_.w.now());
        }
        s_.servers.crash(server, power, graves_);
        const duration down = s_.w.chance(80) ? s_.w.between(1ms, 300ms) : s_.w.between(300ms, 3s);
        co_await s_.w.rest(down);
        task<status> starting = s_.servers.start_at_last(server, 25, power);
        const status started = co_await std::move(starting);
        if (!started) {
            s_.fail("server " + std::to_string(server) +
                    " does not start after a crash: " + std::string(message(started.error())));
            co_return;
        }
        if (s_.plan.durable) { co_return; }
        const std::string why = s_.names.end(wipe, errc::ok, 0, s_.w.now());
        if (!why.empty()) { s_.fail("after a restart that forgets everything: " + why); }
    }

    scenario& s_;
    runtime::task_scope& graves_;
};

/// The whole of one file.
task<status> verify_file(scenario& s, std::size_t p) {
    file_system& fs = s.servers.fs(0);
    const std::uint32_t op = s.next_op();
    s.names.begin(op, name_op::lookup, p, 0, s.w.now());
    task<result<file>> opening = fs.open(path_text(p), open_flags::read);
    const result<file> opened = co_await std::move(opening);
    if (!opened && opened.error() != errc::not_found) {
        s.fail("at the end: opening " + path_text(p) + ": " + std::string(name(opened.error())));
        co_return ok();
    }
    std::string why = s.names.end(op, opened.error(), opened ? opened->id().value : 0, s.w.now());
    if (!why.empty()) { s.fail("at the end: " + path_text(p) + ": " + why); }
    if (!opened || is_directory(p)) { co_return ok(); }
    file f = *opened;
    std::vector<std::byte> bytes(512 * KiB, std::byte{0x5a});
    const time_point began = s.w.now();
    task<result<std::size_t>> reading = f.read(bytes, 0);
    const result<std::size_t> got = co_await std::move(reading);
    if (!got && got.error() == errc::io_error && s.plan.flips != 0) { co_return ok(); }
    if (!got) {
        s.fail("at the end: reading " + path_text(p) + ": " + std::string(name(got.error())));
        co_return ok();
    }
    why = s.data.check_read(f.id(), 0, bytes.size(), const_byte_span(bytes).first(*got), began, s.w.now());
    if (!why.empty()) { s.fail("at the end: " + path_text(p) + ": " + why); }
    co_return ok();
}

/// The same directory, page by page: all servers' pages together are all there is.
task<status> verify_pages(scenario& s, std::string directory, std::size_t entries) {
    file_system& fs = s.servers.fs(0);
    task<result<directory_cursor>> beginning = fs.list(directory);
    BFS_CO_TRY(directory_cursor at, co_await std::move(beginning));
    std::size_t seen = 0;
    while (true) {
        task<result<directory_page>> listing = fs.list_from(std::move(at));
        BFS_CO_TRY(directory_page page, co_await std::move(listing));
        if (page.entries.empty()) { break; }
        seen += page.entries.size();
        at = std::move(page.next);
    }
    if (seen != entries) {
        s.fail("at the end: listing " + directory + " has " + std::to_string(entries) +
               " entries, page by page " + std::to_string(seen));
    }
    co_return ok();
}

task<status> verify_listing(scenario& s, std::size_t d) {
    const std::string directory = d == root_path ? "/" : path_text(d);
    task<result<std::vector<directory_entry>>> listing = s.servers.fs(0).readdir(directory);
    const result<std::vector<directory_entry>> entries = co_await std::move(listing);
    if (!entries) {
        if (entries.error() != errc::not_found) {
            s.fail("at the end: listing " + directory + ": " + std::string(name(entries.error())));
        }
        co_return ok();
    }
    for (std::size_t p = 0; p < paths; ++p) {
        if (parent_of(p) != d) { continue; }
        const std::string leaf = leaf_text(p);
        bool there = false;
        for (const directory_entry& e : *entries) { there = there || e.name == leaf; }
        if (!s.names.may_be(p, there)) {
            s.fail("at the end: listing " + directory + (there ? " has " : " lacks ") + leaf);
        }
    }
    task<status> paging = verify_pages(s, directory, entries->size());
    const status paged = co_await std::move(paging);
    if (!paged) { s.fail("at the end: pages of " + directory + ": " + std::string(name(paged.error()))); }
    co_return ok();
}

/// All of a log, when nobody appends any more.
task<status> verify_log(scenario& s, std::size_t log) {
    task<result<file>> opening = s.servers.fs(0).open(log_path(log), open_flags::read | open_flags::create);
    BFS_CO_TRY(file f, co_await std::move(opening));
    task<result<attributes>> asking = f.stat();
    BFS_CO_TRY(const attributes found, co_await std::move(asking));
    std::vector<std::byte> bytes(found.size + cell_size, std::byte{0x5a});
    task<result<std::size_t>> reading = f.read(bytes, 0);
    const result<std::size_t> got = co_await std::move(reading);
    if (!got && got.error() == errc::io_error && s.plan.flips != 0) { co_return ok(); }
    if (!got) { co_return got.error(); }
    const std::string why = s.logs[log].check_whole(const_byte_span(bytes).first(*got));
    if (!why.empty()) { s.fail("at the end: " + log_path(log) + ": " + why); }
    if (*got != found.size) { s.fail("at the end: " + log_path(log) + " has other bytes than its size says"); }
    co_return ok();
}

/// Nothing is left of what is removed, on any server, whatever died in the middle of it.
task<status> verify_space(scenario& s) {
    file_system& fs = s.servers.fs(0);
    for (std::size_t p = paths_and_links; p-- > 0;) { // what is in directories first
        task<status> removing = is_directory(p) ? fs.rmdir(path_text(p)) : fs.unlink(path_text(p));
        const status removed = co_await std::move(removing);
        if (!removed && removed.error() != errc::not_found) {
            s.fail("at the end: removing " + path_text(p) + ": " + std::string(name(removed.error())));
        }
    }
    for (std::size_t log = 0; s.plan.appends && log < log_files; ++log) {
        BFS_CO_CHECK(co_await fs.unlink(log_path(log)));
    }
    co_await s.w.rest(10s);
    task<result<file_system_usage>> asking = fs.usage();
    const result<file_system_usage> left = co_await std::move(asking);
    if (!left) {
        s.fail("at the end: usage: " + std::string(name(left.error())));
    } else if (left->bytes_used != 0 || left->files != 0 || left->directories != 1) {
        s.fail("at the end: " + std::to_string(left->bytes_used) + " bytes, " + std::to_string(left->files) +
               " files and " + std::to_string(left->directories) + " directories are left of nothing");
    }
    co_return ok();
}

} // namespace

task<status> fault_task(scenario& s, runtime::task_scope& graves) {
    saboteur one(s, graves);
    task<status> working = one.work();
    co_return co_await std::move(working);
}

task<status> verify_task(scenario& s) {
    co_await s.w.rest(10s); // whatever was held back has arrived
    for (std::size_t p = 0; p < paths && !s.failed(); ++p) {
        task<status> one = verify_file(s, p);
        BFS_CO_CHECK(co_await std::move(one));
    }
    for (std::size_t d = 0; d <= directories && !s.failed(); ++d) {
        task<status> one = verify_listing(s, d == directories ? root_path : d);
        BFS_CO_CHECK(co_await std::move(one));
    }
    for (std::size_t log = 0; s.plan.appends && log < log_files && !s.failed(); ++log) {
        task<status> one = verify_log(s, log);
        const status looked = co_await std::move(one);
        if (!looked) { s.fail("at the end: " + log_path(log) + ": " + std::string(name(looked.error()))); }
    }
    if (s.failed() || s.plan.cuts_power) { co_return ok(); } // power_task() goes on with these
    task<status> emptying = verify_space(s);
    co_return co_await std::move(emptying);
}

} // namespace benchfs::sim
