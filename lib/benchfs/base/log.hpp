// Log lines to standard error, by level: `2026-01-02T03:04:05.678Z WARN  transport: text`.
//
// The level is the one setting of the process that is not passed around; a front end sets it once, from
// BENCHFS_LOG. An error line says what, where and what to try.
#pragma once

#include "benchfs/base/result.hpp"

#include <cstdint>
#include <string_view>

namespace benchfs {

enum class log_level : std::uint8_t { trace, debug, info, warn, error, off };

namespace detail {
extern constinit log_level log_threshold;
}

void set_log_level(log_level level) noexcept;
[[nodiscard]] inline log_level current_log_level() noexcept { return detail::log_threshold; }

/// "trace", "debug", "info", "warn", "error" or "off"; anything else is bad_config.
[[nodiscard]] result<log_level> parse_log_level(std::string_view text) noexcept;

/// Writes one line with one write(2) (cut at about 2 KB; control characters become spaces), whatever the level
/// is. Keeps errno. Use the macros.
__attribute__((format(printf, 3, 4))) void write_log(log_level level, const char* component, const char* format,
                                                     ...) noexcept;

} // namespace benchfs

// The level is tested before the arguments are evaluated.
#define BFS_LOG(level, component, ...)                                                                         \
    do {                                                                                                       \
        if ((level) >= ::benchfs::current_log_level()) [[unlikely]] {                                          \
            ::benchfs::write_log((level), (component), __VA_ARGS__);                                           \
        }                                                                                                      \
    } while (false)
#define BFS_LOG_TRACE(...) BFS_LOG(::benchfs::log_level::trace, __VA_ARGS__)
#define BFS_LOG_DEBUG(...) BFS_LOG(::benchfs::log_level::debug, __VA_ARGS__)
#define BFS_LOG_INFO(...) BFS_LOG(::benchfs::log_level::info, __VA_ARGS__)
#define BFS_LOG_WARN(...) BFS_LOG(::benchfs::log_level::warn, __VA_ARGS__)
#define BFS_LOG_ERROR(...) BFS_LOG(::benchfs::log_level::error, __VA_ARGS__)
