#include "benchfs/transport/loopback/network.hpp"

#include "benchfs/transport/loopback/connection.hpp"

namespace benchfs::transport {
namespace {

/// The bytes of an address; the mark tells them from another transport's.
struct wire_address {
    std::uint64_t mark;
    std::uint64_t id;
};
constexpr std::uint64_t address_mark = 0x6b636162706f6f6cULL; // "loopback" in memory

} // namespace

loopback_network::loopback_network() { pool_.reserve(pool_limit); }

loopback_network::~loopback_network() { BFS_ASSERT(transports_.empty() && live_ == 0); }

std::uint64_t loopback_network::join(loopback_transport& t) {
    transports_.emplace(++last_id_, &t);
    return last_id_;
}

void loopback_network::leave(std::uint64_t id) noexcept { transports_.erase(id); }

std::vector<std::byte> loopback_network::address_of(std::uint64_t id) {
    const wire_address a{address_mark, id};
    const const_byte_span bytes = bytes_of(a);
    return {bytes.begin(), bytes.end()};
}

loopback_transport* loopback_network::find(const_byte_span address) const noexcept {
    wire_address a{};
    if (address.size() != sizeof a || !load(address, a) || a.mark != address_mark) { return nullptr; }
    const auto found = transports_.find(a.id);
    return found == transports_.end() ? nullptr : found->second;
}

loopback_message& loopback_network::acquire() {
    ++live_;
    if (pool_.empty()) { return *std::make_unique<loopback_message>(*this).release(); }
    loopback_message& m = *pool_.back().release();
    pool_.pop_back();
    return m;
}

void loopback_network::release(loopback_message& m) noexcept {
    --live_;
    std::unique_ptr<loopback_message> owned(&m);
    if (pool_.size() < pool_limit) { pool_.push_back(std::move(owned)); } // reserved: no allocation
}

void loopback_network::cut(connection& c) noexcept { static_cast<loopback_connection&>(c).cut(); }

} // namespace benchfs::transport
