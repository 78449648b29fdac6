#include "benchfs/server/announcement.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/cluster/registry.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/uring/ops.hpp"
#include "benchfs/uring/transfer.hpp"

#include <fcntl.h>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr duration look_every = std::chrono::seconds(5);
constexpr std::size_t address_file_max = 256 * KiB;

/// Through the ring: a shared directory that hangs must not hang the server.
task<result<std::string>> read_text(uring::ring& ring, std::string path) {
    BFS_CO_TRY(const int fd, co_await uring::open(ring, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
    std::string text(address_file_max, '\0');
    task<result<std::size_t>> reading =
        uring::read_exact(ring, fd, std::as_writable_bytes(std::span(text.data(), text.size())), 0);
    const result<std::size_t> got = co_await std::move(reading);
    const status closed = co_await uring::close(ring, fd);
    if (!got) { co_return got.error(); }
    if (!closed) { co_return closed.error(); }
    text.resize(*got);
    co_return std::move(text);
}

} // namespace

task<status> keep_announced(uring::ring& ring, std::string registry_dir, cluster::server_record record) {
    const std::string path = registry_dir + "/" + cluster::address_file_name(record.id, record.servers);
    errc last = errc::ok;
    while (true) {
        BFS_CO_CHECK(co_await runtime::sleep_for(look_every));
        task<result<std::string>> reading = read_text(ring, path);
        const result<std::string> text = co_await std::move(reading);
        std::string why;
        if (text) {
            last = errc::ok;
            const result<cluster::server_record> now = cluster::parse_server_record(*text, why);
            if (!now || now->process == record.process) { continue; } // or it is being replaced just now
            BFS_LOG_ERROR(
                "server",
                "%s is now that of process %lld on %s: two servers with number %zu would serve different "
                "files, so this one stops. Check that they do not share a copy of a data directory",
                path.c_str(), static_cast<long long>(now->process.pid), now->process.host.c_str(),
                index(record.id));
            co_return errc::address_in_use;
        }
        const runtime::call_context& context = co_await runtime::current_context();
        if (text.error() != errc::not_found || context.stop_requested()) { continue; }
        const result<cluster::cluster_info> now = cluster::read_cluster(registry_dir, why);
        if (now && now->id != record.cluster_id) {
            BFS_LOG_ERROR("server",
                          "%s is the registry of another cluster now, which would have this server's address "
                          "among its own: this one stops",
                          registry_dir.c_str());
            co_return errc::address_in_use;
        }
        const status written = cluster::publish(registry_dir, record, why);
        if (written) {
            BFS_LOG_WARN("server", "%s was gone, and is written again", path.c_str());
        } else if (written.error() != last) {
            BFS_LOG_ERROR("server", "%s is gone, so no new client finds this server: %s", path.c_str(),
                          why.c_str());
        }
        last = written.error();
    }
}

} // namespace benchfs::server
