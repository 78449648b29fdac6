// A ring with virtual nodes: each server owns the arcs that end at its points.
#include "benchfs/base/hash.hpp"
#include "benchfs/cluster/placement.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::cluster {

namespace {

class ring_placement final : public placement {
public:
    explicit ring_placement(std::uint32_t servers) : placement(servers) {
        points_.reserve(std::size_t{servers} * points_per_server);
        for (std::uint64_t server = 0; server < servers; ++server) {
            for (std::uint64_t i = 0; i < points_per_server; ++i) {
                // From the server's own number only, so that the points stay when the cluster grows.
                points_.push_back({hash64(bytes_of(server), i), static_cast<server_id>(server)});
            }
        }
        std::sort(points_.begin(), points_.end(), [](const point& a, const point& b) {
            return a.at != b.at ? a.at < b.at : a.owner < b.owner;
        });
    }

    [[nodiscard]] server_id place(std::uint64_t key_hash) const noexcept override {
        const std::uint64_t key = mix64(key_hash);
        const auto next = std::lower_bound(points_.begin(), points_.end(), key,
                                           [](const point& p, std::uint64_t k) { return p.at < k; });
        return next == points_.end() ? points_.front().owner : next->owner;
    }

private:
    static constexpr std::uint64_t points_per_server = 256;
    struct point {
        std::uint64_t at;
        server_id owner;
    };
    std::vector<point> points_;
};

} // namespace

std::unique_ptr<placement> make_ring_placement(std::uint32_t servers) {
    return std::make_unique<ring_placement>(servers);
}

} // namespace benchfs::cluster
