// Who a process is, so that a file it left behind can be recognised after it died.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs::cluster {

/// A pid alone is reused. With the start time it names one process of one boot of one machine (or container).
struct process_identity {
    std::string host;          // for people
    std::string boot_id;       // of the machine's kernel
    std::string pid_namespace; // containers of one machine number their processes apart
    std::int64_t pid = 0;
    std::uint64_t start_time = 0; // clock ticks after boot

    friend bool operator==(const process_identity&, const process_identity&) = default;
};

enum class liveness : std::uint8_t {
    alive,
    dead,
    unknown, // another machine, container or user's process that cannot be seen from here
};

/// This process. Reads a few small files of /proc; what cannot be read stays empty.
[[nodiscard]] process_identity this_process();

/// Whether that process still runs, as far as it can be seen from this one.
[[nodiscard]] liveness look_for(const process_identity& who);

/// The start time in a line of /proc/<pid>/stat; 0 if it is not one. The process's name in it may contain
/// anything.
[[nodiscard]] std::uint64_t start_time_in(std::string_view stat_line);

} // namespace benchfs::cluster
