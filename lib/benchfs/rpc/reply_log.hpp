// Where a server whose state survives it writes what it answers.
//
// Everything that a request changed, and the reply of a mutation, is written before the reply leaves: a repeat
// that comes after a restart is answered like one that comes before.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/rpc/method.hpp"

#include <cstdint>

namespace benchfs::rpc {

class session;

class reply_log {
public:
    /// A request that may change something is about to run; an error is its answer.
    [[nodiscard]] virtual status admit(const method_info& method) noexcept = 0;
    /// Whether anything has changed since the last write().
    [[nodiscard]] virtual bool pending() const noexcept = 0;
    /// The session is new, or its connection is.
    virtual void session_begun(const session& s) = 0;
    virtual void session_ended(std::uint64_t id) = 0;
    /// The reply (frame and body) that a repeat of this mutation gets.
    virtual void replied(std::uint64_t session, std::uint64_t sequence, const method_info& method,
                         const_byte_span reply) = 0;
    /// Writes everything since the last write(); after ok it survives the process. An error becomes the answer;
    /// outcome_unknown: there is no room now, but what has changed stays, and a later write() has it, too.
    [[nodiscard]] virtual status write() = 0;

protected:
    ~reply_log() = default;
};

} // namespace benchfs::rpc
