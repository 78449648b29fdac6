#include "benchfs/transport/ucx/ucx_log.hpp"

#include "benchfs/base/log.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <ucs/debug/log_def.h>

namespace benchfs::transport::ucx {
namespace {

bool is_set(const char* name) noexcept {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

bool wanted_raw() noexcept { return is_set("UCX_LOG_LEVEL") || is_set("UCX_LOG_FILE"); }

__attribute__((format(printf, 2, 0))) void pass_on(log_level level, const char* format, va_list list) noexcept {
    if (level < current_log_level()) { return; }
    std::array<char, 512> text{};
    std::vsnprintf(text.data(), text.size(), format, list);
    BFS_LOG(level, "ucx", "%s", text.data());
}

ucs_log_func_rc_t on_quiet(const char*, unsigned, const char*, ucs_log_level_t level,
                           const ucs_log_component_config_t*, const char* format, va_list list) {
    pass_on(level == UCS_LOG_LEVEL_FATAL ? log_level::error : log_level::debug, format, list);
    return UCS_LOG_FUNC_RC_STOP;
}

ucs_log_func_rc_t on_loud(const char*, unsigned, const char*, ucs_log_level_t level,
                          const ucs_log_component_config_t*, const char* format, va_list list) {
    pass_on(level == UCS_LOG_LEVEL_FATAL ? log_level::error : log_level::warn, format, list);
    return UCS_LOG_FUNC_RC_STOP;
}

} // namespace

void adopt_ucx_log() noexcept {
    // Once for the process, as UCX's handlers are.
    static const bool adopted = [] {
        if (!wanted_raw()) { ucs_log_push_handler(&on_quiet); }
        return true;
    }();
    (void)adopted;
}

loud_ucx_log::loud_ucx_log() noexcept : pushed_(!wanted_raw()) {
    if (pushed_) { ucs_log_push_handler(&on_loud); }
}

loud_ucx_log::~loud_ucx_log() {
    if (pushed_) { ucs_log_pop_handler(); }
}

} // namespace benchfs::transport::ucx
