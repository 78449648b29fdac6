// Verifying every block of a store, for `benchfsd --check`.
#include "benchfs/storage/extent_store.hpp"

#include "benchfs/base/crc32c.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>
#include <string>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t blocks_at_a_time = 64;

} // namespace

runtime::task<result<extent_check>> extent_store::verify_all() {
    extent_check report;
    buffer memory = buffer::allocate(std::size_t{blocks_at_a_time} * block_size);
    if (!memory) { co_return errc::no_memory; }
    for (std::size_t b = 0; b < chunks_.buckets(); ++b) {
        std::vector<const record*> here;
        chunks_.for_each_in(b, [&](const record& chunk) { here.push_back(&chunk); });
        for (const record* chunk : here) {
            ++report.chunks;
            for (const chunk_extent& e : chunk->map.all_extents()) {
                BFS_CO_CHECK(co_await verify_extent(*chunk, e, memory.span(), report));
            }
        }
    }
    co_return report;
}

/// Nothing changes a store that is being checked: chunk and extent stay where they are.
runtime::task<status> extent_store::verify_extent(const record& chunk, chunk_extent e, byte_span memory,
                                                  extent_check& report) {
    const auto tell = [&](std::uint32_t i, const char* what) {
        report.problems.push_back(segments_->describe(e.disk + i) + ": " + what + " (file " +
                                  std::to_string(chunk.id.file.value) + ", chunk " +
                                  std::to_string(chunk.id.index) + ", offset " +
                                  std::to_string((std::uint64_t{e.first} + i) * block_size) + " of the chunk)");
    };
    for (std::uint32_t done = 0; done < e.count;) {
        const std::uint32_t n = std::min(blocks_at_a_time, e.count - done);
        const block_job job{e.disk + done, n, memory.data(), -1};
        const status read = co_await segments_->read(std::span<const block_job>(&job, 1));
        if (!read) { tell(done, "the device gives an error for this block, or one behind it"); }
        for (std::uint32_t i = 0; i < n && read; ++i) {
            const const_byte_span block = memory.subspan(std::size_t{i} * block_size, block_size);
            if (crc32c(block) != chunk.map.crc(e.first + done + i)) {
                tell(done + i, "wrong bytes: the block does not match its checksum");
            }
        }
        report.blocks += n;
        done += n;
    }
    co_return ok();
}

} // namespace benchfs::storage
