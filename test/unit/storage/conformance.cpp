#include "conformance.hpp"
#include "toy_engine.hpp"

#include "benchfs/storage/disk_memory.hpp"
#include "benchfs/storage/extent_store.hpp"

#include <algorithm>
#include <unistd.h>

namespace benchfs::storage {
namespace {

/// A memory disk with an image of its own.
class owning_disk final : private disk_image, public disk {
public:
    explicit owning_disk(disk_faults f) : inner_(*this) { disk_image::faults = f; }
    std::string_view where() const noexcept override { return inner_.where(); }
    runtime::task<result<std::unique_ptr<disk_file>>> open(std::string name, bool create) override {
        return inner_.open(std::move(name), create);
    }
    runtime::task<result<std::vector<std::string>>> list() override { return inner_.list(); }
    runtime::task<status> unlink(std::string name) override { return inner_.unlink(std::move(name)); }
    runtime::task<status> sync_directory() override { return inner_.sync_directory(); }
    std::uint64_t free_bytes() const noexcept override { return inner_.free_bytes(); }
    runtime::task<status> close() override { return inner_.close(); }

private:
    disk_memory inner_;
};

opened_store open_on_slow_disk(store_environment&, store_options options) {
    disk_faults faults;
    faults.short_bytes = 5000;
    faults.delay_turns = 4;
    std::unique_ptr<disk> where = std::make_unique<owning_disk>(faults);
    std::unique_ptr<change_log> log = std::make_unique<null_change_log>();
    segment_options segment;
    segment.segment_size = std::min<std::uint64_t>(options.segment_size, 4 * MiB);
    segment.capacity = options.disk_capacity;
    BFS_CO_TRY(std::unique_ptr<chunk_store> store,
               co_await extent_store::open(std::move(where), std::move(log), segment));
    co_return store;
}

constexpr engine_entry test_engines[] = {
    {"toy", "for tests", &open_toy_engine},
    {"extents on a slow disk", "for tests", &open_on_slow_disk},
};

struct candidate {
    engine_entry entry;
    std::string parent; // of its data directory
    bool slow = false;
};

std::vector<candidate> candidates() {
    std::vector<candidate> all;
    for (const engine_entry& entry : engines()) {
        all.push_back({entry, "/tmp"});
        // A memory file system takes another path.
        if (entry.needs_directory && ::access("/dev/shm", W_OK) == 0) { all.push_back({entry, "/dev/shm"}); }
    }
    for (const engine_entry& entry : test_engines) { all.push_back({entry, "/tmp", entry.name != "toy"}); }
    return all;
}

runtime::task<void> open_and_run(const candidate& engine, store_environment& environment, store_options options,
                                 store_test run) {
    auto opened = co_await open_store(engine.entry.name, environment, options, std::span(&engine.entry, 1));
    REQUIRE(opened);
    std::unique_ptr<chunk_store> store = std::move(*opened);
    co_await run(*store);
    CO_REQUIRE(co_await store->close());
}

} // namespace

void for_every_engine(store_test run, std::uint64_t room) {
    for (const candidate& engine : candidates()) {
        DYNAMIC_SECTION(engine.entry.name << " in " << engine.parent) {
            scratch_dir dir(engine.parent);
            rig r;
            store_options options;
            options.data_dir = dir.path();
            options.memory_limit = room;
            options.memory_ahead = 4 * MiB;
            options.segment_size = std::min<std::uint64_t>(room, 16 * MiB);
            options.disk_capacity = room;
            r.loop.run(open_and_run(engine, r.environment, options, run));
        }
    }
}

} // namespace benchfs::storage
