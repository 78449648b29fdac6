#include "benchfs/api/benchfs.hpp"

#include "benchfs/api/mounting.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/cluster/identity.hpp"
#include "benchfs/cluster/registry.hpp"
#include "benchfs/cluster/registry_resolver.hpp"
#include "benchfs/server/wall_clock.hpp"
#include "benchfs/transport/transports.hpp"
#include "benchfs/uring/ring.hpp"

#include <unistd.h>

namespace benchfs {
namespace {

class mounted_cluster final : public mounted {
public:
    mounted_cluster(const client_options& options, bool one_thread)
        : options_(options), one_thread_(one_thread), resolver_(options.registry_dir) {}
    ~mounted_cluster() override {
        if (client_) { loop_.run(client_->close()); }
        fs_.reset();
        client_.reset();
        network_.reset();
        ring_.reset();
    }

    [[nodiscard]] file_system& fs() noexcept override { return *fs_; }
    [[nodiscard]] runtime::loop& loop() noexcept override { return loop_; }

    status open(std::string& why) {
        BFS_CHECK(validate(options_, why));
        uring::ring_options ring_options;
        ring_options.buffer_count = 0; // a client reads and writes no files of its own
        ring_options.one_thread = one_thread_;
        result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop_, ring_options);
        if (!ring) {
            why = "io_uring cannot be used here (the log says why)";
            return ring.error();
        }
        ring_ = std::move(*ring);
        transport::transport_options network_options;
        network_options.seed = server::start_seed();
        auto network = transport::make_transport(options_.transport, loop_, network_options);
        if (!network) {
            why = "the network cannot be used (the log says why)";
            return network.error();
        }
        network_ = std::move(*network);
        BFS_TRY(auto view,
                loop_.run(cluster::wait_for_servers(options_.registry_dir, why, options_.connect_wait)));
        BFS_TRY(placement_, cluster::make_placement(view.cluster.placement, view.cluster.servers));

        rpc::client_settings settings;
        settings.deadline = options_.deadline;
        settings.retry_for = options_.retry_for;
        settings.seed = server::start_seed();
        client_ = std::make_unique<rpc::client>(loop_, *network_, resolver_, cluster::identity_of(view.cluster),
                                                settings);
        file_system_settings fs_settings;
        fs_settings.uid = ::getuid();
        fs_settings.gid = ::getgid();
        fs_ = std::make_unique<file_system>(*client_, *placement_, fs_settings);
        const status answered = loop_.run(fs_->ping(server_id{0}));
        if (!answered) { why = no_answer(answered.error()); }
        return answered;
    }

private:
    /// Why server 0 is of no use, for a person.
    [[nodiscard]] std::string no_answer(errc error) const {
        const std::string server = "server 0, registered in " + options_.registry_dir + ", ";
        const std::string text(message(error));
        if (error == errc::not_permitted) {
            return server + "refuses this client: " + text +
                   ". The file secret in that directory is not the one with which the server was started; "
                   "restart the server if the file was replaced";
        }
        if (error == errc::wrong_cluster || error == errc::protocol_mismatch) {
            return server + "refuses this client: " + text +
                   ". It was started before the directory was made anew, or with another version: restart it";
        }
        return server + "does not answer: " + text +
               ". Is it running (see its log), and can this host reach it (UCX_NET_DEVICES, UCX_TLS)?";
    }

    client_options options_;
    bool one_thread_;
    runtime::loop loop_;
    cluster::registry_resolver resolver_;
    std::unique_ptr<uring::ring> ring_;
    std::unique_ptr<transport::transport> network_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<rpc::client> client_;
    std::unique_ptr<file_system> fs_;
};

result<std::unique_ptr<mounted>> mount_cluster(const client_options& options, bool one_thread,
                                               std::string& why) {
    auto made = std::make_unique<mounted_cluster>(options, one_thread);
    const status opened = made->open(why);
    if (!opened) { return opened.error(); }
    return std::unique_ptr<mounted>(std::move(made));
}

} // namespace

result<std::unique_ptr<mounted>> mount(const client_options& options, std::string& why) {
    return mount_cluster(options, true, why);
}

result<std::unique_ptr<mounted>> mount_for_any_thread(const client_options& options, std::string& why) {
    return mount_cluster(options, false, why);
}

} // namespace benchfs
