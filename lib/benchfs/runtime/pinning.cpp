#include "benchfs/runtime/pinning.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace benchfs::runtime {

namespace {

constexpr int mpol_preferred = 1; // linux/mempolicy.h, which not every system installs
constexpr int nodes_max = 1024;

std::string node_directory(int node) { return "/sys/devices/system/node/node" + std::to_string(node); }

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

std::string known_nodes() {
    std::string list;
    for (int node = 0; node < nodes_max; ++node) {
        if (!exists(node_directory(node))) { continue; }
        list += (list.empty() ? "" : ",") + std::to_string(node);
    }
    return list;
}

status pin_to_core(int cpu, std::string& why) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < CPU_SETSIZE) {
        CPU_SET(static_cast<unsigned>(cpu), &set);
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        const bool known = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
        // A core outside the mask that a job manager gave may be a neighbour's, even where the kernel lets us.
        const bool ours = !known || CPU_ISSET(static_cast<unsigned>(cpu), &allowed);
        if (ours && ::sched_setaffinity(0, sizeof set, &set) == 0) { return {}; }
    }
    why = "cpu: cannot run on core " + std::to_string(cpu) + "; allowed cores: " + allowed_cores();
    return errc::bad_config;
}

status prefer_node(int node, std::string& why) {
    constexpr std::size_t bits = sizeof(unsigned long) * CHAR_BIT;
    std::array<unsigned long, nodes_max / bits> mask{};
    const auto at = static_cast<std::size_t>(node);
    mask[at / bits] = 1UL << (at % bits);
    // "Preferred" rather than "bind": a full node means slower memory, not a killed server. The kernel counts
    // one bit less than it is told.
    if (::syscall(SYS_set_mempolicy, mpol_preferred, mask.data(), static_cast<unsigned long>(nodes_max) + 1) ==
        0) {
        return {};
    }
    why = "numa: cannot take memory from node " + std::to_string(node) + ": " + std::strerror(errno);
    return from_errno(errno);
}

} // namespace

std::string allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) { return {}; }
    std::string list;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &set)) { continue; }
        unsigned last = cpu;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set)) { ++last; }
        list += (list.empty() ? "" : ",") + std::to_string(cpu);
        if (last > cpu) { list += "-" + std::to_string(last); }
        cpu = last;
    }
    return list;
}

int numa_node_of(int cpu) {
    const std::string core = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/node";
    for (int node = 0; node < nodes_max; ++node) {
        if (exists(core + std::to_string(node))) { return node; }
    }
    return -1;
}

status pin_process(int cpu, int numa, std::string& why) {
    if (cpu >= 0) { BFS_CHECK(pin_to_core(cpu, why)); }
    if (numa >= 0 && (numa >= nodes_max || !exists(node_directory(numa)))) {
        const std::string nodes = known_nodes();
        why = "numa: there is no node " + std::to_string(numa) + "; nodes: " + (nodes.empty() ? "none" : nodes);
        return errc::bad_config;
    }
    const int node = numa >= 0 || cpu < 0 ? numa : numa_node_of(cpu);
    if (node < 0 || !exists(node_directory(node))) { return {}; }
    const status preferred = prefer_node(node, why);
    // Only who asked for a node is told that it cannot be had.
    if (!preferred && numa < 0) { return {}; }
    return preferred;
}

} // namespace benchfs::runtime
