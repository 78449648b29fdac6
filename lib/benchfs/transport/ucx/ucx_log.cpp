#include "benchfs/transport/ucx/ucx_log.hpp"

#include "benchfs/base/log.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <ucs/debug/log_def.h>

namespace benchfs::transport::ucx {
namespace {

bool is_set(const char* name) noexcept {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

bool wanted_raw() noexcept { return is_set("UCX_LOG_LEVEL") || is_set("UCX_LOG_FILE"); }

using message_text = std::array<char, 512>;

__attribute__((format(printf, 1, 0))) message_text text_of(const char* format, va_list list) noexcept {
    message_text text{};
    std::vsnprintf(text.data(), text.size(), format, list);
    return text;
}

/// UCX closes the socket that it listens on when it cannot accept (uct_tcp_iface_connect_handler, 1.13), and
/// tells nobody but the log.
bool stops_listening(ucs_log_level_t level, const message_text& text) noexcept {
    return level == UCS_LOG_LEVEL_ERROR && std::strstr(text.data(), "accept() failed") != nullptr;
}

void pass_on(ucs_log_level_t ucx_level, log_level otherwise, const char* format, va_list list) noexcept {
    const log_level level = ucx_level == UCS_LOG_LEVEL_FATAL ? log_level::error : otherwise;
    if (level < current_log_level() && ucx_level != UCS_LOG_LEVEL_ERROR) { return; }
    const message_text text = text_of(format, list);
    if (stops_listening(ucx_level, text)) {
        BFS_LOG_ERROR(
            "ucx",
            "%s: nobody can connect over tcp from now on, until this process is started again; who is "
            "connected stays. Give it more open files (ulimit -n)",
            text.data());
    } else {
        BFS_LOG(level, "ucx", "%s", text.data());
    }
}

ucs_log_func_rc_t on_quiet(const char*, unsigned, const char*, ucs_log_level_t level,
                           const ucs_log_component_config_t*, const char* format, va_list list) {
    pass_on(level, log_level::debug, format, list);
    return UCS_LOG_FUNC_RC_STOP;
}

ucs_log_func_rc_t on_loud(const char*, unsigned, const char*, ucs_log_level_t level,
                          const ucs_log_component_config_t*, const char* format, va_list list) {
    pass_on(level, log_level::warn, format, list);
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
