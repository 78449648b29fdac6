#include "benchfs/cluster/placement.hpp"

#include "benchfs/base/hash.hpp"

#include <array>

namespace benchfs::cluster {

namespace {
constexpr std::array<placement_entry, 2> policies{{
    {"jump", "jump consistent hash: even, and growing moves the least", make_jump_placement},
    {"ring", "a ring with virtual nodes: less even, the usual alternative", make_ring_placement},
}};
} // namespace

std::span<const placement_entry> placement_table() noexcept { return policies; }

result<std::unique_ptr<placement>> make_placement(std::string_view name, std::uint32_t servers,
                                                  std::span<const placement_entry> table) {
    if (servers == 0 || servers > max_servers) { return errc::invalid_argument; }
    for (const placement_entry& entry : table) {
        if (name.empty() || entry.name == name) { return entry.make(servers); }
    }
    return errc::bad_config;
}

server_id place_name(const placement& policy, file_id parent, std::string_view name) noexcept {
    return policy.place(hash64(name, parent.value));
}

server_id place_chunk(const placement& policy, file_id file, std::uint32_t index) noexcept {
    const std::uint64_t servers = policy.servers();
    const std::uint64_t in_round = index % servers;
    if (in_round == 0) { return file.home(); }
    const std::uint64_t others = servers - 1;
    const std::uint64_t step = (in_round - 1 + mix64(file.value) % others) % others;
    return static_cast<server_id>((benchfs::index(file.home()) + 1 + step) % servers);
}

} // namespace benchfs::cluster
