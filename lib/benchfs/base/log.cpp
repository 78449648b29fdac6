#include "benchfs/base/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace benchfs {

constinit log_level detail::log_threshold = log_level::info;

namespace {

struct level_name {
    std::string_view option;
    const char* label;
};
constexpr std::array<level_name, 6> names{{
    {"trace", "TRACE"},
    {"debug", "DEBUG"},
    {"info", "INFO "},
    {"warn", "WARN "},
    {"error", "ERROR"},
    {"off", "OFF  "},
}};

// What snprintf reports may be longer than what it wrote.
std::size_t written(int reported, std::size_t room) noexcept {
    return reported < 0 ? 0 : std::min(static_cast<std::size_t>(reported), room - 1);
}

} // namespace

void set_log_level(log_level level) noexcept { detail::log_threshold = level; }

result<log_level> parse_log_level(std::string_view text) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].option == text) { return static_cast<log_level>(i); }
    }
    return errc::bad_config;
}

void write_log(log_level level, const char* component, const char* format, ...) noexcept {
    const int kept_errno = errno;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);

    std::array<char, 2048> line;
    std::size_t used = std::strftime(line.data(), line.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    const char* label = names[std::min<std::size_t>(static_cast<std::size_t>(level), names.size() - 1)].label;
    used += written(std::snprintf(line.data() + used, line.size() - used,
                                  ".%03ldZ %s %s: ", now.tv_nsec / 1'000'000, label, component),
                    line.size() - used);
    errno = kept_errno; // for "%m"
    va_list arguments;
    va_start(arguments, format);
    used +=
        written(std::vsnprintf(line.data() + used, line.size() - used, format, arguments), line.size() - used);
    va_end(arguments);

    // Text from outside must not forge a second line or drive a terminal.
    for (std::size_t i = 0; i < used; ++i) {
        if (static_cast<unsigned char>(line[i]) < 0x20 || line[i] == 0x7f) { line[i] = ' '; }
    }
    line[used++] = '\n'; // the place of the terminating NUL
    [[maybe_unused]] const ssize_t gone = ::write(STDERR_FILENO, line.data(), used);
    errno = kept_errno;
}

} // namespace benchfs
