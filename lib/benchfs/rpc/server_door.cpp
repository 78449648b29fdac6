// Who may come in: hello, the proof of the secret, and the beginning and end of a session.
//
// A connection that is refused hears why and is closed; what it has sent besides is not looked at.
#include "benchfs/base/log.hpp"
#include "benchfs/rpc/server.hpp"

#include <algorithm>

namespace benchfs::rpc {
namespace {

constexpr std::uint32_t longest_retry_ms = 3'600'000;
constexpr auto warning_pause = std::chrono::seconds(1);

} // namespace

void server::peer_state::on_timer() noexcept {
    BFS_LOG_DEBUG("rpc", "%s has not joined in time; closing its connection", connection->describe().c_str());
    connection->close(errc::timed_out);
}

/// A connection that has proved nothing has a little time for it, and less when too many come.
void server::let_wait(peer_state& p) noexcept {
    loop_.arm(p, loop_.now() + settings_.join_within);
    if (stranger_count_ >= settings_.max_strangers) {
        peer_state& oldest = *strangers_.front().self;
        warn_of_stranger(*oldest.connection, "too many others come that have not joined either");
        no_stranger(oldest);
        oldest.connection->close(errc::try_again);
    }
    p.place.self = &p;
    strangers_.push_back(p.place);
    ++stranger_count_;
}

void server::no_stranger(peer_state& p) noexcept {
    if (!p.place.linked()) { return; }
    p.place.unlink();
    --stranger_count_;
}

/// Strangers can come as often as they like; the log must not fill for it.
void server::warn_of_stranger(const transport::connection& c, const char* what) noexcept {
    if (loop_.now() < next_warning_) {
        ++unsaid_warnings_;
        return;
    }
    next_warning_ = loop_.now() + warning_pause;
    BFS_LOG_WARN("rpc", "refused %s and closed its connection: %s (%llu others since the last such line)",
                 c.describe().c_str(), what,
                 static_cast<unsigned long long>(std::exchange(unsaid_warnings_, 0)));
}

/// Hello or join, of a peer that has proved nothing yet.
void server::meet(peer_state& p, server_call& call) noexcept {
    ++stats_[call.method_->id].calls;
    const status met = call.method_ == &hello::info ? greet(p, call) : admit(p, call);
    ended(call, met);
    if (!met) { p.connection->close(met.error()); } // the answer leaves first
}

status server::greet(peer_state& p, server_call& call) {
    const transport::connection& c = *p.connection;
    // The version first: of another one nothing else is known, not even the size.
    std::uint32_t protocol = 0;
    if (!load(call.body_, protocol) || call.payload_size() != 0) {
        warn_of_stranger(c, "its hello is damaged");
        return errc::bad_frame;
    }
    if (protocol != protocol_version) {
        const std::string what = "it speaks protocol " + std::to_string(protocol) + ", this server " +
                                 std::to_string(protocol_version) + ": use the same release on both sides";
        warn_of_stranger(c, what.c_str());
        return errc::protocol_mismatch;
    }
    if (call.body_.size() != sizeof(hello::request) || p.owner != nullptr || p.before != nullptr) {
        warn_of_stranger(c, "its hello is damaged, or not its first one");
        return errc::bad_frame;
    }
    const auto asked = call.request<hello>();
    if (asked.cluster_id[0] != identity_.id[0] || asked.expected_server != settings_.server_id) {
        warn_of_stranger(c, "it looks for another cluster or server: its registry is stale");
        return errc::wrong_cluster;
    }
    if (asked.cluster_id[1] != identity_.id[1]) {
        warn_of_stranger(
            c, "it knows this cluster with other servers, chunks or placement: the registry was changed "
               "while servers ran");
        return errc::wrong_cluster;
    }
    auto both = std::make_unique<introduction>();
    both->client = asked;
    both->server.server = settings_.server_id;
    const result<nonce> once = fresh_nonce(identity_);
    if (!once) {
        BFS_LOG_ERROR("rpc", "the kernel gives no random bytes: %s", message(once.error()).data());
        return once.error();
    }
    both->server.once = *once;
    both->server.build = build_on_wire();
    p.before = std::move(both);
    call.reply<hello>(p.before->server);
    return ok();
}

status server::admit(peer_state& p, server_call& call) {
    const transport::connection& c = *p.connection;
    if (call.body_.size() != sizeof(join::request) || call.payload_size() != 0 || p.before == nullptr) {
        warn_of_stranger(c, "its request to join is damaged, or not the first after its hello");
        return errc::bad_frame;
    }
    const auto asked = call.request<join>();
    const std::unique_ptr<introduction> before = std::move(p.before); // a nonce serves once
    if (!proved(identity_, *before, asked)) {
        warn_of_stranger(c, "it does not know the secret of this cluster");
        return errc::not_permitted;
    }
    if (const status opened = open_session(p, asked); !opened) {
        const bool full = opened.error() == errc::try_again;
        warn_of_stranger(c, full ? "all sessions of this server are in use"
                                 : "its session has a newer connection");
        return opened.error();
    }
    if (asked.server != join::no_server) { meet_server(p, asked.server); }
    p.cancel();
    no_stranger(p);
    p.connection->trust();
    if (log_ != nullptr) { log_->session_begun(*p.owner); }
    if (const std::string_view build = build_of(before->client.build); builds_.first_other(build)) {
        BFS_LOG_WARN("rpc", "%s is build %.*s, this server %.*s; they speak the same protocol, %u",
                     c.describe().c_str(), static_cast<int>(build.size()), build.data(),
                     static_cast<int>(build_id().size()), build_id().data(), protocol_version);
    }

    join::reply reply;
    reply.incarnation = p.owner->incarnation;
    reply.loss_mark = settings_.loss_mark;
    reply.server_count = settings_.server_count;
    reply.chunk_size = settings_.chunk_size;
    reply.checksums = settings_.checksums ? 1 : 0;
    reply.part_bytes = settings_.part_bytes;
    sign(identity_, *before, asked, reply);
    call.reply<join>(reply);
    return ok();
}

/// What an earlier process of this server has sent is not looked at any more.
void server::meet_server(peer_state& p, std::uint32_t server) {
    if (server >= settings_.server_count) { return; }
    p.number = static_cast<server_id>(server);
    p.process = &server_peers_[server];
    session* const before = sessions_.find(p.process->joined(p.owner->id));
    if (before != nullptr && before->connection != nullptr) { before->connection->close(errc::peer_down); }
}

/// The session of this number, new or found again, becomes this connection's.
status server::open_session(peer_state& p, const join::request& asked) {
    session* s = sessions_.open(asked.session);
    if (s == nullptr) {
        expire_sessions();
        s = sessions_.open(asked.session);
    }
    if (s == nullptr) { return errc::try_again; }
    if (asked.generation <= s->generation && s->generation != 0) { return errc::stale_epoch; }
    s->generation = asked.generation;
    if (s->incarnation == 0) { s->incarnation = settings_.incarnation + 2 * sessions_begun_++; }
    // A reconnect: what the old connection still carries must not come in after this.
    if (s->connection != nullptr) {
        if (s->connection->user != nullptr) { static_cast<peer_state*>(s->connection->user)->owner = nullptr; }
        s->connection->close(errc::peer_down);
    }
    s->connection = p.connection;
    s->keep_for =
        std::chrono::milliseconds(std::min(asked.retry_for_ms, longest_retry_ms)) + settings_.session_grace;
    p.owner = s;
    // What a restart found in the log has an end, too, when nobody comes back for it.
    if (!expiry_.armed()) { loop_.arm(expiry_, loop_.now() + settings_.session_grace); }
    return ok();
}

/// The client goes for good: it will repeat nothing.
status server::leave(peer_state& p, server_call& call) {
    if (call.request<goodbye>().session != p.owner->id) { return errc::invalid_argument; }
    session& s = *std::exchange(p.owner, nullptr);
    s.for_each_running([](server_call& running) { running.kept_ = nullptr; });
    if (log_ != nullptr) { log_->session_ended(s.id); }
    sessions_.close(s.id);
    call.reply<goodbye>({});
    return ok();
}

} // namespace benchfs::rpc
