// The two processes of a raw UCX measurement: the near one drives and measures, the far one answers.
//
// They are parent and child of a fork that happens before either touches UCX, and exchange addresses over a
// socket pair.
#include "raw_ucx.hpp"

#include "../common/statistics.hpp"
#include "raw_side.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sched.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace benchfs::bench {
namespace {

constexpr unsigned window = 4; // bulk active messages under way at once
constexpr std::size_t stretches = 5;

enum class what : int { round_trip, am, put, get };

struct worker_plan {
    what kind = what::round_trip;
    std::size_t first = 0;  // bytes out, or distinct bytes in all
    std::size_t second = 0; // bytes back, or bytes of a piece
    std::uint64_t count = 0;
};

void pin(int cpu) {
    if (cpu < 0) { return; }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0) {
        raw_fail("cannot pin to a core", std::strerror(errno));
    }
}

struct heap_release {
    void operator()(char* p) const noexcept { std::free(p); }
};
using heap = std::unique_ptr<char, heap_release>;

/// Page-aligned memory with every page touched.
heap warm_memory(std::size_t bytes, int fill) {
    const std::size_t rounded = (bytes + 4095) / 4096 * 4096;
    heap memory(static_cast<char*>(std::aligned_alloc(4096, rounded)));
    if (!memory) { raw_fail("out of memory", "the baseline's buffer"); }
    std::memset(memory.get(), fill, rounded);
    return memory;
}

/// Runs `walk` once to warm up and `times` times with the clock; the median, per unit.
template <class Walk>
double median_of(std::size_t times, double units, Walk&& walk) {
    std::vector<double> taken;
    walk();
    for (std::size_t i = 0; i < times; ++i) {
        const double start = now_us();
        walk();
        taken.push_back((now_us() - start) / units);
    }
    return median(std::move(taken));
}

void far_round_trip(raw_side& s, const worker_plan& p) {
    const heap reply = warm_memory(p.second, 2);
    const std::uint64_t all = p.count * (stretches + 1);
    for (std::uint64_t i = 1; i <= all; ++i) {
        s.wait_messages(i);
        s.send_message(reply.get(), p.second);
    }
}

double near_round_trip(raw_side& s, const worker_plan& p) {
    const heap request = warm_memory(p.first, 1);
    std::uint64_t answers = 0;
    return median_of(stretches, static_cast<double>(p.count), [&] {
        for (std::uint64_t i = 0; i < p.count; ++i) {
            s.send_message(request.get(), p.first);
            s.wait_messages(++answers);
        }
    });
}

void far_messages(raw_side& s, const worker_plan& p) {
    const heap memory = warm_memory(p.first, 2);
    s.deliver_to(memory.get(), p.first);
    send_all(s.fd(), "r", 1);
    const std::uint64_t pieces = p.first / p.second;
    for (std::uint64_t walk = 1; walk <= p.count + 1; ++walk) {
        s.wait_messages(walk * pieces);
        s.send_message("d", 1);
    }
}

double near_messages(raw_side& s, const worker_plan& p) {
    const heap buffer = warm_memory(p.second, 1);
    char ready = 0;
    receive_all(s.fd(), &ready, 1);
    const std::uint64_t pieces = p.first / p.second;
    std::uint64_t walks = 0;
    return median_of(p.count, static_cast<double>(p.first) / (1 << 20), [&] {
        ucs_status_ptr_t under_way[window] = {};
        for (std::uint64_t i = 0; i < pieces; ++i) {
            ucs_status_ptr_t& slot = under_way[i % window];
            s.finish(slot, "ucp_am_send_nbx");
            slot = s.start_message(buffer.get(), p.second);
        }
        for (const ucs_status_ptr_t request : under_way) { s.finish(request, "ucp_am_send_nbx"); }
        s.wait_messages(++walks);
    });
}

void far_memory(raw_side& s, const worker_plan& p) {
    ucp_mem_map_params_t params{};
    params.field_mask = UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
    params.length = p.first;
    params.flags = UCP_MEM_MAP_ALLOCATE;
    ucp_mem_h memory = nullptr;
    raw_check(ucp_mem_map(s.context(), &params, &memory), "ucp_mem_map");
    ucp_mem_attr_t attributes{};
    attributes.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS;
    raw_check(ucp_mem_query(memory, &attributes), "ucp_mem_query");
    std::memset(attributes.address, 2, p.first);
    void* key = nullptr;
    std::size_t key_bytes = 0;
    raw_check(ucp_rkey_pack(s.context(), memory, &key, &key_bytes), "ucp_rkey_pack");
    const auto base = reinterpret_cast<std::uint64_t>(attributes.address);
    send_all(s.fd(), &base, sizeof base);
    send_blob(s.fd(), key, key_bytes);
    ucp_rkey_buffer_release(key);
    s.wait_messages(1);
    raw_check(ucp_mem_unmap(s.context(), memory), "ucp_mem_unmap");
}

