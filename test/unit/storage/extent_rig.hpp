// The io_uring engine over a disk in memory that fails when told to.
#pragma once

#include "store_driver.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/disk_memory.hpp"
#include "benchfs/storage/extent_store.hpp"

namespace benchfs::storage {

/// The errors that these tests provoke would fill the screen.
class quiet {
public:
    quiet() : before_(current_log_level()) { set_log_level(log_level::off); }
    quiet(const quiet&) = delete;
    quiet& operator=(const quiet&) = delete;
    ~quiet() { set_log_level(before_); }

private:
    log_level before_;
};

struct memory_rig {
    disk_image image;
    runtime::loop loop;
    std::unique_ptr<extent_store> store;

    result<std::unique_ptr<extent_store>> try_open(std::unique_ptr<change_log> log,
                                                   std::uint64_t capacity = 0) {
        segment_options options;
        options.segment_size = 2 * MiB;
        options.capacity = capacity;
        return loop.run(extent_store::open(std::make_unique<disk_memory>(image), std::move(log), options));
    }
    void open(std::unique_ptr<change_log> log = std::make_unique<null_change_log>(),
              std::uint64_t capacity = 0) {
        auto opened = try_open(std::move(log), capacity);
        REQUIRE(opened);
        store = std::move(*opened);
    }
    status write(std::uint32_t offset, const byte_vector& bytes, std::uint32_t chunk = 0) {
        return loop.run(write_chunk(*store, chunk_number(chunk), offset, bytes));
    }
    result<byte_vector> read(std::uint32_t offset, std::uint32_t size, std::uint32_t chunk = 0) {
        return loop.run(read_chunk(*store, chunk_number(chunk), offset, size));
    }
    byte_vector content(std::uint32_t chunk = 0) {
        auto got = read(0, max_transfer, chunk);
        REQUIRE(got);
        return std::move(*got);
    }
    void finish() {
        image.faults = {};
        REQUIRE(loop.run(store->remove(chunk_number(0))));
        REQUIRE(store->stats().chunks == 0);
        REQUIRE(store->stats().bytes_used == 0);
        REQUIRE(loop.run(store->close()));
    }
};

} // namespace benchfs::storage
