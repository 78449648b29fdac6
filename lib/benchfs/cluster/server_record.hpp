// What a server publishes about itself: one small JSON file in the registry.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/cluster/process_identity.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::cluster {

struct server_record {
    server_id id{0};
    std::uint32_t servers = 1; // how many the cluster expects
    std::string cluster_id;
    std::vector<std::byte> address; // the transport's; opaque here
    process_identity process;       // this_process() of the server
    std::string build;              // version of the software, for people
};

/// "server.addr" when one server is expected, else "server-<id>.addr".
[[nodiscard]] std::string address_file_name(server_id id, std::uint32_t servers);

[[nodiscard]] std::string to_json(const server_record& record);
/// bad_config, and `why` says what is wrong; protocol_mismatch for another format version.
[[nodiscard]] result<server_record> parse_server_record(std::string_view text, std::string& why);

} // namespace benchfs::cluster
