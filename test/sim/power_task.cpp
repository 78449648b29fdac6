// Power losses of a cluster of several servers, after everything else of a run.
//
// What was synced must be there on every server that lost power, whatever became of the rest. Of a change that
// was not synced each server keeps its own part or loses it: a name may be there and its file not, a moved file
// may have both names or none, and fsck mends that. So only what nobody has touched since the sync is compared;
// of all else it is asked that the bytes are bytes of its own, that it can be removed or says why not, and that
// the cluster goes on.
#include "workload.hpp"

#include <algorithm>

namespace benchfs::sim {
namespace {

using runtime::task;

constexpr unsigned kept_files = 6;
constexpr std::size_t kept_bytes = 100 * KiB; // chunks on all servers
constexpr open_flags making = open_flags::read_write | open_flags::create;

std::string kept_name(unsigned i) { return (i % 2 == 0 ? "/kept" : "/kd/kept") + std::to_string(i); }

std::vector<std::byte> kept_content(unsigned seed) {
    std::vector<std::byte> bytes(kept_bytes + 8 * std::size_t{seed});
    data_model::fill(bytes, 0x7fff0000U + seed, 0);
    return bytes;
}

class power_cutter {
public:
    power_cutter(scenario& s, runtime::task_scope& graves) noexcept : s_(s), graves_(graves) {}

    task<status> work() {
        s_.names.give_up();
        task<status> preparing = make_kept();
        if (const status made = co_await std::move(preparing); !made) {
            co_return failed("making files", made);
        }
        for (unsigned round = 1; round <= 2 && !s_.failed(); ++round) {
            task<status> losing = lose(round);
            if (const status lost = co_await std::move(losing); !lost) {
                co_return failed("round " + std::to_string(round), lost);
            }
        }
        co_return ok();
    }

private:
    [[nodiscard]] file_system& fs() noexcept { return s_.servers.fs(0); }
    status failed(const std::string& what, status why) {
        s_.fail("power losses: " + what + ": " + std::string(name(why.error())));
        return ok();
    }

    task<status> write_file(std::string path, unsigned seed) {
        task<result<file>> opening = fs().open(std::move(path), making);
        BFS_CO_TRY(file f, co_await std::move(opening));
        const std::vector<std::byte> bytes = kept_content(seed);
        task<result<std::size_t>> writing = f.write(bytes, 0);
        BFS_CO_TRY(const std::size_t wrote, co_await std::move(writing));
        co_return wrote == bytes.size() ? errc::ok : errc::io_error;
    }

    /// Files that nobody touches again: written, renamed, cut, removed; a directory that was moved; a link.
    task<status> make_kept() {
        BFS_CO_CHECK(co_await fs().mkdir("/kdir"));
        BFS_CO_CHECK(co_await fs().rename("/kdir", "/kd"));
        for (unsigned i = 0; i < kept_files; ++i) {
            task<status> writing = write_file(kept_name(i), i);
            BFS_CO_CHECK(co_await std::move(writing));
        }
        BFS_CO_CHECK(co_await fs().rename(kept_name(0), "/kd/renamed"));
        BFS_CO_CHECK(co_await fs().unlink(kept_name(1)));
        BFS_CO_CHECK(co_await fs().truncate(kept_name(2), kept_bytes / 2));
        BFS_CO_CHECK(co_await fs().symlink("kd/renamed", "/link"));
        BFS_CO_CHECK(co_await fs().mkdir("/kgone"));
        co_return co_await fs().rmdir("/kgone");
    }

