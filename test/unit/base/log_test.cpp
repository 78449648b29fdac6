#include "benchfs/base/log.hpp"

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <regex>
#include <string>
#include <unistd.h>

using namespace benchfs;

namespace {

/// What `work` writes to standard error.
template <class Work>
std::string captured(Work work) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const int kept = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    work();
    ::dup2(kept, STDERR_FILENO);
    ::close(kept);
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    return text;
}

/// Puts the level back.
class with_level {
public:
    explicit with_level(log_level level) : before_(current_log_level()) { set_log_level(level); }
    ~with_level() { set_log_level(before_); }
    with_level(const with_level&) = delete;
    with_level& operator=(const with_level&) = delete;

private:
    log_level before_;
};

} // namespace

TEST_CASE("a log line has a time, a level and a component") {
    with_level level(log_level::trace);
    const std::string text = captured([] { BFS_LOG_WARN("transport", "peer %d is %s", 7, "gone"); });
    const std::regex shape(R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN  transport: peer 7 is gone\n$)");
    CAPTURE(text);
    CHECK(std::regex_match(text, shape));
}

TEST_CASE("what is below the level is neither written nor evaluated") {
    with_level level(log_level::warn);
    int evaluated = 0;
    const std::string text = captured([&] {
        BFS_LOG_TRACE("x", "%d", ++evaluated);
        BFS_LOG_DEBUG("x", "%d", ++evaluated);
        BFS_LOG_INFO("x", "%d", ++evaluated);
    });
    CHECK(text.empty());
    CHECK(evaluated == 0);
    const std::string louder = captured([&] {
        BFS_LOG_WARN("x", "%d", ++evaluated);
        BFS_LOG_ERROR("x", "%d", ++evaluated);
    });
    CHECK(evaluated == 2);
    CHECK(louder.find("ERROR x: 2\n") != louder.npos);
    set_log_level(log_level::off);
    CHECK(captured([] { BFS_LOG_ERROR("x", "silent"); }).empty());
}

TEST_CASE("a log line stays one line, whatever is in it") {
    with_level level(log_level::info);
    const std::string forged = "a\n2026-01-01T00:00:00.000Z ERROR forged: b\x1b[31m";
    const std::string text = captured([&] { BFS_LOG_INFO("x", "%s", forged.c_str()); });
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.find('\x1b') == text.npos);
    const std::string longest(10'000, 'y');
    const std::string cut = captured([&] { BFS_LOG_INFO("x", "%s", longest.c_str()); });
    CHECK(cut.size() == 2048);
    CHECK(cut.back() == '\n');
}

TEST_CASE("logging keeps errno") {
    with_level level(log_level::info);
    (void)captured([] {
        errno = ENOSPC;
        BFS_LOG_INFO("x", "%m");
        CHECK(errno == ENOSPC);
    });
}

TEST_CASE("log levels are read from their names") {
    CHECK(*parse_log_level("trace") == log_level::trace);
    CHECK(*parse_log_level("debug") == log_level::debug);
    CHECK(*parse_log_level("info") == log_level::info);
    CHECK(*parse_log_level("warn") == log_level::warn);
    CHECK(*parse_log_level("error") == log_level::error);
    CHECK(*parse_log_level("off") == log_level::off);
    for (const char* text : {"", "DEBUG", "verbose", "1", "infos"}) {
        CAPTURE(text);
        CHECK(parse_log_level(text).error() == errc::bad_config);
    }
}
