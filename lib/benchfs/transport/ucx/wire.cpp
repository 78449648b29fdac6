#include "benchfs/transport/ucx/wire.hpp"

#include "benchfs/base/hash.hpp"

namespace benchfs::transport::ucx {
namespace {

struct address_head {
    std::uint64_t magic = 0;
    std::uint64_t sum = 0;
};
constexpr std::uint64_t address_magic = 0x3178637573666265ULL;

struct hello_head {
    std::uint32_t live_count = 0; // or live_all
    std::uint32_t reserved = 0;
};
constexpr std::size_t hello_max =
    sizeof(hello_head) + live_max * sizeof(std::uint64_t) + sizeof(address_head) + address_max;

} // namespace

bool decode(const_byte_span header, std::size_t payload, wire_prefix& prefix) noexcept {
    if (header.size() > wire_header_max || !load(header, prefix)) { return false; }
    if (prefix.version != wire_version || prefix.reserved != 0) { return false; }
    const std::size_t rest = header.size() - sizeof(prefix);
    switch (static_cast<wire_kind>(prefix.kind)) {
    case wire_kind::message:
        return payload <= max_payload && prefix.to != 0 && (prefix.flags & ~flag_wants_reply) == 0;
    case wire_kind::hello:
        return rest == 0 && prefix.to == 0 && prefix.extra != 0 && payload != 0 && payload <= hello_max;
    case wire_kind::upgrade_offer:
        return payload == 0 && prefix.to != 0;
    case wire_kind::hello_ack:
    case wire_kind::doorbell:
    case wire_kind::bye:
    case wire_kind::upgrade_ask:
    case wire_kind::upgrade_no:
    case wire_kind::upgrade_ready:
    case wire_kind::upgrade_declined:
    case wire_kind::upgrade_go:
        return rest == 0 && payload == 0 && prefix.to != 0;
    }
    return false;
}

bool hello_view::is_live(std::uint64_t handle) const noexcept {
    if (!names_live) { return true; }
    for (std::size_t at = 0; at < live.size(); at += sizeof(handle)) {
        std::uint64_t named = 0;
        std::memcpy(&named, live.data() + at, sizeof(named));
        if (named == handle) { return true; }
    }
    return false;
}

std::vector<std::byte> encode_hello(std::span<const std::uint64_t> live, bool names_live,
                                    const_byte_span wrapped_address) {
    BFS_ASSERT(live.size() <= live_max);
    hello_head head;
    head.live_count = names_live ? static_cast<std::uint32_t>(live.size()) : live_all;
    const const_byte_span front = bytes_of(head);
    std::vector<std::byte> payload(front.begin(), front.end());
    const const_byte_span handles = std::as_bytes(live);
    if (names_live) { payload.insert(payload.end(), handles.begin(), handles.end()); }
    payload.insert(payload.end(), wrapped_address.begin(), wrapped_address.end());
    return payload;
}

bool decode_hello(const_byte_span payload, hello_view& hello) noexcept {
    hello_head head;
    if (payload.size() > hello_max || !load(payload, head) || head.reserved != 0) { return false; }
    const_byte_span rest = payload.subspan(sizeof(head));
    hello.names_live = head.live_count != live_all;
    hello.live = {};
    if (hello.names_live) {
        if (head.live_count > live_max) { return false; }
        const std::size_t bytes = head.live_count * sizeof(std::uint64_t);
        if (bytes > rest.size()) { return false; }
        hello.live = rest.first(bytes);
        rest = rest.subspan(bytes);
    }
    hello.address = unwrap_address(rest);
    return !hello.address.empty();
}

std::vector<std::byte> wrap_address(const_byte_span worker_address) {
    const address_head head{address_magic, hash64(worker_address, address_magic)};
    const const_byte_span front = bytes_of(head);
    std::vector<std::byte> wrapped(front.begin(), front.end());
    wrapped.insert(wrapped.end(), worker_address.begin(), worker_address.end());
    return wrapped;
}

const_byte_span unwrap_address(const_byte_span wrapped) noexcept {
    address_head head;
    if (wrapped.size() > address_max + sizeof(head) || !load(wrapped, head)) { return {}; }
    const const_byte_span inside = wrapped.subspan(sizeof(head));
    if (head.magic != address_magic || head.sum != hash64(inside, address_magic)) { return {}; }
    return inside;
}

} // namespace benchfs::transport::ucx