    task<status> check_file(std::string path, unsigned seed, std::size_t size) {
        task<result<file>> opening = fs().open(path, open_flags::read);
        BFS_CO_TRY(file f, co_await std::move(opening));
        std::vector<std::byte> expected = kept_content(seed);
        expected.resize(std::min(size, expected.size()));
        std::vector<std::byte> bytes(expected.size() + 1);
        task<result<std::size_t>> reading = f.read(bytes, 0);
        BFS_CO_TRY(const std::size_t got, co_await std::move(reading));
        bytes.resize(got);
        if (bytes != expected) { s_.fail("after a power loss: " + path + " has other bytes than were synced"); }
        co_return ok();
    }
    task<status> expect_none(std::string path) {
        task<result<attributes>> looking = fs().lstat(path);
        const result<attributes> found = co_await std::move(looking);
        if (found) { s_.fail("after a power loss: " + path + " is back, and its removal was synced"); }
        co_return !found && found.error() != errc::not_found ? found.error() : errc::ok;
    }
    task<status> check_kept() {
        for (unsigned i = 2; i < kept_files; ++i) {
            task<status> checking = check_file(kept_name(i), i, i == 2 ? kept_bytes / 2 : kept_bytes * 2);
            BFS_CO_CHECK(co_await std::move(checking));
        }
        task<status> renamed = check_file("/link", 0, kept_bytes);
        BFS_CO_CHECK(co_await std::move(renamed));
        for (const char* gone : {"/kept0", "/kd/kept1", "/kdir", "/kgone"}) {
            task<status> looking = expect_none(gone);
            BFS_CO_CHECK(co_await std::move(looking));
        }
        task<result<std::vector<directory_entry>>> listing = fs().readdir("/kd");
        BFS_CO_TRY(const std::vector<directory_entry> entries, co_await std::move(listing));
        if (entries.size() != 3) {
            s_.fail("after a power loss: /kd has " + std::to_string(entries.size()) + " entries of 3");
        }
        co_return ok();
    }

    /// Hears of what an earlier power loss took, if anything.
    task<status> sync_all() {
        task<status> first = fs().sync();
        const status synced = co_await std::move(first);
        if (synced.error() != errc::io_error || s_.losses == 0) { co_return synced; }
        co_return co_await fs().sync();
    }

    task<status> lose(unsigned round) {
        const time_point began = s_.w.now();
        task<status> syncing = sync_all();
        BFS_CO_CHECK(co_await std::move(syncing));
        s_.synced = began;
        s_.touched.emplace();
        std::array<std::uint64_t, paths> before{};
        for (std::size_t p = 0; p < paths; ++p) {
            task<result<attributes>> looking = fs().stat(path_text(p));
            const result<attributes> found = co_await std::move(looking);
            before[p] = found ? found->id.value : 0;
            // Half a change of the round before, for fsck.
            if (found.error() == errc::stale_handle) { s_.touched->paths.insert(p); }
        }
        runtime::call_context& context = co_await runtime::current_context();
        {
            s_.plan.operations = static_cast<unsigned>(s_.w.random().below(16));
            runtime::task_scope clients(context, false);
            for (unsigned i = 0; i < s_.plan.cluster.clients; ++i) { clients.spawn(client_task(s_, i)); }
            task<void> dying = cut_power();
            co_await std::move(dying);
            (void)co_await clients.join();
        }
        co_await s_.w.rest(10s); // whatever was held back has arrived, and the servers have compared notes
        if (s_.failed()) { co_return ok(); }
        task<status> checking = check_kept();
        BFS_CO_CHECK(co_await std::move(checking));
        for (std::size_t p = 0; p < paths && !s_.failed(); ++p) {
            task<status> one = check_path(p, before[p]);
            BFS_CO_CHECK(co_await std::move(one));
        }
        task<status> living = go_on(round);
        co_return co_await std::move(living);
    }

