// UCX settings that only the environment can carry, set while UCX reads them and not a moment longer.
//
// UCX 1.13 reads the settings of a network interface when a worker opens it, from the environment alone:
// ucp_config_modify() accepts them and changes nothing. Left in the environment they would reach every child
// of the process, where UCX warns on standard output about those that it does not use, and an MPI library
// beside us, which did not ask for them.
#pragma once

#include <array>

namespace benchfs::transport::ucx {

/// What the user has set stays as it is. Not for a process whose other threads read the environment meanwhile,
/// as setenv(3) says.
class interface_settings {
public:
    /// shared_memory: also what UCX's shared memory needs to be used by endpoints that handle lost peers.
    explicit interface_settings(bool shared_memory);
    ~interface_settings();
    interface_settings(const interface_settings&) = delete;
    interface_settings& operator=(const interface_settings&) = delete;

private:
    std::array<bool, 2> set_{};
};

} // namespace benchfs::transport::ucx
