// Servers that keep their data on disk are killed in mid-work and started again: every acknowledged operation
// is there, with the right bytes, and nothing is there that nobody asked for.
#include "server_process.hpp"
#include "work.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"
#include "repetitions.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace benchfs::test {
namespace {

using byte_vector = std::vector<std::byte>;

/// How often one server is killed; those of a cluster are half as often, and one whose clients wait a quarter:
/// 200 times in all. Fewer with a sanitizer, more when the environment says so.
unsigned kills_wanted() {
    const char* given = std::getenv("BENCHFS_TEST_KILLS");
    return given == nullptr ? static_cast<unsigned>(repeated(116, 12))
                            : static_cast<unsigned>(std::max(1, std::atoi(given)));
}

/// What one file may hold: the acknowledged bytes, and a write whose outcome the kill left open.
struct expected_file {
    byte_vector bytes;
    std::uint64_t maybe_at = 0;
    byte_vector maybe; // any of its bytes may be there, and the file may have grown to their end
    bool maybe_gone = false;
    bool maybe_there = false; // created, or renamed to, without an answer
};

/// Random work on a few files, with a model of what was acknowledged.
class worker {
public:
    explicit worker(std::uint64_t seed) : random_(seed) {}

    /// Works until a call fails: how is in `ended`.
    task<status> until_killed(file_system& fs) {
        ended = errc::ok;
        while (ended == errc::ok) { BFS_CO_CHECK(co_await step(fs)); }
        co_return ok();
    }

    /// Works until it is told to stop, or a call fails.
    task<status> until(file_system& fs, const bool& stop) {
        ended = errc::ok;
        while (!stop && ended == errc::ok) { BFS_CO_CHECK(co_await step(fs)); }
        co_return ended == errc::ok ? ok() : status(ended);
    }

    /// Every file is as it should be. What was open is settled by what is found.
    task<status> check(file_system& fs) {
        // What the servers of a cluster had begun when one was killed they end first: until then a name that is
        // being moved cannot be looked at.
        for (const auto& [path, file] : files_) { (void)co_await fs.stat(path); }
        for (auto at = files_.begin(); at != files_.end();) {
            const std::string path = at->first;
            bool exists = false;
            BFS_CO_CHECK(co_await check_one(fs, path, at->second, exists));
            at = exists ? std::next(at) : files_.erase(at);
        }
        BFS_CO_TRY(const auto listing, co_await fs.readdir("/"));
        std::set<std::string> names;
        for (const auto& entry : listing) { names.insert("/" + entry.name); }
        for (const auto& [path, file] : files_) {
            if (names.erase(path) == 0) { co_return wrong(path, "is not listed"); }
        }
        if (!names.empty()) { co_return wrong(*names.begin(), "should not exist"); }
        co_return ok();
    }

    errc ended = errc::ok;
    std::uint64_t acknowledged = 0;
    std::string complaint;

private:
    status wrong(const std::string& path, const std::string& what) {
        complaint = path + " " + what;
        return errc::io_error;
    }

    task<status> check_one(file_system& fs, std::string path, expected_file& file, bool& exists) {
        auto opened = co_await fs.open(path, open_flags::read);
        if (!opened) {
            exists = false;
            const bool may_be_gone = file.maybe_gone || file.maybe_there;
            if (opened.error() == errc::not_found && may_be_gone) { co_return ok(); }
            co_return wrong(path, "cannot be opened: " + std::string(name(opened.error())));
        }
        exists = true;
        byte_vector back(file.bytes.size() + file.maybe.size() + 300'000);
        BFS_CO_TRY(const std::size_t count, co_await opened->read(back, 0));
        back.resize(count);
        const std::size_t longest =
            file.maybe.empty() ? file.bytes.size()
                               : std::max<std::size_t>(file.bytes.size(), file.maybe_at + file.maybe.size());
        if (count < file.bytes.size() || count > longest) {
            co_return wrong(path, "has " + std::to_string(count) + " bytes, acknowledged were " +
                                      std::to_string(file.bytes.size()));
        }
        for (std::size_t i = 0; i < count; ++i) {
            const std::byte old = i < file.bytes.size() ? file.bytes[i] : std::byte{0};
            const bool in_maybe = i >= file.maybe_at && i < file.maybe_at + file.maybe.size();
            if (back[i] == old || (in_maybe && back[i] == file.maybe[i - file.maybe_at])) { continue; }
            co_return wrong(path, "has a wrong byte at " + std::to_string(i));
        }
        file = {};
        file.bytes = std::move(back);
        co_return ok();
    }

    /// Notes how a call ended; true if it was acknowledged.
    bool good(const status& done) {
        if (done) {
            ++acknowledged;
            return true;
        }
        ended = done.error();
        return false;
    }

    task<status> step(file_system& fs) {
        const std::uint64_t what = random_.below(10);
        if (files_.size() < 3 || what == 0) { co_return co_await create(fs); }
        auto chosen = files_.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(files_.size())));
        const std::string path = chosen->first;
        if (what == 1 && files_.size() > 6) {
            chosen->second.maybe_gone = true;
            const status done = co_await fs.unlink(path);
            if (good(done)) { files_.erase(path); }
            co_return ok();
        }
        if (what == 2) { co_return co_await rename(fs, path); }
        co_return co_await write(fs, path);
    }

