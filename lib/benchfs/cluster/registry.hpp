// The registry: a shared directory through which servers and clients find each other.
//
//   cluster.json       what all agree on; made once, by whoever comes first
//   secret             32 random bytes, mode 0600: who cannot read it is a stranger
//   server.addr        (or server-<id>.addr, one for each of several) where a server answers
//
// Every file appears whole or not at all, by link or rename, without locks, so NFS and parallel file systems
// do. The calls are synchronous: at start-up and stop there is nothing else to do yet, and what waits reads a
// few small files between sleeps. Each failure comes with a text for a person: directory, file, what was found.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/cluster/server_record.hpp"
#include "benchfs/runtime/task.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::cluster {

using cluster_secret = std::array<std::byte, 32>;

inline constexpr std::size_t cluster_id_digits = 32;
[[nodiscard]] bool is_cluster_id(std::string_view text);

/// What all processes of a cluster agree on.
struct cluster_info {
    std::string id; // 128 random bits in hexadecimal
    std::uint64_t epoch = 1;
    std::uint32_t servers = 1;    // expected; fewer is no cluster
    std::uint32_t chunk_size = 0; // bytes, of files that ask for no other
    std::string placement;        // name of the policy
    cluster_secret secret{};      // from its own file
};

struct cluster_options {
    std::uint32_t servers = 1;
    std::uint32_t chunk_size = 0; // 0: the cluster's, or `default_chunk_size` when it is made new
    std::uint32_t default_chunk_size = 4U << 20;
    std::string placement; // empty: the cluster's, or the default policy
    std::string id;        // of a cluster that is made new; empty: a fresh one
};

/// A complete and consistent view: every expected server, in the order of their ids.
struct registry_view {
    cluster_info cluster;
    std::vector<server_record> servers;
};

inline constexpr duration default_registry_wait = std::chrono::seconds(30);

/// For a server: makes the directory (parents too) and the cluster if there is none, or joins the one there.
/// bad_config if its values are not the wanted ones, a file is damaged, or the secret can be read by others;
/// else the errno of what failed. `why` is set on every failure.
[[nodiscard]] result<cluster_info> create_or_join(const std::string& dir, const cluster_options& wanted,
                                                  std::string& why);

/// Announces a server that can serve now, in place of an earlier record with its id. address_in_use if that
/// one's process is seen to be alive.
[[nodiscard]] status publish(const std::string& dir, const server_record& record, std::string& why);

/// Takes the announcement back if it is still this process's own. Best effort: a file that stays is recognised
/// as stale later.
void withdraw(const std::string& dir, const server_record& record) noexcept;

/// Reads the registry once. no_server: nothing there yet, servers missing, or the process of one is gone;
/// access_denied; bad_config: a damaged file; wrong_cluster: files of more than one cluster. `why` is set on
/// every failure. Nothing partial or mixed is ever returned.
[[nodiscard]] result<registry_view> read_view(const std::string& dir, std::string& why);

/// Where one server answers, whether or not the others are there. no_server: it is not registered, or its
/// process is gone; else as read_view().
[[nodiscard]] result<server_record> read_server(const std::string& dir, server_id id, std::string& why);

/// Reads the registry until all servers are there, for at most `timeout` (at least once). Then no_server, with
/// what was seen last and what to check in `why`; or the reason when the caller is stopped. `why` outlives the
/// call.
[[nodiscard]] runtime::task<result<registry_view>> wait_for_servers(std::string dir, std::string& why,
                                                                    duration timeout = default_registry_wait);

/// The cluster of this directory with its secret; read_view() begins with it. no_server if there is none.
[[nodiscard]] result<cluster_info> read_cluster(const std::string& dir, std::string& why);

} // namespace benchfs::cluster
