// benchfs_init and benchfs_finalize.
#include "benchfs/api/c_context.hpp"
#include "benchfs/api/mounting.hpp"

#include <chrono>
#include <pthread.h>

namespace benchfs::c {
namespace {

unsigned forks = 0;

[[nodiscard]] bool watch_forks() noexcept {
    return ::pthread_atfork(nullptr, nullptr, [] { ++forks; }) == 0;
}
const bool forks_are_watched = watch_forks();

[[nodiscard]] client_options client_options_of(const benchfs_options_t& o) {
    client_options options;
    options.registry_dir = o.registry_dir != nullptr ? o.registry_dir : "";
    if (o.transport != nullptr) { options.transport = o.transport; }
    options.connect_wait = std::chrono::milliseconds(o.connect_wait_ms);
    options.retry_for = std::chrono::milliseconds(o.retry_for_ms);
    options.deadline = std::chrono::milliseconds(o.deadline_ms);
    return options;
}

int start_server(const benchfs_options_t& o, state& s) {
    benchfs_server_options_t server;
    benchfs_server_options_init(&server);
    server.registry_dir = o.registry_dir;
    server.data_dir = o.data_dir;
    server.program = o.server_program;
    server.arguments = o.server_arguments;
    server.wait_ms = o.connect_wait_ms;
    return benchfs_server_start(&server, &s.server);
}

[[nodiscard]] result<std::shared_ptr<state>> connect(const benchfs_options_t& o) {
    auto made = std::make_shared<state>();
    made->node_id = o.node_id != nullptr ? o.node_id : "";
    if (o.is_server != 0) {
        if (const int failed = start_server(o, *made); failed != 0) { return from_errno(-failed); }
    }
    std::string why;
    auto mounted = mount_for_any_thread(client_options_of(o), why);
    if (!mounted) {
        (void)benchfs_server_stop(made->server);
        if (why.empty()) { why = message(mounted.error()); }
        (void)fail(mounted.error(), "benchfs_init", made->node_id, why);
        return mounted.error();
    }
    made->mount = std::move(*mounted);
    return made;
}

} // namespace

unsigned forks_so_far() noexcept { return forks; }

} // namespace benchfs::c

using namespace benchfs;

extern "C" {

const char* benchfs_version(void) { return "0.1.0"; }
const char* benchfs_get_error(void) { return c::last_error(); }

void benchfs_options_init(benchfs_options_t* options) {
    *options = benchfs_options_t{};
    options->struct_size = sizeof *options;
    options->transport = "auto";
    options->connect_wait_ms = 30000;
    options->retry_for_ms = 1500;
    options->deadline_ms = 10000;
}

benchfs_context_t* benchfs_init_with(const benchfs_options_t* options) {
    if (options == nullptr || options->struct_size != sizeof *options) {
        (void)c::fail(errc::invalid_argument, "benchfs_init", {},
                      "the options were not made by benchfs_options_init");
        errno = EINVAL;
        return nullptr;
    }
    c::note_thread();
    try {
        auto connected = c::connect(*options);
        if (connected) { return new benchfs_context{std::move(*connected)}; }
        errno = to_errno(connected.error());
    } catch (const std::bad_alloc&) { errno = -c::fail(errc::no_memory, "benchfs_init"); } catch (...) {
        errno = -c::fail(errc::io_error, "benchfs_init", {}, "an unexpected error inside benchfs");
    }
    return nullptr;
}

benchfs_context_t* benchfs_init(const char* node_id, const char* registry_dir, const char* data_dir,
                                int is_server) {
    benchfs_options_t options;
    benchfs_options_init(&options);
    options.node_id = node_id;
    options.registry_dir = registry_dir;
    options.data_dir = data_dir;
    options.is_server = is_server;
    return benchfs_init_with(&options);
}

int benchfs_finalize(benchfs_context_t* context) {
    if (context == nullptr) { return 0; }
    const std::unique_ptr<benchfs_context_t> owner(context);
    c::state& s = *context->shared;
    if (s.inherited()) { return 0; }
    c::note_thread();
    try {
        {
            const std::lock_guard guard(s.lock);
            s.mount.reset();
        }
        return benchfs_server_stop(std::exchange(s.server, nullptr));
    } catch (...) {
        return c::fail(errc::io_error, "benchfs_finalize", {}, "an unexpected error inside benchfs");
    }
}
}