double near_memory(raw_side& s, const worker_plan& p) {
    const heap buffer = warm_memory(p.second, 1);
    std::uint64_t base = 0;
    receive_all(s.fd(), &base, sizeof base);
    const std::vector<char> packed = receive_blob(s.fd());
    ucp_rkey_h key = nullptr;
    raw_check(ucp_ep_rkey_unpack(s.endpoint(), packed.data(), &key), "ucp_ep_rkey_unpack");
    const double result = median_of(p.count, static_cast<double>(p.first) / (1 << 20), [&] {
        for (std::size_t at = 0; at + p.second <= p.first; at += p.second) {
            if (p.kind == what::put) {
                s.put(buffer.get(), p.second, base + at, key);
            } else {
                s.get(buffer.get(), p.second, base + at, key);
            }
        }
        s.flush();
    });
    ucp_rkey_destroy(key);
    s.send_message("e", 1);
    s.flush();
    return result;
}

bool parse(int argc, char** argv, worker_plan& p, core_pair& cores) {
    if (argc != 8) { return false; }
    const std::string_view kind = argv[2];
    if (kind == "round-trip") {
        p.kind = what::round_trip;
    } else if (kind == "am") {
        p.kind = what::am;
    } else if (kind == "put") {
        p.kind = what::put;
    } else if (kind == "get") {
        p.kind = what::get;
    } else {
        return false;
    }
    p.first = std::strtoull(argv[3], nullptr, 10);
    p.second = std::strtoull(argv[4], nullptr, 10);
    p.count = std::strtoull(argv[5], nullptr, 10);
    cores.near = static_cast<int>(std::strtol(argv[6], nullptr, 10));
    cores.far = static_cast<int>(std::strtol(argv[7], nullptr, 10));
    if (p.kind == what::round_trip) {
        p.count = std::max<std::uint64_t>(p.count / stretches, 1);
        return true;
    }
    return p.second > 0 && p.first >= p.second && p.first % p.second == 0 && p.count > 0;
}

/// The one-sided kinds say goodbye with a message, so they need both.
std::uint64_t features(const worker_plan& p) {
    const bool one_sided = p.kind == what::put || p.kind == what::get;
    return one_sided ? UCP_FEATURE_AM | UCP_FEATURE_RMA : UCP_FEATURE_AM;
}

void be_far(int fd, const worker_plan& p) {
    raw_side s(fd, features(p));
    switch (p.kind) {
    case what::round_trip:
        far_round_trip(s, p);
        break;
    case what::am:
        far_messages(s, p);
        break;
    case what::put:
    case what::get:
        far_memory(s, p);
        break;
    }
    // The last answer leaves before the process does.
    s.flush();
    char over = 0;
    receive_all(fd, &over, 1);
}

double be_near(int fd, const worker_plan& p) {
    raw_side s(fd, features(p));
    double result = 0;
    switch (p.kind) {
    case what::round_trip:
        result = near_round_trip(s, p);
        break;
    case what::am:
        result = near_messages(s, p);
        break;
    case what::put:
    case what::get:
        result = near_memory(s, p);
        break;
    }
    send_all(fd, "o", 1);
    return result;
}

} // namespace

int raw_worker_main(int argc, char** argv) {
    worker_plan p;
    core_pair cores;
    if (!parse(argc, argv, p, cores)) {
        std::printf("bad arguments for the raw UCX worker\n");
        return 2;
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        raw_fail("socketpair", std::strerror(errno));
    }
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) { raw_fail("fork", std::strerror(errno)); }
    if (child == 0) {
        // The far side must not outlive a near side that is killed: it spins.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) { ::_exit(1); }
        ::close(pair[0]);
        pin(cores.far);
        be_far(pair[1], p);
        ::_exit(0);
    }
    ::close(pair[1]);
    pin(cores.near);
    const double result = be_near(pair[0], p);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) { raw_fail("the far process", "did not end well"); }
    std::printf("%.6f\n", result);
    return 0;
}

} // namespace benchfs::bench
