// The storage engines by name: one table. A new engine is one file that defines its open function, and one line
// in engines.cpp; tests and benchmarks run over every entry.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/disk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace benchfs::runtime {
class loop;
}
namespace benchfs::uring {
class ring;
}

namespace benchfs::storage {

class wal_reader;

/// What a store runs on; must outlive it.
struct store_environment {
    runtime::loop& loop;
    uring::ring* ring = nullptr; // nullptr: engines that need one refuse to open
    /// Where an engine keeps its files, in place of the ring: a simulation's own disk.
    std::function<std::unique_ptr<disk>(const std::string& data_dir)> open_disk = {};
};

enum class direct_io : std::uint8_t {
    automatic, // the engine's choice; today the page cache
    on,        // O_DIRECT, or an error where the file system has none
    off,
};

struct store_options {
    std::string data_dir;                    // engines that keep files
    std::uint64_t memory_limit = 0;          // memory engine, bytes; 0: three quarters of what is available
    std::uint64_t memory_ahead = 256 * MiB;  // memory engine: bytes kept touched and free
    std::uint64_t segment_size = 256 * MiB;  // uring engine, bytes per segment file
    std::uint64_t disk_capacity = 0;         // uring engine, bytes in all segments; 0: what the device has
    direct_io direct = direct_io::automatic; // uring engine

    // uring engine: its log.
    std::uint32_t server = 0; // whose store this is
    std::uint32_t servers = 1;
    std::uint64_t store_id = 1;             // of a new store: another one each time
    std::uint64_t log_segment = 16 * MiB;   // bytes of a log file
    std::uint64_t log_capacity = 256 * MiB; // bytes of the log before a checkpoint must have made room
    wal_reader* recovered = nullptr;        // takes what others wrote into the log, while the store is opened
};

using opened_store = runtime::task<result<std::unique_ptr<chunk_store>>>;

struct engine_entry {
    std::string_view name;
    std::string_view help; // one line
    opened_store (*open)(store_environment&, store_options);
    bool needs_directory = false;
};

/// Every engine of this build.
[[nodiscard]] std::span<const engine_entry> engines() noexcept;

/// Opens a store. bad_config when the table has no such engine, or the engine lacks a setting (the log says
/// which, and names the engines there are); otherwise the engine's own errors: no_memory, no_space, busy
/// (another server uses the directory), access_denied ... Suspends.
[[nodiscard]] opened_store open_store(std::string_view engine, store_environment& environment,
                                      store_options options, std::span<const engine_entry> table = engines());

} // namespace benchfs::storage
