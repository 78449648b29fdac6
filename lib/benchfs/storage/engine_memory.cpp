#include "benchfs/base/log.hpp"
#include "benchfs/storage/engines.hpp"
#include "benchfs/storage/memory_pool.hpp"
#include "benchfs/storage/memory_store.hpp"

namespace benchfs::storage {

opened_store open_memory_engine(store_environment& environment, store_options options) {
    const std::uint64_t limit = options.memory_limit != 0 ? options.memory_limit : available_memory() / 4 * 3;
    BFS_CO_TRY(std::unique_ptr<chunk_store> store,
               memory_store::create(environment.loop, limit, options.memory_ahead));
    BFS_LOG_DEBUG("storage", "memory engine: up to %llu MiB", static_cast<unsigned long long>(limit / MiB));
    co_return store;
}

} // namespace benchfs::storage
