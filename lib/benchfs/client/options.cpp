#include "benchfs/client/options.hpp"

#include "benchfs/base/json_options.hpp"
#include "benchfs/transport/transports.hpp"

namespace benchfs {

namespace {

/// bad_config unless a transport between processes has that name.
status check_transport(std::string_view name, std::string& why) {
    std::string names;
    for (const transport::transport_entry& e : transport::transport_table()) {
        if (!e.between_processes) { continue; }
        if (e.name == name) { return {}; }
        names += names.empty() ? "" : ", ";
        names += e.name;
    }
    why = "transport: there is no transport \"" + std::string(name) + "\"; there are: " + names;
    return errc::bad_config;
}

} // namespace

void bind_options(option_set& set, client_options& options) {
    using std::chrono::hours;
    using std::chrono::milliseconds;
    set.add("registry_dir", "directory through which servers and clients find each other",
            options.registry_dir);
    set.add("transport", "how messages travel: auto, window (same node only) or ucx (network only)",
            options.transport);
    set.add("connect_wait", "how long to wait for the servers, such as 30s", options.connect_wait, duration{},
            hours(24));
    set.add("retry_for", "how long to retry after a server was lost, such as 1500ms", options.retry_for,
            duration{}, hours(24));
    set.add("deadline", "how long an operation may take, beside the time for its bytes, such as 10s",
            options.deadline, milliseconds(10), hours(24));
}

status validate(const client_options& options, std::string& why) {
    if (options.registry_dir.empty()) {
        why = "no registry directory: name the one that the server was started with (registry_dir)";
        return errc::bad_config;
    }
    return check_transport(options.transport, why);
}

} // namespace benchfs
