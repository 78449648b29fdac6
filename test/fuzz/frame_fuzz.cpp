// The frame in front of every message: whatever passes its checks is encoded to the same bytes again.
#include "target.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/crc32c.hpp"
#include "benchfs/rpc/frame.hpp"

#include <algorithm>

namespace benchfs::fuzz {
namespace {

/// Makes the checksum right, so that what lies behind it is reached.
void repair(byte_string& header) {
    rpc::frame head;
    if (!load(const_byte_span(header), head)) { return; }
    head.crc = 0;
    std::memcpy(header.data(), &head, sizeof head);
    head.crc = crc32c(header);
    std::memcpy(header.data(), &head, sizeof head);
}

void check(const_byte_span header) {
    const result<rpc::decoded> d = rpc::decode(header);
    if (!d) { return; }
    rpc::header_buffer again;
    const bool in_session = (d->head.flags & rpc::flag_session) != 0;
    again.begin(d->head, in_session ? &d->session : nullptr);
    const bool fits = again.append(d->body);
    BFS_ASSERT(fits == (header.size() <= transport::max_header));
    if (!fits) { return; }
    again.finish();
    BFS_ASSERT(std::ranges::equal(again.bytes(), header));
}

void run_frame(const_byte_span input) {
    check(input);
    byte_string repaired(input.begin(), input.end());
    repair(repaired);
    check(repaired);
}

std::vector<byte_string> frame_corpus() {
    std::vector<byte_string> all;
    for (const bool in_session : {false, true}) {
        for (const std::size_t body : {0U, 8U, 300U}) {
            rpc::frame head;
            head.method = 9;
            head.call_id = 77;
            head.flags = body == 8 ? std::uint8_t{rpc::flag_reply} : std::uint8_t{0};
            const rpc::session_block session{1, 2, 1, 3, 0};
            rpc::header_buffer out;
            out.begin(head, in_session ? &session : nullptr);
            BFS_ASSERT(out.append(byte_string(body, std::byte{5})));
            out.finish();
            all.emplace_back(out.bytes().begin(), out.bytes().end());
        }
    }
    return all;
}

} // namespace

const target frame_target{"frame", "the frame in front of every rpc message", run_frame, frame_corpus, 20000};

} // namespace benchfs::fuzz
