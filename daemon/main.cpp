// benchfsd: arguments in, one server, exit code out.
#include "arguments.hpp"

#include "benchfs/api/benchfs.hpp"
#include "benchfs/runtime/pinning.hpp"
#include "benchfs/server/check.hpp"

#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

/// Each client over tcp takes a file, and the usual limit is for programs that use select(). UCX stops
/// listening for good when it cannot accept.
void open_as_many_files_as_allowed() noexcept {
    ::rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) { return; }
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

int main(int argc, char** argv) {
    const benchfs::front::daemon_arguments arguments = benchfs::front::read_daemon_arguments(argc, argv);
    std::fputs(arguments.output.c_str(), stdout);
    std::fputs(arguments.trouble.c_str(), stderr);
    if (!arguments.check.empty()) {
        std::string why;
        const auto report = benchfs::server::check_store(arguments.check, why);
        if (!report) {
            std::fprintf(stderr, "benchfsd: %s\n", why.c_str());
            return 2;
        }
        std::fputs(report->text().c_str(), stdout);
        return report->problems.empty() ? 0 : 1;
    }
    if (!arguments.run) { return arguments.exit_code; }

    if (arguments.options.parent != 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != arguments.options.parent) { return 0; } // it is gone already
    }
    open_as_many_files_as_allowed();
    // Before anything allocates: pages stay on the node where they were first touched.
    std::string why;
    if (!benchfs::runtime::pin_process(arguments.options.cpu, arguments.options.numa, why)) {
        std::fprintf(stderr, "benchfsd: %s\n", why.c_str());
        return 2;
    }
    auto node = benchfs::server::node::start(arguments.options, why);
    if (!node) {
        std::fprintf(stderr, "benchfsd: %s\n", why.c_str());
        return 1;
    }
    return (*node)->run();
}
