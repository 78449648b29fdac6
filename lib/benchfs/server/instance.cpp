#include "benchfs/server/instance.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/growth.hpp"
#include "benchfs/server/loss_mark.hpp"
#include "benchfs/server/lost_chunks.hpp"
#include "benchfs/server/recovery.hpp"
#include "benchfs/server/reservations.hpp"
#include "benchfs/server/stripes.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

// Ids that a start takes for itself, durably, before it serves. After so many creations without any sync in
// between the next ones could be given out again by a power failure.
constexpr std::uint64_t ids_at_start = std::uint64_t{1} << 20;
constexpr std::uint64_t log_files = 16; // that a log of its full size has, or more

[[nodiscard]] storage::store_options store_options_of(const server_options& options) {
    storage::store_options s;
    s.data_dir = options.data_dir;
    s.memory_limit = options.memory_limit;
    s.memory_ahead = options.memory_ahead;
    s.log_capacity = options.log_size;
    s.log_segment = std::min<std::uint64_t>(s.log_segment, options.log_size / log_files);
    s.direct = storage::direct_io::automatic;
    if (options.direct == "on") { s.direct = storage::direct_io::on; }
    if (options.direct == "off") { s.direct = storage::direct_io::off; }
    return s;
}

} // namespace

task<result<std::unique_ptr<instance>>> instance::open(instance_environment& environment,
                                                       server_options options) {
    if (!metadata::valid_chunk_size(environment.chunk_size)) {
        BFS_LOG_ERROR("server",
                      "a chunk size of %u bytes: it must be a multiple of 4096 between 4 KiB and 64 MiB",
                      environment.chunk_size);
        co_return errc::bad_config;
    }
    std::unique_ptr<instance> made(new instance);
    BFS_CO_TRY(made->placement_, cluster::make_placement(environment.placement, options.servers));
    BFS_CO_CHECK(co_await made->open_state(environment, options));

    made->state_.reset(new service_state{environment.loop, *made->names_, *made->store_, *made->placement_,
                                         made->journal_, made->notes_, static_cast<server_id>(options.id),
                                         environment.now});
    made->open_agreements(environment);

    rpc::server_settings settings;
    settings.server_id = options.id;
    settings.server_count = options.servers;
    settings.chunk_size = environment.chunk_size;
    settings.checksums = made->store_->checksummed();
    settings.part_bytes = made->store_->part_bytes();
    settings.incarnation = environment.incarnation;
    settings.loss_mark = made->loss_mark_;
    settings.planted = environment.planted;
    made->server_ =
        std::make_unique<rpc::server>(environment.loop, environment.network, environment.identity, settings);
    made->state_->requests = made->server_.get();
    register_metadata_methods(*made->server_, *made->state_);
    register_symlink_methods(*made->server_, *made->state_);
    register_rename_methods(*made->server_, *made->state_);
    register_data_methods(*made->server_, *made->state_);
    register_agreement_methods(*made->server_, *made->state_);
    register_inventory_method(*made->server_, *made->state_);
    register_repair_method(*made->server_, *made->state_);
    register_trace_methods(*made->server_, *made->state_);
    if (made->store_->log() != nullptr) { made->journal_.attach(*made->server_); }
    const stats_sources sources{*made->server_, *made->state_, environment.loop, options.servers,
                                environment.loop.now()};
    made->statistics_ = std::make_unique<stats_sources>(sources);
    register_stats_methods(*made->server_, *made->statistics_);
    if (made->peers_) {
        made->background_->spawn(agreements::finish_resumed(*made->agreements_));
        made->background_->spawn(stripes::compare(*made->stripes_));
    }
    co_return std::move(made);
}

