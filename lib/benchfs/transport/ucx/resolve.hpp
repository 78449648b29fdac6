// Host names as the numeric addresses that streams connect to.
#pragma once

#include <string>
#include <vector>

namespace benchfs::transport::ucx {

/// The IPv4 addresses (a listener has no others) of a host, in the resolver's order; empty with a text in `why`.
/// Blocks for as long as the system's resolver does: for before a connection, not for the loop of a server.
[[nodiscard]] std::vector<std::string> resolve(const std::string& host, std::string& why);

} // namespace benchfs::transport::ucx
