#include "test_server.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace benchfs::bench {

std::unique_ptr<test_server> test_server::start(const std::string& program,
                                                const std::vector<std::string>& arguments, std::string& why) {
    using steady = std::chrono::steady_clock;
    std::unique_ptr<test_server> s(new test_server);
    if (s->scratch_.path().empty()) {
        why = std::string("no temporary directory: ") + std::strerror(errno);
        return nullptr;
    }
    s->registry_ = s->scratch_.path() + "/registry";
    std::vector<std::string> command = {program, "--registry-dir", s->registry_, "--log-level", "warn"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto begin = steady::now();
    if (!s->process_.start(command)) {
        why = program + ": " + std::strerror(errno);
        return nullptr;
    }
    const std::string announcement = s->registry_ + "/server.addr";
    while (steady::now() - begin < std::chrono::seconds(30)) {
        std::error_code ignored;
        if (std::filesystem::exists(announcement, ignored)) {
            s->start_milliseconds_ = std::chrono::duration<double, std::milli>(steady::now() - begin).count();
            return s;
        }
        if (const auto code = s->process_.poll()) {
            why = program + " ended with exit code " + std::to_string(*code);
            return nullptr;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    why = program + " did not announce itself within 30 s";
    return nullptr;
}

std::string find_benchfsd() {
    const std::filesystem::path here = std::filesystem::path(own_program()).parent_path();
    for (const auto& candidate : {here / "benchfsd", here.parent_path() / "daemon" / "benchfsd"}) {
        std::error_code ignored;
        if (std::filesystem::exists(candidate, ignored)) { return candidate.string(); }
    }
    return {};
}

} // namespace benchfs::bench