/// What this server agrees on with others, as far as its log tells.
void instance::open_agreements(instance_environment& environment) {
    service_state& state = *state_;
    background_context_ = {&environment.loop, time_point::max(), nullptr};
    background_ = std::make_unique<runtime::task_scope>(background_context_, false);
    state.background = background_.get();
    if (!state.alone()) {
        BFS_ASSERT(environment.peers.network != nullptr && environment.peers.addresses != nullptr);
        peers_ = std::make_unique<peers>(environment.loop, environment.peers, environment.identity,
                                         mix64(environment.incarnation), state.self);
        state.others = peers_.get();
    }
    directories_ = std::make_unique<directories>(state);
    state.dirs = directories_.get();
    if (state.self == server_id{0}) {
        directory_log_ = std::make_unique<directory_log>(state, environment.incarnation);
        state.dir_log = directory_log_.get();
    }
    duties_ = std::make_unique<duties>(state);
    state.owed = duties_.get();
    agreements_ = std::make_unique<agreements>(state);
    state.agreed = agreements_.get();
    reservations_ = std::make_unique<reservations>(state);
    state.reserved = reservations_.get();
    stripes_ = std::make_unique<stripes>(state);
    state.striped = stripes_.get();
    lost_chunks_ = std::make_unique<lost_chunks>(state);
    state.missing = lost_chunks_.get();
    lost_chunks_->resume();
    agreements_->resume();
    reservations_->resume();
    stripes_->resume();
    duties_->resume();
    fence_appends(state);
}

/// Opens the store and brings back what its log tells.
task<status> instance::open_state(instance_environment& environment, const server_options& options) {
    metadata::name_space_options names;
    names.self = static_cast<server_id>(options.id);
    names.chunk_size = environment.chunk_size;
    names.now_ns = environment.now();
    names_ = std::make_unique<metadata::name_space>(names, journal_);
    journal_.recover_into(*names_, notes_, options.servers);

    storage::store_environment on{environment.loop, environment.ring, environment.open_disk};
    store_environment_ = std::make_unique<storage::store_environment>(on);
    const std::string engine(options.engine_name());
    storage::store_options wanted = store_options_of(options);
    wanted.server = options.id;
    wanted.servers = options.servers;
    wanted.store_id = environment.incarnation;
    wanted.recovered = &journal_;
    if (environment.tune_store) { environment.tune_store(wanted); }
    BFS_CO_TRY(store_, co_await storage::open_store(engine, *store_environment_, std::move(wanted)));
    if (environment.wrap_store) { store_ = environment.wrap_store(std::move(store_)); }
    // Not whether there is a log: one that was begun may have no change in it yet.
    const bool empty = loss_mark::missing(notes_) && names_->counts().files == 0 && store_->stats().chunks == 0;
    if (empty) {
        // Ids must not come again: others may hold those of an earlier store, and chunks of its files. So each
        // store that begins empty takes its own range; that of the memory engine does with each start.
        names_->replay().ids_reserved((environment.incarnation & 0x7fffff) << 24 | 2);
    }
    const auto stage = [&](duty_kind what) {
        duties::stage_for_all(what, environment.incarnation, *names_, notes_, names.self, options.servers);
    };
    if (store_->log() == nullptr) {
        if (names.self == server_id{0}) { directory_log::begin_numbers(notes_, environment.now()); }
        stage(duty_kind::begins_empty);
        loss_mark_ = environment.incarnation; // all that there was
        co_return ok();
    }
    journal_.begin(*store_->log());
    const loss_mark::found start =
        loss_mark::take_up(notes_, store_->log()->power_cycle(), environment.incarnation);
    loss_mark_ = start.mark;
    status finished = co_await finish_removals(*names_, *store_, names.self);
    // Ids that are given out must not come again after a power failure either, when nothing else was synced.
    names_->state().ids.reserve(journal_, ids_at_start);
    if (empty) {
        stage(duty_kind::begins_empty);
    } else if (start.lost) {
        stage(duty_kind::compare_copies); // other servers ask about the files of which they have chunks
    }
    if (names.self == server_id{0}) { directory_log::begin_numbers(notes_, environment.now()); }
    if (finished) { finished = journal_.write(); }
    if (finished) { finished = co_await store_->sync(); }
    if (!finished) { (void)co_await store_->close(); }
    co_return finished;
}

instance::~instance() = default;

task<status> instance::stop() {
    background_->request_stop(errc::shutting_down);
    if (peers_) { co_await peers_->close(); }
    co_await server_->stop();
    (void)co_await background_->join();
    // Where the log is full it is left out: a start in another power cycle then takes something for lost.
    if (storage::wal* log = store_->log(); log != nullptr && log->admit(true)) { loss_mark::stopped(notes_); }
    co_return co_await store_->close();
}

} // namespace benchfs::server
