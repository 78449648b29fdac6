#include "benchfs/base/log.hpp"
#include "benchfs/storage/disk_uring.hpp"
#include "benchfs/storage/engines.hpp"
#include "benchfs/storage/extent_store.hpp"

namespace benchfs::storage {

opened_store open_uring_engine(store_environment& environment, store_options options) {
    if (environment.ring == nullptr && !environment.open_disk) {
        BFS_LOG_ERROR("storage", "the storage engine `uring` needs a loop that is driven by a ring");
        co_return errc::bad_config;
    }
    std::unique_ptr<disk> where;
    if (environment.open_disk) {
        where = environment.open_disk(options.data_dir);
    } else {
        disk_uring_options disk_options;
        disk_options.direct = options.direct == direct_io::on;
        BFS_CO_TRY(where,
                   disk_uring::open_directory(*environment.ring, std::move(options.data_dir), disk_options));
    }
    segment_options segment;
    segment.segment_size = options.segment_size;
    segment.capacity = options.disk_capacity;
    wal_options log_options;
    log_options.segment_size = options.log_segment;
    log_options.capacity = options.log_capacity;
    log_options.server = options.server;
    log_options.servers = options.servers;
    log_options.store_id = options.store_id;
    log_options.stride = static_cast<std::uint32_t>(options.segment_size / block_size);
    BFS_CO_TRY(std::unique_ptr<wal> log, co_await wal::open(environment.loop, *where, log_options));
    BFS_CO_TRY(std::unique_ptr<chunk_store> store,
               co_await extent_store::open_logged(std::move(where), std::move(log), segment, options.recovered));
    co_return store;
}

} // namespace benchfs::storage
