// How a server is doing: the methods that tell clients, and the same as text for Prometheus.
#pragma once

#include "benchfs/rpc/server.hpp"
#include "benchfs/server/services.hpp"

#include <string>

namespace benchfs::uring {
class ring;
}

namespace benchfs::server {

/// What is looked at when somebody asks. Outlives every request; owned by the instance.
struct stats_sources {
    rpc::server& requests;
    const service_state& services;
    runtime::loop& loop;
    std::uint32_t servers = 1;
    time_point started{};
};

void register_stats_methods(rpc::server& to, stats_sources& sources);

[[nodiscard]] rpc::server_status::reply describe(const stats_sources& sources);
/// Counters of a method; zeros if it was never called.
[[nodiscard]] rpc::method_counters::reply counters_of(const stats_sources& sources, std::uint16_t method);

/// Everything as Prometheus reads it from a text file.
[[nodiscard]] std::string prometheus_text(const stats_sources& sources);

/// Writes `text` to a file of this name in one step: beside it first, then renamed. Suspends.
[[nodiscard]] runtime::task<status> write_stats_file(uring::ring& ring, std::string path, std::string text);

} // namespace benchfs::server
