#include "stranger.hpp"

#include "benchfs/cluster/identity.hpp"
#include "benchfs/transport/transports.hpp"

#include <algorithm>
#include <stdexcept>

namespace benchfs::test {

stranger::stranger(const std::string& registry, const std::string& transport)
    : payload_(64 * KiB, std::byte{0xa5}) {
    std::string why;
    const result<cluster::registry_view> view = cluster::read_view(registry, why);
    if (!view) { throw std::runtime_error(why); }
    identity = cluster::identity_of(view->cluster);
    address_ = view->servers.front().address;
    uring::ring_options ring_options;
    ring_options.buffer_count = 0;
    result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop_, ring_options);
    if (!ring) { throw std::runtime_error("no io_uring"); }
    ring_ = *std::move(ring);
    const transport::transport_options options;
    auto made = transport::make_transport(transport, loop_, options);
    if (!made) { throw std::runtime_error("no transport " + transport); }
    network_ = *std::move(made);
    network_->set_receiver(*this);
}

stranger::~stranger() {
    loop_.run(network_->stop());
    network_.reset();
}

bool stranger::connect() {
    disconnect();
    auto made = loop_.run(network_->connect(address_));
    up_ = made ? *made : nullptr;
    return up_ != nullptr;
}

void stranger::disconnect() {
    if (up_ != nullptr) { up_->close(errc::cancelled); }
    (void)wait_for_end();
}

void stranger::send(const_byte_span header, std::size_t payload, std::uint32_t reply_header,
                    std::uint32_t reply_payload) {
    std::erase_if(sends_, [](const auto& op) { return op->done; });
    if (up_ == nullptr) { return; }
    auto op = std::make_unique<outgoing>();
    op->bytes.assign(header.begin(), header.end());
    op->header = op->bytes;
    op->list.push(const_byte_span(payload_).first(std::min(payload, payload_.size())));
    op->payload = payload == 0 ? nullptr : &op->list;
    op->reply_header_max = reply_header;
    op->reply_payload_max = reply_payload;
    sends_.push_back(std::move(op));
    up_->send(*sends_.back());
}

std::vector<std::byte> stranger::framed(std::uint16_t method, const_byte_span body, std::uint64_t call) {
    rpc::frame head;
    head.method = method;
    head.call_id = call;
    head.detail = 1000;
    rpc::header_buffer out;
    out.begin(head, nullptr);
    if (!out.append(body)) { throw std::runtime_error("the body is too long"); }
    out.finish();
    const const_byte_span bytes = out.bytes();
    return {bytes.begin(), bytes.end()};
}

template <class Condition>
bool stranger::until(Condition condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) { return false; }
        turn_for(std::chrono::milliseconds(1));
    }
    return true;
}

bool stranger::wait_for_replies(std::size_t count, std::chrono::milliseconds limit) {
    return until([&] { return up_ == nullptr || replies_.size() >= count; }, limit);
}

bool stranger::wait_for_end(std::chrono::milliseconds limit) {
    return until([&] { return up_ == nullptr; }, limit);
}

void stranger::turn_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    do { loop_.turn(); } while (std::chrono::steady_clock::now() < end);
}

errc stranger::answer() const {
    const result<rpc::decoded> d = replies_.empty() ? errc::bad_frame : rpc::decode(replies_.back());
    return d ? from_wire(static_cast<std::int32_t>(d->head.detail)) : d.error();
}

std::optional<rpc::introduction> stranger::say_hello() {
    rpc::introduction both;
    both.client.cluster_id = identity.id;
    const result<rpc::nonce> once = rpc::fresh_nonce(identity);
    if (!once) { return {}; }
    both.client.once = *once;
    const std::size_t before = replies_.size();
    send_request(rpc::hello::info, both.client);
    if (!wait_for_replies(before + 1) || replies_.size() == before || answer() != errc::ok) { return {}; }
    if (!load(const_byte_span(replies_.back()).subspan(sizeof(rpc::frame)), both.server)) { return {}; }
    return both;
}

rpc::join::request stranger::join_of(const rpc::introduction& before, std::uint64_t session) const {
    rpc::join::request j;
    j.session = session;
    j.generation = 1;
    sign(identity, before, j);
    return j;
}

bool stranger::enter(std::uint64_t session) {
    const std::optional<rpc::introduction> both = say_hello();
    if (!both) { return false; }
    const std::size_t before = replies_.size();
    send_request(rpc::join::info, join_of(*both, session));
    return wait_for_replies(before + 1) && replies_.size() > before && answer() == errc::ok;
}

bool stranger::upgrade() {
    return up_ != nullptr && loop_.run(up_->upgrade()).error() == errc::ok && up_ != nullptr;
}

void stranger::on_message(transport::connection&, transport::message_ptr m) noexcept {
    const const_byte_span h = m->header();
    replies_.emplace_back(h.begin(), h.end());
}

void stranger::on_closed(transport::connection& c, errc) noexcept {
    if (up_ == &c) { up_ = nullptr; }
}

} // namespace benchfs::test
