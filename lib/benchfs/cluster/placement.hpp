// Which server a key belongs to. A policy is chosen by name from one table; all servers and clients of a
// cluster use the same one.
//
// A hash places and never identifies. Policies are pure: the same key and server count give the same server, on
// every machine and in every release.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace benchfs::cluster {

inline constexpr std::uint32_t max_servers = 4096;

/// How many of a cluster's servers are asked for the same thing at the same time.
inline constexpr std::size_t servers_at_once = 64;

class placement {
public:
    virtual ~placement() = default;
    /// 1 to max_servers.
    [[nodiscard]] std::uint32_t servers() const noexcept { return servers_; }
    /// A server below servers(). Any 64 bits are a key; they need not be well mixed.
    [[nodiscard]] virtual server_id place(std::uint64_t key_hash) const noexcept = 0;

protected:
    explicit placement(std::uint32_t servers) noexcept : servers_(servers) {}

private:
    std::uint32_t servers_;
};

/// One policy. Adding one is a file with a class and a line in the table of placement.cpp.
struct placement_entry {
    std::string_view name;
    std::string_view help; // one line
    std::unique_ptr<placement> (*make)(std::uint32_t servers);
};

/// Every policy; the first one is the default.
[[nodiscard]] std::span<const placement_entry> placement_table() noexcept;

/// The policy with this name (empty: the default). bad_config for a name that is not in the table,
/// invalid_argument for a server count out of range.
[[nodiscard]] result<std::unique_ptr<placement>>
make_placement(std::string_view name, std::uint32_t servers,
               std::span<const placement_entry> table = placement_table());

/// The server of a directory entry, and so the home of a file that is created under this name.
[[nodiscard]] server_id place_name(const placement& policy, file_id parent, std::string_view name) noexcept;

/// The server of a chunk. Chunk 0 is at the file's home; the next ones visit the other servers in a circle that
/// starts at a place hashed from the file, and so on: every servers() chunks in a row lie on as many servers.
/// The home must be one of the policy's servers.
[[nodiscard]] server_id place_chunk(const placement& policy, file_id file, std::uint32_t index) noexcept;

/// The constructors behind the table.
[[nodiscard]] std::unique_ptr<placement> make_jump_placement(std::uint32_t servers);
[[nodiscard]] std::unique_ptr<placement> make_ring_placement(std::uint32_t servers);

} // namespace benchfs::cluster