    /// Some servers, one or all, at about the same time.
    task<void> cut_power() {
        co_await s_.w.rest(s_.w.between(0us, 15ms));
        std::vector<unsigned> down;
        const bool all = s_.w.chance(40);
        const auto one = static_cast<unsigned>(s_.w.random().below(s_.plan.cluster.servers));
        for (unsigned i = 0; i < s_.plan.cluster.servers; ++i) {
            if (!all && i != one && !s_.w.chance(30)) { continue; }
            ++s_.report.crashes;
            ++s_.losses;
            s_.data.lose_power(s_.synced, s_.w.now());
            s_.servers.crash(i, true, graves_);
            down.push_back(i);
            if (s_.w.chance(50)) { co_await s_.w.rest(s_.w.between(0us, 2ms)); }
        }
        while (!down.empty()) {
            co_await s_.w.rest(s_.w.between(1ms, 300ms));
            const std::size_t next = s_.w.random().below(down.size());
            task<status> starting = s_.servers.start_at_last(down[next], 25, s_.w.chance(50));
            const status started = co_await std::move(starting);
            if (!started) {
                s_.fail("server " + std::to_string(down[next]) +
                        " does not start after a power loss: " + std::string(message(started.error())));
            }
            down.erase(down.begin() + static_cast<std::ptrdiff_t>(next));
        }
    }

    /// A path of the run: what nobody touched is what it was; else it is something that it may be.
    task<status> check_path(std::size_t p, std::uint64_t before) {
        const bool touched = s_.touched->paths.contains(p);
        // A directory whose parent is lost is given up when nobody has told of that for a minute.
        const time_point patience = s_.w.now() + (touched ? duration(90s) : duration(0));
        result<attributes> found = errc::timed_out;
        do {
            task<result<attributes>> looking = fs().stat(path_text(p));
            found = co_await std::move(looking);
        } while (found.error() == errc::timed_out && s_.w.now() < patience);
        const std::uint64_t now = found ? found->id.value : 0;
        const bool may =
            found || found.error() == errc::not_found ||
            (touched && (found.error() == errc::stale_handle || found.error() == errc::not_a_directory));
        if (!may) { co_return found.error(); }
        if (!touched && now != before) {
            s_.fail("after a power loss: " + path_text(p) + " was synced as " + std::to_string(before) +
                    " and is " + std::to_string(now));
            co_return ok();
        }
        if (!found || found->is_directory()) { co_return ok(); }
        task<result<file>> opening = fs().open(path_text(p), open_flags::read);
        BFS_CO_TRY(file f, co_await std::move(opening));
        std::vector<std::byte> bytes(512 * KiB, std::byte{0x5a});
        const time_point began = s_.w.now();
        task<result<std::size_t>> reading = f.read(bytes, 0);
        BFS_CO_TRY(const std::size_t got, co_await std::move(reading));
        bytes.resize(got);
        s_.data.fading = touched || s_.touched->files.contains(f.id().value);
        const std::string why = s_.data.check_read(f.id(), 0, 512 * KiB, bytes, began, s_.w.now());
        s_.data.fading = false;
        if (!why.empty()) { s_.fail("after a power loss: " + path_text(p) + ": " + why); }
        co_return ok();
    }

    /// New names work, and old ones can be removed or say why not.
    task<status> go_on(unsigned round) {
        const std::string fresh = "/fresh" + std::to_string(round);
        BFS_CO_CHECK(co_await fs().mkdir(fresh));
        for (unsigned i = 0; i < 8; ++i) {
            task<status> writing = write_file(fresh + "/" + std::to_string(i), i);
            BFS_CO_CHECK(co_await std::move(writing));
            task<status> checking = check_file(fresh + "/" + std::to_string(i), i, 2 * kept_bytes);
            BFS_CO_CHECK(co_await std::move(checking));
        }
        for (std::size_t p = paths; p-- > 0;) { // what is in directories first
            if (!s_.touched->paths.contains(p)) { continue; }
            const std::string text = path_text(p);
            task<status> removing = is_directory(p) ? fs().rmdir(text) : fs().unlink(text);
            const errc e = (co_await std::move(removing)).error();
            const bool may = e == errc::ok || e == errc::not_found || e == errc::stale_handle ||
                             e == errc::not_empty || e == errc::not_a_directory;
            if (!may) { co_return e; }
        }
        co_return ok();
    }

    scenario& s_;
    runtime::task_scope& graves_;
};

} // namespace

task<status> power_task(scenario& s, runtime::task_scope& graves) {
    power_cutter one(s, graves);
    task<status> working = one.work();
    co_return co_await std::move(working);
}

} // namespace benchfs::sim
