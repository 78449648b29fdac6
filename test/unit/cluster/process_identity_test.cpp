#include "support.hpp"

#include <csignal>

namespace benchfs::cluster {
namespace {

TEST_CASE("this process is alive and has all its marks") {
    const process_identity me = this_process();
    REQUIRE(me.pid == ::getpid());
    REQUIRE(me.start_time > 0);
    REQUIRE_FALSE(me.boot_id.empty());
    REQUIRE_FALSE(me.pid_namespace.empty());
    REQUIRE(look_for(me) == liveness::alive);
}

TEST_CASE("a process that ended is dead, and so is a reused pid") {
    REQUIRE(look_for(ended_process()) == liveness::dead);
    process_identity reused = this_process();
    --reused.start_time;
    REQUIRE(look_for(reused) == liveness::dead);
}

TEST_CASE("a killed process that nobody has collected is dead") {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        char byte = 0;
        ::close(pipe_ends[1]);
        const ssize_t n = ::read(pipe_ends[0], &byte, 1); // until the parent closes
        ::_exit(n == 0 ? 0 : 1);
    }
    ::close(pipe_ends[0]);
    process_identity it = this_process();
    it.pid = child;
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string line;
    std::getline(stat, line);
    it.start_time = start_time_in(line);
    REQUIRE(look_for(it) == liveness::alive);
    ::close(pipe_ends[1]);
    siginfo_t info = {};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
    REQUIRE(look_for(it) == liveness::dead);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    REQUIRE(look_for(it) == liveness::dead);
}

TEST_CASE("what cannot be seen from here is unknown, not dead") {
    process_identity other = ended_process();
    other.boot_id = "another machine";
    REQUIRE(look_for(other) == liveness::unknown);
    other = ended_process();
    other.pid_namespace = "pid:[1]"; // a container beside this one
    REQUIRE(look_for(other) == liveness::unknown);
    other = ended_process();
    other.boot_id.clear();
    REQUIRE(look_for(other) == liveness::unknown);
    other = ended_process();
    other.pid = 0;
    REQUIRE(look_for(other) == liveness::unknown);
}

TEST_CASE("the start time is found behind any process name") {
    const std::string rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n";
    REQUIRE(start_time_in("12 (benchfsd)" + rest) == 987654);
    REQUIRE(start_time_in("12 (a b) (c) 1 2)" + rest) == 987654);
    REQUIRE(start_time_in("12 (benchfsd) S 1 2") == 0);
    REQUIRE(start_time_in("") == 0);
    REQUIRE(start_time_in("no name here") == 0);
}

} // namespace
} // namespace benchfs::cluster
