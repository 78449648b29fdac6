#include "rpc_peer.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

namespace benchfs::fuzz {
namespace {

/// Turns that do not sleep: many yields fit into one.
runtime::task<void> some_turns(int n) {
    for (int i = 0; i < n * 256; ++i) { (void)co_await runtime::yield(); }
}

} // namespace

byte_string framed(const rpc::frame& head, const rpc::session_block* session, const_byte_span body) {
    rpc::header_buffer out;
    out.begin(head, session);
    constexpr std::size_t room = transport::max_header - sizeof(rpc::frame) - sizeof(rpc::session_block);
    const bool fits = out.append(body.first(std::min(body.size(), room)));
    BFS_ASSERT(fits);
    out.finish();
    return {out.bytes().begin(), out.bytes().end()};
}

fuzz_client::fuzz_client(runtime::loop& loop, transport::loopback_network& network)
    : loop_(loop), wire_(loop, network) {
    wire_.set_receiver(*this);
}

fuzz_client::~fuzz_client() { loop_.run(wire_.stop()); }

void fuzz_client::connect(const std::vector<std::byte>& address) {
    if (up_ != nullptr) { up_->close(errc::cancelled); }
    auto made = loop_.run(wire_.connect(address));
    up_ = made ? *made : nullptr;
}

void fuzz_client::join(std::uint64_t session, std::uint32_t generation) {
    rpc::introduction both;
    both.client.cluster_id = fuzz_cluster.id;
    rpc::frame head;
    head.method = rpc::hello::info.id;
    head.call_id = 1;
    send(framed(head, nullptr, bytes_of(both.client)), 0, 512, 0);
    turns();
    if (!load(const_byte_span(reply_).subspan(std::min(reply_.size(), sizeof(rpc::frame))), both.server)) {
        return;
    }
    rpc::join::request request;
    request.session = session;
    request.generation = generation;
    sign(fuzz_cluster, both, request);
    head.method = rpc::join::info.id;
    send(framed(head, nullptr, bytes_of(request)), 0, 512, 0);
    turns();
}

void fuzz_client::send(byte_string header, std::size_t payload, std::uint32_t reply_header,
                       std::uint32_t reply_payload) {
    std::erase_if(sends_, [](const auto& op) { return op->done; });
    if (up_ == nullptr) { return; }
    auto op = std::make_unique<outgoing>();
    op->head = std::move(header);
    op->body.resize(payload, std::byte{0x5a});
    op->header = op->head;
    op->list.push(const_byte_span(op->body));
    op->payload = payload == 0 ? nullptr : &op->list;
    op->reply_header_max = reply_header;
    op->reply_payload_max = reply_payload;
    sends_.push_back(std::move(op));
    up_->send(*sends_.back());
}

void fuzz_client::turns(int n) { loop_.run(some_turns(n)); }

void fuzz_client::on_message(transport::connection&, transport::message_ptr m) noexcept {
    ++answered;
    reply_.assign(m->header().begin(), m->header().end());
}

void fuzz_client::on_closed(transport::connection& c, errc) noexcept {
    if (up_ == &c) { up_ = nullptr; }
}

} // namespace benchfs::fuzz
