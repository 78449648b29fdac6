#include "benchfs/runtime/frame_pool.hpp"

#include "benchfs/base/assert.hpp"

#include <array>
#include <cstdlib>

namespace benchfs::runtime {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t largest = 4096;
constexpr std::size_t classes = largest / step + 1;
constexpr std::uint32_t keep_per_class = 4096; // more than this goes back to the heap

struct free_frame_node {
    free_frame_node* next;
};

struct pool {
    std::array<free_frame_node*, classes> heads;
    std::array<std::uint32_t, classes> counts;
    frame_pool_stats stats;
};

// initial-exec: one fs-relative access instead of a call, also inside the shared library.
__attribute__((tls_model("initial-exec"))) thread_local constinit pool local{};

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooling = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool pooling = false;
#else
constexpr bool pooling = true;
#endif
#else
constexpr bool pooling = true;
#endif

} // namespace

void* allocate_frame(std::size_t bytes) noexcept {
    const std::size_t c = (bytes + step - 1) / step;
    pool& p = local;
    if (pooling && c < classes) {
        if (free_frame_node* node = p.heads[c]; node != nullptr) [[likely]] {
            p.heads[c] = node->next;
            --p.counts[c];
            ++p.stats.reused;
            return node;
        }
        bytes = c * step;
    }
    ++p.stats.allocated;
    void* memory = std::malloc(bytes);
    BFS_ASSERT(memory != nullptr);
    return memory;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
    const std::size_t c = (bytes + step - 1) / step;
    pool& p = local;
    if (pooling && c < classes && p.counts[c] < keep_per_class) [[likely]] {
        auto* node = static_cast<free_frame_node*>(frame);
        node->next = p.heads[c];
        p.heads[c] = node;
        ++p.counts[c];
        return;
    }
    std::free(frame);
}

void release_frames() noexcept {
    pool& p = local;
    for (std::size_t c = 0; c < classes; ++c) {
        while (free_frame_node* const node = p.heads[c]) {
            p.heads[c] = node->next;
            std::free(node);
        }
        p.counts[c] = 0;
    }
}

frame_pool_stats pool_stats() noexcept { return local.stats; }

} // namespace benchfs::runtime
