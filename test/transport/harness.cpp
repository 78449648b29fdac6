#include "harness.hpp"

#include "benchfs/transport/transports.hpp"

#include "catch.hpp"

#include <cstdlib>
#include <thread>

namespace benchfs::test {
namespace {

std::string program() {
    const char* path = std::getenv("TRANSPORT_PEER"); // set by the build
    REQUIRE(path != nullptr);
    return path;
}

} // namespace

std::vector<std::string> transport_names() {
    std::vector<std::string> names;
    for (const transport::transport_entry& e : transport::transport_table()) {
        // "auto" is one of the others, whichever the peers can use; the conformance suite covers the choice.
        if (e.between_processes && e.name != "auto") { names.emplace_back(e.name); }
    }
    REQUIRE(!names.empty());
    return names;
}

echo_server::echo_server(const std::string& transport, const std::vector<std::string>& more)
    : transport_(transport) {
    std::vector<std::string> command{program(), "server", "transport=" + transport,
                                     "address=" + (directory_ / "address").string()};
    command.insert(command.end(), more.begin(), more.end());
    process_ = std::make_unique<process>(command);
    REQUIRE(process_->line(patience).value_or("(silence)") == "ready");
}

std::unique_ptr<process> echo_server::start_client(const std::string& script,
                                                   const std::vector<std::string>& more) {
    std::vector<std::string> command{program(), script, "transport=" + transport_,
                                     "address=" + (directory_ / "address").string()};
    command.insert(command.end(), more.begin(), more.end());
    return std::make_unique<process>(command);
}

std::unique_ptr<process> echo_server::client(const std::string& script, const std::vector<std::string>& more) {
    std::unique_ptr<process> p = start_client(script, more);
    const std::string hello = p->line(patience).value_or("(silence)");
    INFO(hello);
    REQUIRE(fields(hello)[""] == "connected");
    if (transport_ == "window") { REQUIRE(fields(hello)["path"] == "window"); }
    return p;
}

std::string echo_server::stats() {
    process_->say("stats");
    const std::string line = process_->line(patience).value_or("(silence)");
    REQUIRE(fields(line)[""] == "stats");
    return line;
}

bool echo_server::reaches(const std::string& name, long long value, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (number(stats(), name) != value) {
        if (std::chrono::steady_clock::now() >= deadline) { return false; }
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

bool quit(process& p) {
    p.say("quit");
    return p.wait(patience) == 0;
}

bool echo_server::quit() { return test::quit(*process_); }

} // namespace benchfs::test
