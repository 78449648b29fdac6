#include "benchfs/storage/engines.hpp"

#include "benchfs/base/log.hpp"

namespace benchfs::storage {

// One line per engine: open_<name>_engine() is defined in the engine's own file.
#define BFS_ENGINES(entry)                                                                                     \
    entry(memory, "chunks in memory; nothing survives the server", false)                                      \
        entry(uring, "chunks in checksummed extents of segment files, through io_uring", true)

#define BFS_DECLARE(id, help, needs_directory)                                                                 \
    opened_store open_##id##_engine(store_environment&, store_options);
BFS_ENGINES(BFS_DECLARE)
#undef BFS_DECLARE

std::span<const engine_entry> engines() noexcept {
#define BFS_ENTRY(id, help, needs_directory) {#id, help, &open_##id##_engine, needs_directory},
    static constexpr engine_entry table[] = {BFS_ENGINES(BFS_ENTRY)};
#undef BFS_ENTRY
    return table;
}

opened_store open_store(std::string_view engine, store_environment& environment, store_options options,
                        std::span<const engine_entry> table) {
    std::string known;
    for (const engine_entry& entry : table) {
        if (entry.name == engine) {
            if (entry.needs_directory && options.data_dir.empty()) {
                BFS_LOG_ERROR("storage", "the storage engine `%.*s` needs a data directory",
                              static_cast<int>(engine.size()), engine.data());
                co_return errc::bad_config;
            }
            opened_store opening = entry.open(environment, std::move(options));
            co_return co_await std::move(opening);
        }
        known += known.empty() ? "" : ", ";
        known += entry.name;
    }
    BFS_LOG_ERROR("storage", "there is no storage engine `%.*s`; there are: %s",
                  static_cast<int>(engine.size()), engine.data(), known.c_str());
    co_return errc::bad_config;
}

} // namespace benchfs::storage
