#include "benchfs/transport/ucx/context.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/status.hpp"
#include "benchfs/transport/ucx/ucx_log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace benchfs::transport::ucx {
namespace {

constexpr std::array<std::string_view, 8> shared_memory_names = {"shm",  "sm",  "mm",    "posix",
                                                                 "sysv", "cma", "xpmem", "knem"};

struct setting {
    const char* name; // without UCX_
    const char* value;
};
// A killed idle peer must be noticed within seconds; UCX's own default is 20 s.
constexpr std::array<setting, 1> our_settings = {{{"KEEPALIVE_INTERVAL", "1s"}}};

/// "\posix" and "posix:aux" name the same transport as "posix".
std::string_view bare(std::string_view name) {
    if (!name.empty() && name.front() == '\\') { name.remove_prefix(1); }
    return name.substr(0, name.find(':'));
}

bool contains(const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> names;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (comma != 0) { names.push_back(list.substr(0, comma)); }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return names;
}

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

bool set(ucp_config_t* config, const char* name, const char* value) {
    const ucs_status_t done = ucp_config_modify(config, name, value);
    if (done != UCS_OK) {
        BFS_LOG_WARN("ucx", "cannot set UCX_%s=%s: %s", name, value, ucs_status_string(done));
        return false;
    }
    BFS_LOG_DEBUG("ucx", "set UCX_%s=%s", name, value);
    return true;
}

bool configure(ucp_config_t* config, const std::string& tls) {
    if (!tls.empty() && !set(config, "TLS", tls.c_str())) { return false; }
    for (const setting& s : our_settings) {
        const std::string variable = std::string("UCX_") + s.name;
        const std::string_view user = environment(variable.c_str());
        if (!user.empty()) {
            BFS_LOG_DEBUG("ucx", "%s=%.*s is the user's setting", variable.c_str(),
                          static_cast<int>(user.size()), user.data());
        } else {
            (void)set(config, s.name, s.value); // works without, only slower to notice a death
        }
    }
    return true;
}

/// "tcp/lo tcp/eth0", without what only reaches this process.
std::string list_resources(ucp_context_h handle) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* memory = ::open_memstream(&text, &size);
    if (memory == nullptr) { return {}; }
    ucp_context_print_info(handle, memory);
    std::fclose(memory);
    std::istringstream lines(std::string(text, size));
    std::free(text);
    std::string names;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.rfind(' ');
        if (line.find(" resource ") == std::string::npos || at == std::string::npos) { continue; }
        const std::string name = line.substr(at + 1);
        if (name.find('/') == std::string::npos || name.starts_with("self/")) { continue; }
        if (!names.empty()) { names += ' '; }
        names += name;
    }
    return names;
}

void log_failure(const char* what) {
    const std::string_view tls = environment("UCX_TLS");
    const std::string_view devices = environment("UCX_NET_DEVICES");
    BFS_LOG_ERROR(
        "ucx",
        "Failed to create UCX context: %s. UCX_TLS=%.*s, UCX_NET_DEVICES=%.*s: unset them, or name a network "
        "transport and a device that exist here (`ucx_info -d` lists them), e.g. UCX_TLS=tcp "
        "UCX_NET_DEVICES=eth0",
        what, static_cast<int>(tls.size()), tls.data(), static_cast<int>(devices.size()), devices.data());
}

} // namespace

result<std::string> network_tls(std::string_view user) {
    // "sm" is UCX's own name for all shared-memory transports; naming those that this build lacks would make it
    // warn.
    if (user.empty() || user == "^") { return std::string("^sm"); }
    if (user.front() == '^') { return std::string(user) + ",sm"; }
    std::string kept;
    bool reaches_others = false;
    for (const std::string_view name : split(user)) {
        if (bare(name) == "all") { return std::string("^sm"); }
        if (contains(shared_memory_names, bare(name))) { continue; }
        reaches_others = reaches_others || bare(name) != "self";
        if (!kept.empty()) { kept += ','; }
        kept += name;
    }
    if (!reaches_others) { return errc::bad_config; }
    return kept;
}

result<std::unique_ptr<context>> context::create(context_options options) {
    adopt_ucx_log();
    const loud_ucx_log explain_failures;
    const std::string_view user = environment("UCX_TLS");
    auto tls = options.shared_memory ? result<std::string>(std::string()) : network_tls(user);
    if (!tls) {
        BFS_LOG_ERROR(
            "ucx",
            "Failed to create UCX context: UCX_TLS=%.*s leaves no network transport (shared memory is not "
            "used between processes that may be killed); unset UCX_TLS or add one, e.g. UCX_TLS=%.*s,tcp",
            static_cast<int>(user.size()), user.data(), static_cast<int>(user.size()), user.data());
        return tls.error();
    }
    ucp_config_t* config = nullptr;
    ucs_status_t done = ucp_config_read(nullptr, nullptr, &config);
    if (done != UCS_OK) {
        log_failure(ucs_status_string(done));
        return errc::bad_config;
    }
    if (!configure(config, *tls)) {
        ucp_config_release(config);
        log_failure("the transport list was refused");
        return errc::bad_config;
    }
    ucp_params_t params{};
    params.field_mask = UCP_PARAM_FIELD_FEATURES;
    params.features = UCP_FEATURE_AM | UCP_FEATURE_STREAM | UCP_FEATURE_WAKEUP;
    ucp_context_h handle = nullptr;
    done = ucp_init(&params, config, &handle);
    ucp_config_release(config);
    if (done != UCS_OK) {
        log_failure(ucs_status_string(done));
        return to_errc(done) == errc::ok ? errc::io_error : to_errc(done);
    }
    std::string resources = list_resources(handle);
    std::unique_ptr<context> made(new context(handle, std::move(resources), options));
    if (made->resources().empty()) {
        log_failure("no network device is usable");
        return errc::not_supported;
    }
    BFS_LOG_DEBUG("ucx", "network: %s", made->resources().c_str());
    return made;
}

} // namespace benchfs::transport::ucx
