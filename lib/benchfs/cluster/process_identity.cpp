#include "benchfs/cluster/process_identity.hpp"

#include "benchfs/cluster/small_file.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <limits.h>
#include <unistd.h>

namespace benchfs::cluster {

namespace {

constexpr std::size_t proc_limit = 4096;

std::string first_line(const std::string& path) {
    result<std::string> text = read_small_file(path, proc_limit);
    return text ? text->substr(0, text->find('\n')) : std::string();
}

std::string stat_line_of(std::int64_t pid) { return first_line("/proc/" + std::to_string(pid) + "/stat"); }

// A killed process that its parent has not collected yet still has its pid.
bool is_zombie(std::string_view stat_line) {
    const std::size_t name_end = stat_line.rfind(')');
    if (name_end == stat_line.npos || name_end + 2 >= stat_line.size()) { return false; }
    const char state = stat_line[name_end + 2];
    return state == 'Z' || state == 'X';
}

std::string own_pid_namespace() {
    char target[64] = {};
    const ssize_t n = ::readlink("/proc/self/ns/pid", target, sizeof target - 1);
    return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

} // namespace

std::uint64_t start_time_in(std::string_view stat_line) {
    // Field 2 is the name in parentheses, which may hold spaces and parentheses: count from the last one.
    std::size_t at = stat_line.rfind(')');
    if (at == stat_line.npos) { return 0; }
    for (int field = 3; field <= 22; ++field) {
        at = stat_line.find(' ', at + 1);
        if (at == stat_line.npos) { return 0; }
    }
    std::uint64_t ticks = 0;
    const char* first = stat_line.data() + at + 1;
    const auto parsed = std::from_chars(first, stat_line.data() + stat_line.size(), ticks);
    return parsed.ec == std::errc() ? ticks : 0;
}

process_identity this_process() {
    process_identity out;
    char host[HOST_NAME_MAX + 1] = {};
    if (::gethostname(host, sizeof host - 1) == 0) { out.host = host; }
    out.boot_id = first_line("/proc/sys/kernel/random/boot_id");
    out.pid_namespace = own_pid_namespace();
    out.pid = ::getpid();
    out.start_time = start_time_in(stat_line_of(out.pid));
    return out;
}

liveness look_for(const process_identity& who) {
    const process_identity here = this_process();
    if (who.boot_id.empty() || here.boot_id.empty() || who.pid <= 0) { return liveness::unknown; }
    // Another machine, or this one before it was booted: host names are no proof of either.
    if (who.boot_id != here.boot_id) { return liveness::unknown; }
    if (who.pid_namespace.empty() || who.pid_namespace != here.pid_namespace) { return liveness::unknown; }
    if (::kill(static_cast<pid_t>(who.pid), 0) != 0 && errno == ESRCH) { return liveness::dead; }
    const std::string line = stat_line_of(who.pid);
    const std::uint64_t start = start_time_in(line);
    if (start == 0) { return liveness::unknown; } // /proc is hidden
    return start != who.start_time || is_zombie(line) ? liveness::dead : liveness::alive;
}

} // namespace benchfs::cluster