    task<status> create(file_system& fs) {
        const std::string path = "/f" + std::to_string(next_++);
        files_[path].maybe_there = true;
        const auto made =
            co_await fs.open(path, open_flags::write | open_flags::create | open_flags::exclusive);
        if (good(made ? ok() : status(made.error()))) { files_[path] = {}; }
        co_return ok();
    }

    task<status> rename(file_system& fs, std::string path) {
        const std::string to = "/f" + std::to_string(next_++);
        files_[to] = files_[path];
        files_[to].maybe_there = true;
        files_[path].maybe_gone = true;
        const status done = co_await fs.rename(path, to);
        if (good(done)) {
            files_.erase(path);
            files_[to].maybe_there = false;
        }
        co_return ok();
    }

    task<status> write(file_system& fs, std::string path) {
        const byte_vector data =
            pattern(1 + random_.below(random_.below(4) == 0 ? 200'000 : 9000), random_.next());
        expected_file& file = files_[path];
        const std::uint64_t at = random_.below(std::min<std::size_t>(file.bytes.size() + 1, 400'000));
        file.maybe_at = at;
        file.maybe = data;
        auto opened = co_await fs.open(path, open_flags::write);
        if (!opened) {
            ended = opened.error();
            co_return ok();
        }
        const auto wrote = co_await opened->write(data, at);
        if (!good(wrote ? ok() : status(wrote.error()))) { co_return ok(); }
        file.bytes.resize(std::max<std::size_t>(file.bytes.size(), at + data.size()));
        std::copy(data.begin(), data.end(), file.bytes.begin() + static_cast<std::ptrdiff_t>(at));
        file.maybe.clear();
        if (random_.below(16) == 0) { (void)good(co_await opened->sync()); }
        co_return ok();
    }

    prng random_;
    std::map<std::string, expected_file> files_;
    unsigned next_ = 0;
};

task<status> kill_after(server_process& server, milliseconds when) {
    BFS_CO_CHECK(co_await runtime::sleep_for(when));
    server.self().signal(SIGKILL);
    co_return ok();
}

task<status> work_until_killed(file_system& fs, worker& w, server_process& server, milliseconds when) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(kill_after(server, when));
    const status worked = co_await w.until_killed(fs);
    const status joined = co_await scope.join();
    co_return worked ? joined : worked;
}

task<status> kill_and_restart(server_process& server, prng& random, unsigned times, bool& over) {
    status slept = ok();
    for (unsigned i = 0; i < times && slept; ++i) {
        slept = co_await runtime::sleep_for(milliseconds(5 + random.below(100)));
        server.kill();
        server.restart();
        // Not ready yet: the client finds out.
        if (slept) { slept = co_await runtime::sleep_for(milliseconds(150)); }
    }
    over = true;
    co_return slept;
}

task<status> work_through_restarts(file_system& fs, worker& w, server_process& server, prng& random,
                                   unsigned kills) {
    bool over = false;
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(kill_and_restart(server, random, kills, over));
    const status worked = co_await w.until(fs, over);
    const status joined = co_await scope.join();
    co_return worked ? joined : worked;
}

client_options with_patience(const std::string& registry, milliseconds retry_for) {
    client_options options = client_of(registry);
    options.retry_for = retry_for;
    return options;
}

client_options impatient(const std::string& registry) { return with_patience(registry, milliseconds(50)); }

/// A cluster of several servers, one of which can be killed.
class several_servers {
public:
    several_servers(cluster_directory& directory, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            const std::string id = std::to_string(i);
            servers_.push_back(std::make_unique<server_process>(
                directory,
                std::vector<std::string>{"--engine", "uring", "--data-dir", directory.path("data-" + id),
                                         "--servers", std::to_string(count), "--id", id, "--chunk-size",
                                         "64KiB", "--log-size", "1MiB"},
                "server-" + id + ".addr"));
        }
    }
    [[nodiscard]] bool ready() {
        return std::ranges::all_of(servers_, [](auto& s) { return s->wait_until_ready().has_value(); });
    }
    [[nodiscard]] server_process& at(std::size_t i) { return *servers_[i]; }
    /// Starts servers again that UCX has ended. False: one does not come back.
    [[nodiscard]] bool revive() {
        return std::ranges::all_of(servers_, [](auto& s) {
            if (!s->ended_by_ucx()) { return true; }
            std::puts("one more kill, by an assertion of UCX");
            s->restart();
            return s->wait_until_ready().has_value();
        });
    }
    [[nodiscard]] std::string output() {
        std::string all;
        for (auto& s : servers_) { all += s->self().output() + "----\n"; }
        return all;
    }
    [[nodiscard]] bool stop() {
        return std::ranges::all_of(servers_, [](auto& s) { return s->stop(); });
    }

private:
    std::vector<std::unique_ptr<server_process>> servers_;
};

} // namespace

TEST_CASE("servers of a cluster that are killed in turn keep every acknowledged operation", "[kills]") {
    constexpr unsigned count = 3;
    cluster_directory directory;
    several_servers servers(directory, count);
    REQUIRE(servers.ready());
    const char* given = std::getenv("BENCHFS_TEST_SEED");
    const std::uint64_t seed = given == nullptr ? 3 : std::strtoull(given, nullptr, 10);
    prng random(seed);
    worker w(seed);
    const unsigned kills = kills_wanted() / 2;
    for (unsigned i = 0; i <= kills; ++i) {
        INFO("seed " << seed << ", kill " << i);
        const auto client = mount_or_throw(impatient(directory.registry()));
        const std::string checked = outcome(client->run(w.check(client->fs())));
        INFO(w.complaint);
        INFO(servers.output());
        REQUIRE(checked == "ok");
        if (i == kills) { break; }
        server_process& victim = servers.at(random.below(count));
        const milliseconds when(1 + random.below(120));
        REQUIRE(outcome(client->run(work_until_killed(client->fs(), w, victim, when))) == "ok");
        victim.kill();
        victim.restart();
        REQUIRE(victim.wait_until_ready());
        REQUIRE(servers.revive());
    }
    std::printf("%u kills of %u servers survived, %llu operations acknowledged\n", kills, count,
                static_cast<unsigned long long>(w.acknowledged));
    CHECK(w.acknowledged > kills);
    CHECK(servers.stop());
}

TEST_CASE("a client that waits for its server sees restarts as delays, and nothing happens twice", "[kills]") {
    cluster_directory directory;
    server_process server(directory, {"--engine", "uring", "--data-dir", directory.path("data")});
    REQUIRE(server.wait_until_ready());
    prng random(7);
    worker w(7);
    const unsigned kills = std::max(8U, kills_wanted() / 4);
    {
        const auto client = mount_or_throw(with_patience(directory.registry(), patience));
        const std::string worked =
            outcome(client->run(work_through_restarts(client->fs(), w, server, random, kills)));
        INFO(server.self().output());
        // Also an exclusive create, an unlink and a rename whose answers were lost: none was done twice.
        REQUIRE(worked == "ok");
        const std::string checked = outcome(client->run(w.check(client->fs())));
        INFO(w.complaint);
        CHECK(checked == "ok");
    }
    std::printf("%u restarts, %llu operations acknowledged, none twice\n", kills,
                static_cast<unsigned long long>(w.acknowledged));
    CHECK(server.stop());
}

TEST_CASE("a server that is killed again and again keeps every acknowledged operation", "[kills]") {
    cluster_directory directory;
    // A small log: checkpoints run all the time.
    server_process server(directory,
                          {"--engine", "uring", "--data-dir", directory.path("data"), "--log-size", "1MiB"});
    REQUIRE(server.wait_until_ready());
    const char* given = std::getenv("BENCHFS_TEST_SEED");
    const std::uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
    prng random(seed);
    worker w(seed);
    const unsigned kills = kills_wanted();
    for (unsigned i = 0; i < kills; ++i) {
        INFO("seed " << seed << ", kill " << i);
        {
            const auto client = mount_or_throw(impatient(directory.registry()));
            const std::string checked = outcome(client->run(w.check(client->fs())));
            INFO(w.complaint);
            INFO(server.self().output());
            REQUIRE(checked == "ok");
            const milliseconds when(1 + random.below(120));
            REQUIRE(outcome(client->run(work_until_killed(client->fs(), w, server, when))) == "ok");
        }
        server.kill();
        server.restart();
        const bool ready = server.wait_until_ready().has_value();
        INFO(server.self().output());
        REQUIRE(ready);
    }
    const auto client = mount_or_throw(impatient(directory.registry()));
    const std::string checked = outcome(client->run(w.check(client->fs())));
    INFO(w.complaint);
    CHECK(checked == "ok");
    std::printf("%u kills survived, %llu operations acknowledged\n", kills,
                static_cast<unsigned long long>(w.acknowledged));
    CHECK(w.acknowledged > kills);
    CHECK(server.stop());
}

} // namespace benchfs::test
