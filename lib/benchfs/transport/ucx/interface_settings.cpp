#include "benchfs/transport/ucx/interface_settings.hpp"

#include "benchfs/base/log.hpp"

#include <cstddef>
#include <cstdlib>

namespace benchfs::transport::ucx {
namespace {

struct variable_setting {
    const char* variable;
    bool shared_memory_only;
};

constexpr std::array<variable_setting, 2> variables = {{
    // Making an endpoint to a host that is gone would otherwise block in connect(2), for up to two minutes.
    {"UCX_TCP_CONN_NB", false},
    // Without it UCX uses no shared memory for endpoints that handle the failure of their peer.
    {"UCX_MM_ERROR_HANDLING", true},
}};

} // namespace

interface_settings::interface_settings(bool shared_memory) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
        const char* name = variables[i].variable;
        if (variables[i].shared_memory_only && !shared_memory) { continue; }
        if (std::getenv(name) != nullptr) { continue; }
        set_[i] = ::setenv(name, "y", 0) == 0;
    }
    for (const variable_setting& v : variables) {
        if (const char* value = std::getenv(v.variable)) { BFS_LOG_DEBUG("ucx", "%s=%s", v.variable, value); }
    }
}

interface_settings::~interface_settings() {
    for (std::size_t i = 0; i < variables.size(); ++i) {
        if (set_[i]) { ::unsetenv(variables[i].variable); }
    }
}

} // namespace benchfs::transport::ucx
