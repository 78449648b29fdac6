// What UCX hands over: the prefix of active messages, hellos, and addresses.
#include "target.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/transport/ucx/wire.hpp"

#include <algorithm>

namespace benchfs::fuzz {
namespace {

using namespace transport::ucx;

void run_wire(const_byte_span input) {
    source from(input);
    const auto payload = from.take<std::uint32_t>();
    const const_byte_span rest = from.rest();
    wire_prefix prefix;
    if (decode(rest, payload, prefix)) {
        BFS_ASSERT(rest.size() >= sizeof(prefix) && rest.size() <= wire_header_max);
        BFS_ASSERT(payload <= transport::max_payload);
    }
    hello_view hello;
    if (decode_hello(rest, hello)) {
        BFS_ASSERT(!hello.address.empty() && hello.address.size() <= address_max);
        BFS_ASSERT(hello.live.size() % 8 == 0 && hello.live.size() <= live_max * 8);
        (void)hello.is_live(payload);
    }
    const const_byte_span address = unwrap_address(rest);
    if (!address.empty()) { BFS_ASSERT(std::ranges::equal(wrap_address(address), rest)); }
    // Whatever the address: wrapped and unwrapped it is the same, or refused for its size.
    const byte_string wrapped = wrap_address(rest);
    const const_byte_span back = unwrap_address(wrapped);
    BFS_ASSERT(back.empty() || std::ranges::equal(back, rest));
}

std::vector<byte_string> wire_corpus() {
    std::vector<byte_string> all;
    const auto with_size = [&](std::uint32_t payload, const_byte_span rest) {
        all.push_back(sink().put(payload).put_bytes(rest).bytes());
    };
    for (std::uint8_t kind = 1; kind <= static_cast<std::uint8_t>(wire_kind::upgrade_go); ++kind) {
        wire_prefix prefix;
        prefix.kind = kind;
        prefix.to = kind == 1 ? 0 : 7;
        prefix.extra = 9;
        with_size(kind == 3 ? 4096 : 0, bytes_of(prefix));
    }
    const byte_string address = wrap_address(byte_string(100, std::byte{3}));
    with_size(0, address);
    const std::vector<std::uint64_t> live{1, 2, 3};
    with_size(2, encode_hello(live, true, address));
    with_size(2, encode_hello({}, false, address));
    return all;
}

} // namespace

const target wire_target{"wire", "the prefix of active messages, hellos and addresses of the network transport",
                         run_wire, wire_corpus, 20000};

} // namespace benchfs::fuzz
