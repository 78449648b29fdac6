#include "benchfs/rpc/peer.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/rpc/client.hpp"

#include <utility>

namespace benchfs::rpc {

runtime::task<status> peer::connect() {
    if (up()) { co_return ok(); }
    BFS_CO_TRY(auto turn, co_await connecting_.lock());
    if (up()) { co_return ok(); } // somebody else's attempt succeeded while we waited
    BFS_CO_TRY(auto address, co_await owner_.resolver().address_of(id_));
    BFS_CO_TRY(auto* made, co_await owner_.transport().connect(std::move(address)));
    made->user = this;
    connection_ = made;
    greeted_ = false;
    ++generation_;
    const status greeted = co_await greet();
    if (!greeted) {
        // Its end is heard of later, maybe when there is another connection already: it is nobody's from now
        // on.
        if (connection_ != nullptr) {
            connection_->user = nullptr;
            std::exchange(connection_, nullptr)->close(greeted.error());
        }
        co_return greeted.error();
    }
    co_return ok();
}

template <rpc_method M>
call_spec peer::spec_of(const typename M::request& request, typename M::reply& reply,
                        time_point now) const noexcept {
    call_spec spec;
    spec.method = &M::info;
    spec.request = bytes_of(request);
    spec.reply = std::as_writable_bytes(std::span(&reply, 1));
    spec.deadline = now + owner_.options().deadline;
    return spec;
}

/// Says hello and joins, on a connection that was just made.
runtime::task<status> peer::greet() {
    introduction both;
    both.client.expected_server = static_cast<std::uint32_t>(id_);
    both.client.cluster_id = owner_.identity().id;
    const result<nonce> once = fresh_nonce(owner_.identity());
    if (!once) {
        BFS_LOG_ERROR("rpc", "the kernel gives no random bytes: %s", message(once.error()).data());
        co_return once.error();
    }
    both.client.once = *once;
    both.client.build = build_on_wire();

    runtime::call_context& context = co_await runtime::current_context();
    const call_spec spec = spec_of<hello>(both.client, both.server, context.owner->now());
    call_operation call(*this, spec);
    if (const errc answer = co_await call; answer != errc::ok) {
        BFS_LOG_DEBUG("rpc", "server %u refused our hello: %s", static_cast<unsigned>(id_),
                      name(answer).data());
        co_return answer;
    }
    if (both.server.protocol != protocol_version) { co_return errc::protocol_mismatch; }
    if (both.server.server != both.client.expected_server) { co_return errc::wrong_cluster; }
    BFS_CO_CHECK(co_await join_server(both));
    build_ = both.server.build;
    if (owner_.builds().first_other(build())) {
        BFS_LOG_WARN("rpc", "server %u is build %.*s, this is %.*s; they speak the same protocol, %u",
                     static_cast<unsigned>(id_), static_cast<int>(build().size()), build().data(),
                     static_cast<int>(build_id().size()), build_id().data(), protocol_version);
    }
    if (connection_ == nullptr) { co_return errc::peer_down; }
    BFS_CO_CHECK(co_await connection_->upgrade());
    if (connection_ == nullptr) { co_return errc::peer_down; }
    greeted_ = true;
    BFS_LOG_DEBUG("rpc", "connected to server %u, messages go by %.*s", static_cast<unsigned>(id_),
                  static_cast<int>(path().size()), path().data());
    co_return ok();
}

/// The second half: `before` is the caller's, who waits.
runtime::task<status> peer::join_server(const introduction& before) {
    join::request request;
    request.session = session_;
    request.generation = generation_;
    request.retry_for_ms = owner_.retry_for_ms();
    request.server = owner_.options().server;
    sign(owner_.identity(), before, request);
    join::reply reply;
    runtime::call_context& context = co_await runtime::current_context();
    const call_spec spec = spec_of<join>(request, reply, context.owner->now());
    call_operation call(*this, spec);
    if (const errc answer = co_await call; answer != errc::ok) {
        BFS_LOG_DEBUG("rpc", "server %u does not let us join: %s", static_cast<unsigned>(id_),
                      name(answer).data());
        co_return answer;
    }
    // Whoever answers at that address may have found it in the registry like we did.
    if (!proved(owner_.identity(), before, request, reply)) {
        BFS_LOG_ERROR(
            "rpc",
            "what answers as server %u does not know the secret of this cluster: its registry was made anew, "
            "or it is none of ours; start it again with the same registry directory",
            static_cast<unsigned>(id_));
        co_return errc::not_permitted;
    }
    if (greeting_.incarnation != 0 && greeting_.incarnation != reply.incarnation) {
        BFS_LOG_INFO("rpc", "server %u was restarted", static_cast<unsigned>(id_));
    }
    greeting_ = reply;
    unsynced_.met(reply.loss_mark);
    co_return ok();
}

void peer::on_message(transport::message_ptr m) noexcept {
    const result<decoded> d = decode(m->header());
    if (!d || (d->head.flags & flag_reply) == 0) {
        BFS_LOG_WARN("rpc", "server %u sent what is not a reply; closing the connection",
                     static_cast<unsigned>(id_));
        close(errc::bad_frame);
        return;
    }
    call_operation** slot = pending_.find(d->head.call_id);
    if (slot == nullptr) { return; } // its caller gave up; the slot's generation has moved on
    call_operation* call = *slot;
    pending_.erase(d->head.call_id);
    call->on_reply(std::move(m), *d);
}

void peer::on_closed(errc reason) noexcept {
    connection_ = nullptr;
    greeted_ = false;
    pending_.for_each([&](slab_handle, call_operation* call) { call->on_lost(reason); });
}

} // namespace benchfs::rpc
