#include "cores.hpp"

#include <sched.h>

namespace benchfs::bench {

core_pair complete(core_pair wanted) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) { return wanted; }
    // The last cores first: the first one takes most of a machine's interrupts.
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu) {
        if (!CPU_ISSET(static_cast<unsigned>(cpu), &set)) { continue; }
        if (wanted.near < 0 && cpu != wanted.far) {
            wanted.near = cpu;
        } else if (wanted.far < 0 && cpu != wanted.near) {
            wanted.far = cpu;
        }
    }
    return wanted;
}

} // namespace benchfs::bench
