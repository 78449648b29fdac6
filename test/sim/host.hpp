// A host of the simulated network: the transport that one server or client uses.
#pragma once

#include "link.hpp"

#include "benchfs/runtime/event.hpp"
#include "benchfs/transport/transport.hpp"

#include <memory>
#include <vector>

namespace benchfs::sim {

class host final : public transport::transport {
public:
    explicit host(network& n);
    /// Asserts that stop() was awaited or crash() and stop().
    ~host() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
    [[nodiscard]] std::vector<std::byte> address() const override { return network::address_of(id_); }
    void set_receiver(benchfs::transport::receiver& r) noexcept override { receiver_ = &r; }
    [[nodiscard]] runtime::task<result<benchfs::transport::connection*>>
    connect(std::vector<std::byte> address) override;
    [[nodiscard]] runtime::task<void> stop() override;

    /// The process is gone: every connection is lost, some of what it sent last still arrives.
    void crash() noexcept;

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] network& net() noexcept { return network_; }
    [[nodiscard]] benchfs::transport::receiver& sink() noexcept { return *receiver_; }
    [[nodiscard]] std::size_t links() const noexcept { return links_.size(); }
    [[nodiscard]] link& link_at(std::size_t i) noexcept { return *links_[i]; }
    /// From a link whose on_closed() has run.
    void gone(const link& l) noexcept;

private:
    struct attempt {
        runtime::event settled;
        errc outcome = errc::timed_out;
        std::shared_ptr<link> mine;
    };
    void knock(const std::shared_ptr<attempt>& a, const std::vector<std::byte>& address, time_point since);

    network& network_;
    world& world_;
    std::uint64_t id_;
    bool up_ = true;
    benchfs::transport::receiver* receiver_ = nullptr;
    std::vector<std::shared_ptr<link>> links_;
    std::vector<std::shared_ptr<attempt>> attempts_;
    runtime::event empty_;
};

} // namespace benchfs::sim
