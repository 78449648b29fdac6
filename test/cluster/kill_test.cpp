// A server that is killed, or stands still, while a client writes.
#include "server_process.hpp"
#include "work.hpp"

#include "catch.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace benchfs::test {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t block = 4 * MiB;
constexpr std::uint64_t blocks_in_file = 16; // the offsets go round, so that no limit of memory ends the loop

struct interruption {
    server_process& server;
    steady::time_point at{};
    std::string ended_with;
    milliseconds after{};
    unsigned written = 0;
    unsigned written_after = 0; // blocks that were begun after the interruption
};

task<status> kill_in_a_while(interruption& event) {
    BFS_CO_CHECK(co_await runtime::sleep_for(milliseconds(50)));
    event.at = steady::now();
    event.server.self().signal(SIGKILL);
    co_return ok();
}

task<status> freeze_for_a_while(interruption& event) {
    BFS_CO_CHECK(co_await runtime::sleep_for(milliseconds(50)));
    event.server.self().signal(SIGSTOP);
    const status slept = co_await runtime::sleep_for(milliseconds(300));
    event.server.self().signal(SIGCONT);
    event.at = steady::now();
    co_return slept;
}

/// Writes blocks until a call fails, or until some were written after the interruption.
task<status> write_on(file& f, interruption& event) {
    const std::vector<std::byte> data = pattern(block, 5);
    while (event.written_after < 10) {
        const bool late = event.at != steady::time_point{};
        const result<std::size_t> wrote = co_await f.write(data, event.written % blocks_in_file * block);
        if (!wrote) {
            event.after = std::chrono::duration_cast<milliseconds>(steady::now() - event.at);
            event.ended_with = name(wrote.error());
            break;
        }
        ++event.written;
        if (late) { ++event.written_after; }
    }
    co_return ok();
}

/// Every block that was acknowledged is there.
task<status> check_blocks(file_system& fs, unsigned written) {
    const std::vector<std::byte> data = pattern(block, 5);
    std::vector<std::byte> back(block);
    BFS_CO_TRY(file f, co_await fs.open("/victim", open_flags::read));
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(written, blocks_in_file); ++i) {
        BFS_CO_TRY(const std::size_t count, co_await f.read(back, i * block));
        if (count != block || back != data) { co_return errc::io_error; }
    }
    co_return ok();
}

template <class Interrupt>
task<status> write_through(file_system& fs, interruption& event, Interrupt interrupt) {
    runtime::call_context& context = co_await runtime::current_context();
    // Open before anything happens, however slow the machine is: it is a write that is interrupted.
    BFS_CO_TRY(file f, co_await fs.open("/victim", open_flags::write | open_flags::create));
    runtime::task_scope scope(context);
    scope.spawn(interrupt(event));
    const status wrote = co_await write_on(f, event);
    const status joined = co_await scope.join();
    co_return wrote ? joined : wrote;
}

} // namespace

TEST_CASE("a write to a killed server fails soon, and the mount works with the next server") {
    for (const char* transport : {"auto", "ucx"}) {
        for (const char* engine : {"memory", "uring"}) {
            DYNAMIC_SECTION(transport << ", " << engine) {
                cluster_directory directory;
                server_process server(directory, {"--engine", engine, "--data-dir", directory.path("data")});
                REQUIRE(server.wait_until_ready());
                const auto client = mount_or_throw(client_of(directory.registry(), transport));
                interruption event{server};
                CHECK(outcome(client->run(write_through(client->fs(), event, kill_in_a_while))) == "ok");
                std::printf("%s, %s: %u blocks written, then %s after %d ms\n", transport, engine,
                            event.written, event.ended_with.c_str(), static_cast<int>(event.after.count()));
                CHECK(event.ended_with != "");
                CHECK(event.after < scaled(milliseconds(2000)));
                server.kill();
                CHECK(std::filesystem::exists(server.address_file()));

                server.restart();
                REQUIRE(server.wait_until_ready());
                const std::string again =
                    outcome(client->run(write_and_check(client->fs(), "/next", 5 * MiB, 6)));
                INFO(server.self().output());
                CHECK(again == "ok");
                CHECK(server.stop());
            }
        }
    }
}

TEST_CASE("a server that stands still for 300 ms is waited for") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            cluster_directory directory;
            server_process server(directory, {"--memory"});
            REQUIRE(server.wait_until_ready());
            const auto client = mount_or_throw(client_of(directory.registry(), transport));
            interruption event{server};
            CHECK(outcome(client->run(write_through(client->fs(), event, freeze_for_a_while))) == "ok");
            CHECK(event.ended_with == "");
            CHECK(event.written_after == 10);
            CHECK(outcome(client->run(check_blocks(client->fs(), event.written))) == "ok");
            CHECK(outcome(client->run(write_and_check(client->fs(), "/next", 5 * MiB, 6))) == "ok");
        }
    }
}

} // namespace benchfs::test
