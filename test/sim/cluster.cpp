#include "cluster.hpp"

#include "swapped_store.hpp"

namespace benchfs::sim {

using runtime::task;

sim_cluster::sim_cluster(world& w, const cluster_plan& settings)
    : world_(w), nonces_(w.random().next()), settings_(settings), network_(w) {
    placement_ = std::move(*benchfs::cluster::make_placement({}, settings.servers));
    for (unsigned i = 0; i < settings.servers; ++i) {
        servers_.push_back(std::make_unique<machine>(w));
        servers_.back()->disk.faults.byte_budget = settings.disk_bytes;
        servers_.back()->disk.faults.skip_sync_percent = settings.skip_sync_percent;
        servers_.back()->disk.faults.copies_percent = settings.copies_percent;
    }
    rpc::address_resolver& self = *this;
    for (unsigned i = 0; i < settings.clients; ++i) {
        auto c = std::make_unique<client>();
        c->at = std::make_unique<host>(network_);
        rpc::client_settings s;
        s.seed = w.random().next();
        s.repeat_as_new = settings.repeat_as_new;
        c->calls = std::make_unique<rpc::client>(w.loop(), *c->at, self, identity(), s);
        c->fs = std::make_unique<file_system>(*c->calls, *placement_, file_system_settings{});
        clients_.push_back(std::move(c));
    }
}

sim_cluster::~sim_cluster() = default;

task<result<std::vector<std::byte>>> sim_cluster::address_of(server_id id) {
    co_await world_.rest(world_.between(1us, 1ms)); // the shared directory
    machine& m = *servers_[index(id)];
    if (m.process != nullptr) { co_return m.process->at->address(); }
    if (m.last_address.empty() || world_.chance(50)) { co_return errc::no_server; }
    co_return m.last_address; // nobody has removed the dead server's file yet
}

task<status> sim_cluster::start(unsigned number) {
    machine& m = *servers_[number];
    auto p = std::make_unique<process>();
    p->at = std::make_unique<host>(network_);
    p->calling = std::make_unique<host>(network_);
    p->environment = std::make_unique<server::instance_environment>(server::instance_environment{
        world_.loop(), nullptr, *p->at, identity(), {}, settings_.chunk_size, world_.random().next() | 1});
    p->environment->peers.network = p->calling.get();
    p->environment->peers.addresses = this;
    p->environment->now = &world::wall_clock;
    p->environment->planted = settings_.planted;
    p->environment->open_disk = [&m](const std::string&) { return std::make_unique<sim_disk>(m.disk); };
    p->environment->tune_store = [this](storage::store_options& o) {
        o.segment_size = settings_.data_bytes != 0 ? 1 * MiB : 2 * MiB;
        o.disk_capacity = settings_.data_bytes;
        o.log_segment = settings_.log_segment;
        o.log_capacity = settings_.log_segments * settings_.log_segment;
    };
    if (settings_.swap_chunks) {
        p->environment->wrap_store = [this](std::unique_ptr<storage::chunk_store> store) {
            return make_swapped_store(std::move(store), [this] { return world_.chance(2); });
        };
    }
    server_options options;
    options.engine = settings_.engine;
    options.data_dir = "simulated";
    options.id = number;
    options.servers = settings_.servers;
    options.memory_limit = settings_.memory_limit;
    options.memory_ahead = 0;
    task<result<std::unique_ptr<server::instance>>> opening = server::instance::open(*p->environment, options);
    auto opened = co_await std::move(opening);
    if (!opened) {
        co_await p->calling->stop();
        co_await p->at->stop();
        co_return opened.error();
    }
    p->instance = std::move(*opened);
    m.last_address = p->at->address();
    m.process = std::move(p);
    world_.note("up", number);
    co_return ok();
}

task<status> sim_cluster::start_at_last(unsigned number, unsigned deaths_percent, bool power) {
    disk_image& disk = servers_[number]->disk;
    while (world_.chance(deaths_percent)) {
        const std::uint64_t life = disk.life;
        world_.after(world_.between(1us, 10ms), [this, number, power, life] {
            machine& m = *servers_[number];
            if (m.process != nullptr || m.disk.life != life) { return; } // it was faster
            world_.note("dies", number, power ? 1 : 0);
            power ? m.disk.lose_power() : m.disk.kill();
        });
        task<status> starting = start(number);
        const status started = co_await std::move(starting);
        if (started || disk.life == life) { co_return started; }
    }
    task<status> starting = start(number);
    co_return co_await std::move(starting);
}

task<status> sim_cluster::bury(std::unique_ptr<process> p) {
    (void)co_await p->instance->stop();
    p->instance.reset();
    co_return ok();
}

void sim_cluster::crash(unsigned number, bool power, runtime::task_scope& scope) {
    machine& m = *servers_[number];
    world_.note("crash", number, power ? 1 : 0);
    if (power) {
        m.disk.lose_power();
    } else {
        m.disk.kill();
    }
    m.process->at->crash();
    m.process->calling->crash();
    scope.spawn(bury(std::move(m.process)));
}

task<void> sim_cluster::stop() {
    for (auto& c : clients_) { co_await c->calls->close(); }
    for (auto& m : servers_) {
        if (m->process == nullptr) { continue; }
        (void)co_await m->process->instance->stop();
        m->process.reset();
    }
}

} // namespace benchfs::sim
