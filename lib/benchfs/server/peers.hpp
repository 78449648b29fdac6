// The other servers, as this one calls them. Connections are made when they are first needed.
#pragma once

#include "benchfs/rpc/client.hpp"

#include <optional>
#include <string>

namespace benchfs::server {

/// What a server needs to call others: a transport of its own, because the one it answers on has the answering
/// side as its receiver, and a way to find them. Both outlive it.
struct peer_environment {
    transport::transport* network = nullptr;
    rpc::address_resolver* addresses = nullptr;
};

/// Whether the other server decided: anything else than its own yes or no leaves open what it did.
[[nodiscard]] constexpr bool undecided(errc e) noexcept {
    switch (e) {
    case errc::peer_down:
    case errc::timed_out:
    case errc::outcome_unknown:
    case errc::no_server:
    case errc::try_again:
    case errc::cancelled:
    case errc::shutting_down:
    case errc::io_error:
    case errc::not_permitted:
    case errc::wrong_cluster:
    case errc::protocol_mismatch:
    case errc::bad_frame:
        return true;
    default:
        return false;
    }
}

/// Answers that a request may get before anybody has looked whether it was there already.
[[nodiscard]] constexpr bool refused_at_the_door(errc e) noexcept {
    return e == errc::try_again || e == errc::no_space;
}

/// Of what was asked once: nobody answered, and nothing has happened.
[[nodiscard]] constexpr bool never_asked(errc e) noexcept {
    return e == errc::peer_down || e == errc::timed_out || e == errc::no_server || e == errc::try_again;
}

class peers {
public:
    peers(runtime::loop& loop, const peer_environment& on, const rpc::cluster_identity& identity,
          std::uint64_t seed, server_id self)
        : client_(loop, *on.network, *on.addresses, identity, settings_of(seed, self)) {}

    /// Calls another server; never this one itself. Nobody answered and nothing has happened: never_asked();
    /// nobody answered and it may have happened: outcome_unknown. Who did not answer goes to `silent`.
    template <rpc::rpc_method M>
    [[nodiscard]] runtime::task<result<typename M::reply>> call(server_id to, typename M::request request,
                                                                std::string tail = {},
                                                                std::optional<server_id>* silent = nullptr) {
        rpc::call_end end;
        rpc::call_extra extra;
        extra.tail = std::as_bytes(std::span(tail));
        extra.end = &end;
        runtime::task<result<typename M::reply>> calling = client_.call<M>(to, request, extra);
        result<typename M::reply> answer = co_await std::move(calling);
        if (answer) { co_return std::move(answer); }
        if (silent != nullptr && end.silent) { *silent = end.silent; }
        const bool open = (end.sent && !end.answered && never_asked(answer.error())) ||
                          (end.lost && refused_at_the_door(answer.error()));
        co_return open ? errc::outcome_unknown : answer.error();
    }
    [[nodiscard]] rpc::client& client() noexcept { return client_; }
    [[nodiscard]] runtime::task<void> close() { return client_.close(); }

private:
    // Shorter than what clients wait: they are to hear why they got no answer.
    [[nodiscard]] static rpc::client_settings settings_of(std::uint64_t seed, server_id self) noexcept {
        rpc::client_settings s;
        s.deadline = std::chrono::seconds(4);
        s.retry_for = std::chrono::seconds(1);
        s.seed = seed;
        s.server = static_cast<std::uint32_t>(index(self));
        return s;
    }

    rpc::client client_;
};

} // namespace benchfs::server
