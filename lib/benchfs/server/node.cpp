#include "benchfs/server/node.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/cluster/identity.hpp"
#include "benchfs/cluster/registry.hpp"
#include "benchfs/cluster/registry_resolver.hpp"
#include "benchfs/cluster/store_cluster.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/server/announcement.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/transport/transports.hpp"
#include "benchfs/uring/ring.hpp"
#include "benchfs/uring/signal_watch.hpp"

#include <cstdio>
#include <optional>

namespace benchfs::server {
namespace {

using runtime::task;

[[nodiscard]] uring::ring_options ring_options_of(const server_options& options) {
    uring::ring_options r;
    r.queue_size = options.uring_queue_size;
    r.buffer_size = static_cast<std::size_t>(options.uring_buffer_size);
    r.submit_depth = options.uring_submit_depth;
    // The memory engine has no file to read or write.
    if (options.engine_name() == "memory") { r.buffer_count = 0; }
    return r;
}

} // namespace

class node::parts {
public:
    explicit parts(const server_options& options) : options_(options) {}
    ~parts() {
        // In the order in which they stand on each other.
        instance_.reset();
        peer_network_.reset();
        network_.reset();
        ring_.reset();
    }

    status start(std::string& why);
    int run() {
        const status served = loop_.run(serve(*this));
        if (!served) {
            BFS_LOG_ERROR("server", "stopped: %.*s", static_cast<int>(message(served.error()).size()),
                          message(served.error()).data());
        }
        return served ? 0 : 1;
    }
    void stop() noexcept { stop_.set(); }
    [[nodiscard]] std::string address() const {
        std::string text = "WorkerAddress(";
        const std::vector<std::byte> bytes = network_->address();
        return text + std::to_string(bytes.size()) + " bytes, " + std::string(network_->name()) + ")";
    }

private:
    [[nodiscard]] bool has_store() const { return options_.engine_name() != "memory"; }
    [[nodiscard]] status open_network(std::string& why);
    [[nodiscard]] status open_instance(std::string& why);
    [[nodiscard]] static task<status> serve(parts& self);
    [[nodiscard]] static task<status> wait_for_signal(parts& self);
    [[nodiscard]] static task<status> keep_address(parts& self);
    [[nodiscard]] static task<status> warm_up(parts& self);
    [[nodiscard]] static task<status> write_metrics(parts& self);

    server_options options_;
    std::optional<uring::signal_watch> signals_;
    runtime::loop loop_;
    runtime::event stop_;
    status stopped_by_; // or ok: it was told to
    std::unique_ptr<uring::ring> ring_;
    cluster::cluster_info cluster_;
    std::unique_ptr<transport::transport> network_;
    // For calls to other servers: a transport has one receiver, and that of the first one answers.
    std::unique_ptr<transport::transport> peer_network_;
    std::unique_ptr<cluster::registry_resolver> peer_addresses_;
    std::unique_ptr<instance_environment> environment_;
    std::unique_ptr<instance> instance_;
    cluster::server_record record_;
};

status node::parts::open_network(std::string& why) {
    cluster::cluster_options wanted;
    wanted.servers = options_.servers;
    wanted.default_chunk_size = static_cast<std::uint32_t>(options_.chunk_size);
    if (has_store()) { BFS_TRY(wanted.id, cluster::read_store_cluster(options_.data_dir, why)); }
    BFS_TRY(cluster_, cluster::create_or_join(options_.registry_dir, wanted, why));
    BFS_CHECK(cluster::check_store_cluster(options_.data_dir, wanted.id, options_.registry_dir, cluster_, why));
    result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop_, ring_options_of(options_));
    if (!ring) {
        why = "io_uring cannot be used here (the log says why)";
        return ring.error();
    }
    ring_ = std::move(*ring);
    transport::transport_options network_options;
    network_options.seed = start_seed();
    auto network = transport::make_transport(options_.transport, loop_, network_options);
    if (!network) {
        why = "the network cannot be used (the log says why)";
        return network.error();
    }
    network_ = std::move(*network);
    if (options_.servers == 1) { return ok(); }
    network_options.seed = start_seed();
    auto peers = transport::make_transport(options_.transport, loop_, network_options);
    if (!peers) {
        why = "the network cannot be used for other servers (the log says why)";
        return peers.error();
    }
    peer_network_ = std::move(*peers);
    peer_addresses_ = std::make_unique<cluster::registry_resolver>(options_.registry_dir);
    return ok();
}

