#include "rig.hpp"

#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/context.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include "catch.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace benchfs::mini::test {

server::server(const std::string& tls, const std::vector<std::string>& more)
    : registry_((directory_ / "registry").string()) {
    ::setenv("UCX_TLS", tls.c_str(), 1); // for both sides
    std::vector<std::string> command = {
        "/bin/sh", "-c",          R"(exec "$@" 2>&1)", "sh",     std::getenv("BENCHFS_MINI"),
        "server",  "--registry",  registry_,           "--rank", "0",
        "--quiet", "--advertise", "127.0.0.1"};
    command.insert(command.end(), more.begin(), more.end());
    process_ = std::make_unique<process>(command);
    REQUIRE(!line_with("server is ready").empty());
}

std::string server::line_with(const std::string& part) {
    while (true) {
        const auto line = process_->line(patience);
        if (!line) { return {}; }
        if (line->find(part) != std::string::npos) { return *line; }
    }
}

std::map<std::string, std::uint64_t> server::stats() {
    process_->signal(SIGUSR1);
    std::map<std::string, std::uint64_t> numbers;
    for (const auto& [name, value] : benchfs::test::fields(line_with("stats "))) {
        if (!name.empty()) { numbers[name] = std::stoull(value); }
    }
    return numbers;
}

bool server::reaches(const std::string& name, std::uint64_t value) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        auto numbers = stats();
        if (numbers.empty()) { return false; }
        if (numbers[name] == value) { return true; }
    }
    return false;
}

bool server::quit() {
    process_->signal(SIGTERM);
    const auto code = process_->wait(patience);
    return code == 0 && !std::filesystem::exists(registry_ + "/server_0.txt");
}

client::client(const server& s, unsigned timeout_ms) {
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    o.registry_dir = s.registry().c_str();
    o.timeout_ms = timeout_ms;
    o.quiet = 1;
    REQUIRE(benchfs_mini_init_with(&o) == 0);
    const int connected = benchfs_mini_connect(0);
    INFO(benchfs_mini_error());
    REQUIRE(connected == 0);
}

bool client::works(std::size_t size) {
    std::vector<unsigned char> data(size);
    for (std::size_t i = 0; i < size; ++i) { data[i] = static_cast<unsigned char>(i * 7 + i / 251); }
    std::vector<unsigned char> got(size);
    return benchfs_mini_write("/works", data.data(), size, 0) == 0 &&
           benchfs_mini_read("/works", got.data(), size, 0) == static_cast<std::int64_t>(size) && got == data &&
           benchfs_mini_remove("/works", 0) == 0;
}

stranger::stranger(const server& s) {
    auto network = transport::ucx::context::create(transport::ucx::context_options{.shared_memory = true});
    REQUIRE(network);
    auto worker = transport::ucx::worker::create(loop_, *std::move(network));
    REQUIRE(worker);
    worker_ = *std::move(worker);
    std::ifstream entry(s.registry() + "/server_0.txt");
    std::string host;
    std::uint16_t port = 0;
    REQUIRE(std::getline(entry, host, ':') >> port);
    auto made = loop_.run(transport::ucx::stream::connect(*worker_, host, port));
    REQUIRE(made);
    stream_ = *std::move(made);
}

bool stranger::send(const_byte_span bytes) {
    const status sent = loop_.run(runtime::with_timeout(patience, stream_->send(bytes)));
    return static_cast<bool>(sent);
}

bool stranger::is_dropped() {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        std::array<std::byte, 1> byte{};
        const auto got = loop_.run(runtime::with_timeout(patience, stream_->receive(byte)));
        if (!got) { return got.error() == errc::peer_down; }
    }
    return false;
}

void stranger::leave() {
    if (stream_ != nullptr) { loop_.run(stream_->close()); }
    stream_.reset();
}

} // namespace benchfs::mini::test
