// Finds servers through the registry, each time a connection is made: a restarted server has a new address.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/rpc/client.hpp"

#include <string>

namespace benchfs::cluster {

class registry_resolver final : public rpc::address_resolver {
public:
    explicit registry_resolver(std::string directory) : directory_(std::move(directory)) {}

    /// no_server when the registry names no live process for it.
    [[nodiscard]] runtime::task<result<std::vector<std::byte>>> address_of(server_id id) override;

private:
    std::string directory_;
};

} // namespace benchfs::cluster
