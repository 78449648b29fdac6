// doctor: whether this machine has what benchfs needs, each with the one thing that would help. Needs no
// server.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/cluster/registry.hpp"
#include "benchfs/transport/transports.hpp"
#include "benchfs/uring/ring.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace benchfs::cli {
namespace {

/// What one check found. Not sound: `text` ends with what to do.
struct finding {
    std::string check;
    bool sound = true;
    std::string text;
};

finding io_uring_check() {
    runtime::loop loop;
    uring::ring_options options;
    options.buffer_count = 0;
    const auto ring = uring::ring::create(loop, options);
    if (ring) { return {"io_uring", true, "OK"}; }
    return {"io_uring", false,
            "no ring can be made: " + std::string(message(ring.error())) +
                "; a container must allow the io_uring system calls, the kernel.io_uring_disabled sysctl must "
                "be 0, "
                "and descriptors must be left (ulimit -n)"};
}

finding network_check() {
    runtime::loop loop;
    uring::ring_options options;
    options.buffer_count = 0;
    const auto ring = uring::ring::create(loop, options);
    if (!ring) { return {"network", false, "cannot be tried without io_uring; see above"}; }
    const auto network = transport::make_transport("ucx", loop, {});
    if (network) { return {"network", true, "OK"}; }
    return {"network", false,
            "UCX gives no transport with peer failure handling: " + std::string(message(network.error())) +
                "; unset UCX_TLS and UCX_NET_DEVICES, or let them name what ucx_info -d lists"};
}

finding memlock_check() {
    constexpr rlim_t wanted = 64 * MiB; // registered buffers of a server, with room to spare
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) { return {"memlock", false, std::strerror(errno)}; }
    if (limit.rlim_cur == RLIM_INFINITY) { return {"memlock", true, "OK, unlimited"}; }
    if (limit.rlim_cur >= wanted) { return {"memlock", true, "OK, " + long_size(limit.rlim_cur)}; }
    return {"memlock", false,
            "only " + long_size(limit.rlim_cur) +
                " may be locked, and buffers are registered with the kernel and the "
                "network card; ulimit -l unlimited, or memlock in limits.conf"};
}

finding shared_memory_check(const std::string& dir) {
    constexpr std::uint64_t wanted = 128 * MiB; // a server's budget for windows
    struct statvfs space{};
    if (::statvfs(dir.c_str(), &space) != 0) {
        return {"shared memory", false, dir + ": " + std::strerror(errno) + "; mount a tmpfs there"};
    }
    const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
    if (free >= wanted) { return {"shared memory", true, "OK, " + long_size(free) + " free in " + dir}; }
    return {"shared memory", false,
            "only " + long_size(free) + " free in " + dir + "; mount -o remount,size=1G " + dir +
                ", or start the container with a larger --shm-size"};
}

/// Files of shared memory that some process has mapped, as far as this user may see it.
std::set<std::string> mapped_files(const std::string& dir) {
    std::set<std::string> found;
    std::error_code ignored;
    for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
        std::ifstream maps(process.path() / "maps");
        for (std::string line; std::getline(maps, line);) {
            if (const std::size_t at = line.find(dir + "/"); at != std::string::npos) {
                found.insert(line.substr(at));
            }
        }
    }
    return found;
}

finding stale_files_check(const std::string& dir) {
    constexpr std::time_t settled = 60; // seconds; a younger one may be about to be mapped
    const std::set<std::string> mapped = mapped_files(dir);
    std::string stale;
    std::uint64_t bytes = 0;
    std::error_code failed;
    for (std::filesystem::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
        const std::string path = it->path().string();
        struct stat info{};
        if (it->path().filename().string().rfind("ucx_shm_posix_", 0) != 0 || mapped.count(path) != 0) {
            continue;
        }
        if (::lstat(path.c_str(), &info) != 0 || info.st_uid != ::getuid()) { continue; }
        if (std::time(nullptr) - info.st_mtim.tv_sec < settled) { continue; }
        stale += " " + path;
        bytes += static_cast<std::uint64_t>(info.st_size);
    }
    if (stale.empty()) { return {"stale files", true, "OK, none"}; }
    return {"stale files", false, long_size(bytes) + " belong to processes that are gone; rm" + stale};
}

finding registry_check(const std::string& dir) {
    if (dir.empty()) { return {"registry", true, "not asked for; give --registry-dir"}; }
    std::string why;
    const auto view = cluster::read_view(dir, why);
    if (!view) { return {"registry", false, why}; }
    return {"registry", true, "OK, " + std::to_string(view->servers.size()) + " servers in " + dir};
}

/// Files that were written in the future: this machine's clock, or that of another, is wrong.
finding clock_check(const std::string& dir) {
    constexpr std::time_t tolerated = 5; // seconds
    const std::time_t now = std::time(nullptr);
    if (now < 1'700'000'000) {
        return {"clock", false, "it stands at " + time_text(now * 1'000'000'000) + "; set it"};
    }
    std::error_code failed;
    if (dir.empty()) { return {"clock", true, "OK"}; }
    for (std::filesystem::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
        struct stat info{};
        if (::lstat(it->path().c_str(), &info) != 0 || info.st_mtim.tv_sec <= now + tolerated) { continue; }
        return {"clock", false,
                it->path().string() + " was written " + std::to_string(info.st_mtim.tv_sec - now) +
                    " s in the future; synchronise the clocks of the machines (chrony, ntpd)"};
    }
    return {"clock", true, "OK"};
}

int doctor(session& s, const command& self, const std::vector<std::string>& words) {
    std::string shm_dir = "/dev/shm";
    bool json = s.json();
    arguments a(self);
    a.option("--shm-dir", shm_dir, "where shared memory has its files [/dev/shm]", "DIR");
    a.flag("--json", json, "as one JSON array");
    if (const auto code = a.parse(words)) { return *code; }
    const std::string& registry = s.options().client.registry_dir;
    const finding all[] = {io_uring_check(),
                           network_check(),
                           memlock_check(),
                           shared_memory_check(shm_dir),
                           stale_files_check(shm_dir),
                           registry_check(registry),
                           clock_check(registry)};
    json_array list;
    int code = exit_ok;
    for (const finding& f : all) {
        if (!f.sound) { code = exit_failed; }
        json_object one;
        list.add_raw(one.add("check", f.check).add("ok", f.sound).add("text", f.text).text());
        if (!json) {
            std::printf("%s: %s%s\n", f.check.c_str(), f.sound ? "" : "WRONG: ", printable(f.text).c_str());
        }
    }
    if (json) { std::puts(list.text().c_str()); }
    return code;
}

} // namespace

std::span<const command> health_commands() {
    static const command all[] = {
        {"doctor", "whether this machine has what benchfs needs, and what would help", "doctor", "health",
         doctor, false},
    };
    return all;
}

} // namespace benchfs::cli
