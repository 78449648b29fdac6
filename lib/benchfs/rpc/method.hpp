// What a method is: one struct per method with its number, its class, and its request and reply.
//
//     struct ping {
//         static constexpr method_info info{2, "ping", idempotency::pure, bulk::none};
//         struct request { std::uint64_t value; };
//         struct reply { std::uint64_t value; };
//     };
//
// Requests and replies are wire structs; what varies in length (names) follows as a tail of at most `tail_max`
// bytes. Numbers are never reused. methods.hpp is the table of all of them.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace benchfs::rpc {

enum class idempotency : std::uint8_t {
    pure,         // reads only: may be repeated at any time
    repeatable,   // changes something, but twice is as good as once
    at_most_once, // a repeat must be recognised by its session and sequence
};

enum class bulk : std::uint8_t { none, to_server, to_client };

struct method_info {
    std::uint16_t id = 0;
    std::string_view name;
    idempotency repeat = idempotency::pure;
    bulk payload = bulk::none;
    std::uint16_t request_tail_max = 0;
    std::uint16_t reply_tail_max = 0;
};

template <class M>
concept rpc_method = wire_struct<typename M::request> && wire_struct<typename M::reply> &&
                     requires { static_cast<const method_info&>(M::info); };

/// Numbers are below this, so that tables can be arrays.
inline constexpr std::uint16_t method_limit = 64;

} // namespace benchfs::rpc
