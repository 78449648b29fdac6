#include "benchfs/server/recovery.hpp"

#include "benchfs/base/log.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::server {
namespace {

struct leftover {
    chunk_id chunk;
    std::uint32_t keep = 0;
};

class leftover_finder final : public storage::chunk_visitor {
public:
    leftover_finder(const metadata::name_space& names, server_id self) : names_(names), self_(self) {}

    void chunk(chunk_id id, std::uint32_t length) override {
        if (id.file.home() != self_) { return; }
        const result<metadata::attributes> file = names_.stat(id.file);
        const std::uint32_t keep = file ? chunk_limit(*file, id.index) : 0;
        if (length > keep) { found.push_back({id, keep}); }
    }

    std::vector<leftover> found;

private:
    const metadata::name_space& names_;
    server_id self_;
};

} // namespace

std::uint32_t chunk_limit(const metadata::attributes& file, std::uint32_t index) noexcept {
    if (file.is_directory() || file.chunk_size == 0) { return 0; }
    const std::uint64_t start = std::uint64_t{index} * file.chunk_size;
    if (file.size <= start) { return 0; }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(file.size - start, file.chunk_size));
}

runtime::task<status> finish_removals(metadata::name_space& names, storage::chunk_store& store,
                                      server_id self) {
    leftover_finder finder(names, self);
    store.visit_chunks(finder);
    for (const leftover& one : finder.found) { BFS_CO_CHECK(co_await store.truncate(one.chunk, one.keep)); }
    if (!finder.found.empty()) {
        BFS_LOG_INFO("server", "removed what an interrupted removal or write had left of %zu chunks",
                     finder.found.size());
    }
    co_return ok();
}

} // namespace benchfs::server
