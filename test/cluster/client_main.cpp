// A client as a process of its own:
//   cluster-client REGISTRY TRANSPORT NUMBER files|forever|idle
// files: creates files, reads them back and compares; forever: the same until it is killed; idle: mounts and
// then waits. Prints "ready" once it is mounted. Exit code 0 if all was as it should be.
#include "work.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

namespace benchfs::test {
namespace {

constexpr unsigned files = 8;

task<status> write_files(file_system& fs, unsigned number, bool forever) {
    const std::string prefix = "/c" + std::to_string(number) + "-";
    do {
        for (unsigned i = 0; i < files; ++i) {
            // Small ones, and one that takes more than one chunk.
            const std::size_t bytes = i == 0 ? 4 * MiB + 4099 : 1000 * i + number;
            BFS_CO_CHECK(co_await write_and_check(fs, prefix + std::to_string(i), bytes, number * 100 + i));
        }
    } while (forever);
    // Nobody else has written over them meanwhile.
    for (unsigned i = 1; i < files; ++i) {
        BFS_CO_CHECK(co_await check_file(fs, prefix + std::to_string(i), 1000 * i + number, number * 100 + i));
    }
    co_return ok();
}

task<status> wait_for_ever() {
    for (;;) { BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::hours(1))); }
}

int run(char** argv) {
    const std::string_view mode = argv[4];
    const auto client = mount_or_throw(client_of(argv[1], argv[2]));
    std::puts("ready");
    std::fflush(stdout);
    const auto number = static_cast<unsigned>(std::atoi(argv[3]));
    const status done =
        client->run(mode == "idle" ? wait_for_ever() : write_files(client->fs(), number, mode == "forever"));
    if (!done) { std::printf("failed: %s\n", outcome(done).c_str()); }
    return done ? 0 : 1;
}

} // namespace
} // namespace benchfs::test

int main(int argc, char** argv) {
    if (argc != 5) { return 2; }
    try {
        return benchfs::test::run(argv);
    } catch (const std::exception& e) {
        std::printf("%s\n", e.what());
        return 1;
    }
}
