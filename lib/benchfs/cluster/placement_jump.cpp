// Jump consistent hash (Lamping and Veach, 2014): no tables, and growing from n to n + 1 servers moves 1/(n+1)
// of the keys, all of them to the new server.
#include "benchfs/cluster/placement.hpp"

namespace benchfs::cluster {

namespace {

class jump_placement final : public placement {
public:
    explicit jump_placement(std::uint32_t servers) noexcept : placement(servers) {}

    [[nodiscard]] server_id place(std::uint64_t key_hash) const noexcept override {
        std::uint64_t key = mix64(key_hash);
        std::int64_t last = -1;
        std::int64_t candidate = 0;
        while (candidate < static_cast<std::int64_t>(servers())) {
            last = candidate;
            key = key * 2862933555777941757ULL + 1;
            candidate = static_cast<std::int64_t>(static_cast<double>(last + 1) *
                                                  (2147483648.0 / static_cast<double>((key >> 33) + 1)));
        }
        return static_cast<server_id>(last);
    }
};

} // namespace

std::unique_ptr<placement> make_jump_placement(std::uint32_t servers) {
    return std::make_unique<jump_placement>(servers);
}

} // namespace benchfs::cluster