status node::parts::open_instance(std::string& why) {
    record_.id = static_cast<server_id>(options_.id);
    record_.servers = options_.servers;
    record_.cluster_id = cluster_.id;
    record_.address = network_->address();
    record_.process = cluster::this_process();
    record_.build = rpc::build_id();
    environment_ = std::make_unique<instance_environment>(
        instance_environment{loop_,
                             ring_.get(),
                             *network_,
                             cluster::identity_of(cluster_),
                             cluster_.placement,
                             cluster_.chunk_size,
                             start_seed() | 1,
                             {peer_network_.get(), peer_addresses_.get()}});
    auto opened = loop_.run(instance::open(*environment_, options_));
    if (!opened) {
        why = "the store in '" + options_.data_dir +
              "' cannot be opened: " + std::string(message(opened.error())) + " (the log says more)";
        return opened.error();
    }
    instance_ = std::move(*opened);
    if (!has_store()) { return ok(); }
    if (const status kept = cluster::keep_store_cluster(options_.data_dir, cluster_.id); !kept) {
        BFS_LOG_WARN("server", "'%s' does not tell of which cluster its store is: %s",
                     options_.data_dir.c_str(), message(kept.error()).data());
    }
    return ok();
}

status node::parts::start(std::string& why) {
    BFS_CHECK(validate(options_, why));
    // Before the network library starts threads of its own: they inherit the blocked signals.
    result<uring::signal_watch> signals = uring::signal_watch::open(uring::stop_signals());
    if (!signals) {
        why = "signals cannot be watched: " + std::string(message(signals.error()));
        return signals.error();
    }
    signals_.emplace(std::move(*signals));
    BFS_CHECK(open_network(why));
    BFS_CHECK(open_instance(why));
    if (options_.warm) {
        if (const status warmed = loop_.run(warm_up(*this)); !warmed) {
            why = "its memory could not be made ready (--warm): " + std::string(message(warmed.error()));
            (void)loop_.run(instance_->stop());
            return warmed;
        }
    }
    const status published = cluster::publish(options_.registry_dir, record_, why);
    if (!published) {
        (void)loop_.run(instance_->stop());
        return published;
    }
    BFS_LOG_INFO("server", "server %u of %u serves, engine %.*s, chunks of %u bytes", options_.id,
                 options_.servers, static_cast<int>(instance_->store().name().size()),
                 instance_->store().name().data(), cluster_.chunk_size);
    return ok();
}

task<status> node::parts::warm_up(parts& self) {
    while (self.instance_->store().stats().bytes_warm < self.options_.memory_ahead) {
        const std::uint64_t before = self.instance_->store().stats().bytes_warm;
        BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(20)));
        if (self.instance_->store().stats().bytes_warm == before) { break; } // the limit is lower
    }
    co_return ok();
}

task<status> node::parts::wait_for_signal(parts& self) {
    BFS_CO_TRY(const int number, co_await self.signals_->wait(*self.ring_));
    BFS_LOG_INFO("server", "signal %d: stopping", number);
    self.stop_.set();
    co_return ok();
}

task<status> node::parts::keep_address(parts& self) {
    task<status> keeping = keep_announced(*self.ring_, self.options_.registry_dir, self.record_);
    const status kept = co_await std::move(keeping);
    if (kept.error() == errc::address_in_use) {
        self.stopped_by_ = kept;
        self.stop_.set();
    }
    co_return ok();
}

/// The metrics file, until the server stops. A full disk is no reason to stop serving.
task<status> node::parts::write_metrics(parts& self) {
    errc last = errc::ok;
    while (true) {
        runtime::task<status> writing = write_stats_file(*self.ring_, self.options_.metrics_file,
                                                         prometheus_text(self.instance_->statistics()));
        const status written = co_await std::move(writing);
        if (!written && written.error() != last && !self.stop_.is_set()) {
            BFS_LOG_WARN("server", "the metrics file %s cannot be written: %s",
                         self.options_.metrics_file.c_str(), message(written.error()).data());
        }
        last = written.error();
        BFS_CO_CHECK(co_await runtime::sleep_for(self.options_.metrics_interval));
    }
}

task<status> node::parts::serve(parts& self) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    scope.spawn(wait_for_signal(self));
    scope.spawn(keep_address(self));
    if (!self.options_.metrics_file.empty()) { scope.spawn(write_metrics(self)); }
    (void)co_await self.stop_.wait();
    cluster::withdraw(self.options_.registry_dir, self.record_);
    scope.request_stop();
    (void)co_await scope.join(); // the watcher's end is the reason of the stop, not a failure
    const status stopped = co_await self.instance_->stop();
    co_return self.stopped_by_ ? stopped : self.stopped_by_;
}

node::node(std::unique_ptr<parts> p) noexcept : parts_(std::move(p)) {}
node::~node() = default;

result<std::unique_ptr<node>> node::start(const server_options& options, std::string& why) {
    auto made = std::make_unique<parts>(options);
    BFS_CHECK(made->start(why));
    return std::unique_ptr<node>(new node(std::move(made)));
}

int node::run() { return parts_->run(); }
void node::stop() noexcept { parts_->stop(); }
std::string node::address() const { return parts_->address(); }

} // namespace benchfs::server
