// The network's context: which transports UCX_TLS leaves, what its failures say, and UCX's codes as errors.
#include "benchfs/transport/ucx/context.hpp"
#include "benchfs/transport/ucx/interface_settings.hpp"
#include "benchfs/transport/ucx/status.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include "benchfs/base/log.hpp"

#include "catch.hpp"
#include "variable.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

namespace benchfs::transport::ucx {
namespace {

/// What f writes to standard error or, when it should not, to standard output.
template <class F>
std::string written_to(int fd, F f) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int saved = ::dup(fd);
    ::dup2(ends[1], fd);
    f();
    ::dup2(saved, fd);
    ::close(saved);
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    return text;
}

} // namespace

TEST_CASE("the network never uses shared memory, whatever UCX_TLS says") {
    const auto tls = [](const char* user) {
        result<std::string> r = network_tls(user);
        return r ? *r : std::string("error");
    };
    CHECK(tls("") == "^sm");
    CHECK(tls("all") == "^sm");
    CHECK(tls("tcp,all") == "^sm");
    CHECK(tls("tcp") == "tcp");
    CHECK(tls("tcp,self") == "tcp,self");
    CHECK(tls("posix,tcp,sysv,cma") == "tcp");
    CHECK(tls("sm,rc_x,ud:aux,self") == "rc_x,ud:aux,self");
    CHECK(tls("\\posix,\\rc_verbs") == "\\rc_verbs");
    CHECK(tls("^tcp") == "^tcp,sm");
    CHECK(tls("^posix") == "^posix,sm");
    CHECK(tls("^") == "^sm");
    CHECK(tls(",tcp,") == "tcp");
}

TEST_CASE("a UCX_TLS that leaves no network is a configuration error") {
    for (const char* user : {"posix", "sm", "shm", "mm,self", "self", "posix,sysv,cma,xpmem,knem", ","}) {
        INFO(user);
        CHECK(network_tls(user).error() == errc::bad_config);
    }
}

TEST_CASE("a context that cannot be made says what to set") {
    const log_level before = current_log_level();
    set_log_level(log_level::error);
    errc error = errc::ok;
    const auto attempt = [&error] {
        result<std::unique_ptr<context>> made = context::create();
        error = made.error();
    };
    {
        const variable tls("UCX_TLS", "posix,self");
        const std::string text = written_to(STDERR_FILENO, attempt);
        CHECK(error == errc::bad_config);
        CHECK(text.find("Failed to create UCX context") != std::string::npos);
        CHECK(text.find("UCX_TLS=posix,self") != std::string::npos);
        CHECK(text.find("UCX_TLS=posix,self,tcp") != std::string::npos);
    }
    {
        const variable tls("UCX_TLS", "nosuchthing");
        const std::string text = written_to(STDERR_FILENO, attempt);
        CHECK(error != errc::ok);
        CHECK(text.find("Failed to create UCX context") != std::string::npos);
        CHECK(text.find("UCX_TLS=nosuchthing") != std::string::npos);
    }
    {
        const variable devices("UCX_NET_DEVICES", "nosuchdevice");
        const std::string text = written_to(STDERR_FILENO, attempt);
        CHECK(error != errc::ok);
        CHECK(text.find("Failed to create UCX context") != std::string::npos);
        CHECK(text.find("UCX_NET_DEVICES=nosuchdevice") != std::string::npos);
    }
    set_log_level(before);
}

TEST_CASE("UCX writes nothing to standard output") {
    if (std::getenv("UCX_LOG_LEVEL") != nullptr || std::getenv("UCX_LOG_FILE") != nullptr) { return; }
    const log_level before = current_log_level();
    set_log_level(log_level::off);
    const variable tls("UCX_TLS", "tcp,nosuchthing");
    const std::string text = written_to(STDOUT_FILENO, [] {
        result<std::unique_ptr<context>> made = context::create();
        CHECK(made);
    });
    CHECK(text == "");
    set_log_level(before);
}

TEST_CASE("a context names what carries messages, and that is no shared memory") {
    result<std::unique_ptr<context>> made = context::create();
    REQUIRE(made);
    const std::string& resources = (*made)->resources();
    CHECK(!resources.empty());
    for (const char* name : {"posix", "sysv", "cma", "self"}) {
        CHECK(resources.find(name) == std::string::npos);
    }
}

TEST_CASE("every UCX status is some error, and only success is ok") {
    CHECK(to_errc(UCS_OK) == errc::ok);
    for (int code = -120; code <= 10; ++code) {
        if (code == 0) { continue; }
        INFO(code);
        CHECK(to_errc(static_cast<ucs_status_t>(code)) != errc::ok);
    }
    CHECK(to_errc(UCS_ERR_CONNECTION_RESET) == errc::peer_down);
    CHECK(to_errc(UCS_ERR_ENDPOINT_TIMEOUT) == errc::peer_down);
    CHECK(to_errc(static_cast<ucs_status_t>(-45)) == errc::peer_down); // a link's failure
    CHECK(to_errc(UCS_ERR_NO_MEMORY) == errc::no_memory);
    CHECK(to_errc(UCS_ERR_CANCELED) == errc::cancelled);
}

TEST_CASE("what UCX reads from the environment is there only while UCX reads it, and the user's own stays") {
    for (const char* name : {"UCX_TCP_CONN_NB", "UCX_MM_ERROR_HANDLING"}) {
        const variable restore(name, "");
        ::unsetenv(name);
        {
            const interface_settings settings(true);
            CHECK(std::string(std::getenv(name)) == "y");
        }
        CHECK(std::getenv(name) == nullptr);
        ::setenv(name, "n", 1);
        {
            const interface_settings settings(true);
            CHECK(std::string(std::getenv(name)) == "n");
        }
        CHECK(std::string(std::getenv(name)) == "n");
    }
    const variable restore("UCX_MM_ERROR_HANDLING", "");
    ::unsetenv("UCX_MM_ERROR_HANDLING");
    const interface_settings settings(false);
    CHECK(std::getenv("UCX_MM_ERROR_HANDLING") == nullptr); // not for the network
}

TEST_CASE("a worker leaves nothing in the environment that a child process would inherit") {
    const variable restore("UCX_TCP_CONN_NB", "");
    ::unsetenv("UCX_TCP_CONN_NB");
    runtime::loop l;
    auto network = context::create();
    REQUIRE(network);
    auto made = worker::create(l, std::move(*network));
    REQUIRE(made);
    CHECK(std::getenv("UCX_TCP_CONN_NB") == nullptr);
}

} // namespace benchfs::transport::ucx
