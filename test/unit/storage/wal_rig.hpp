// A store over its log over a disk in memory: opened, crashed and opened again.
#pragma once

#include "extent_rig.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/storage/wal.hpp"

#include <set>

namespace benchfs::storage {

/// Collects the records of others.
class record_list final : public wal_reader {
public:
    static constexpr std::uint16_t kind = 60;
    status record(std::uint16_t found, const_byte_span body, std::uint64_t) override {
        std::uint64_t value = 0;
        if (found < static_cast<std::uint16_t>(wal_kind::first_foreign)) { return ok(); }
        if (found != kind || !load(body, value)) { return errc::bad_frame; }
        values.push_back(value);
        return ok();
    }
    std::vector<std::uint64_t> values;
};

/// A set of numbers that lives in the log: record n adds n, record -n removes it.
class number_set final : public wal_reader, public checkpoint_source {
public:
    std::set<std::uint64_t> values;
    wal* log = nullptr;

    void add(std::uint64_t n) {
        values.insert(n);
        put(n);
    }
    void remove(std::uint64_t n) {
        values.erase(n);
        put(~n, wal::effect::removes);
    }
    status record(std::uint16_t kind, const_byte_span body, std::uint64_t) override {
        std::uint64_t value = 0;
        if (kind < static_cast<std::uint16_t>(wal_kind::first_foreign)) { return ok(); }
        if (!load(body, value)) { return errc::bad_frame; }
        if (value >> 63U != 0) {
            values.erase(~value);
        } else {
            values.insert(value);
        }
        return ok();
    }
    void begin_checkpoint() override { next_ = 0; }
    bool checkpoint_step() override {
        const auto at = values.lower_bound(next_);
        if (at == values.end()) { return false; }
        put(*at);
        next_ = *at + 1;
        return true;
    }

private:
    void put(std::uint64_t value, wal::effect does = wal::effect::grows) {
        const result<log_position> done = log->stage(record_list::kind, {bytes_of(value)}, does);
        (void)done; // a failed log shows at the next flush
    }
    std::uint64_t next_ = 0;
};

struct wal_rig {
    disk_image image;
    runtime::loop loop;
    std::unique_ptr<extent_store> store;
    std::uint64_t segment_size = 64 * KiB;
    std::uint64_t capacity = 512 * KiB;
    std::uint64_t data_capacity = 0;
    std::uint32_t server = 0;

    explicit wal_rig(clock* time = nullptr) : loop(with(time)) {}
    wal_rig(const wal_rig&) = delete;
    wal_rig& operator=(const wal_rig&) = delete;
    ~wal_rig() { crash(); } // a test that failed half-way must not hide why

    result<std::unique_ptr<extent_store>> try_open(wal_reader* others = nullptr, bool read_only = false) {
        return loop.run(open_task(others, read_only));
    }
    void open(wal_reader* others = nullptr) {
        auto opened = try_open(others);
        REQUIRE(opened);
        store = std::move(*opened);
        store->log()->let_owner_flush();
    }
    /// The process is killed: what was written stays, nothing else happens.
    void crash() {
        const quiet q;
        image.faults.dead = true;
        if (store) { (void)loop.run(store->close()); }
        store.reset();
        image.faults = {};
    }
    void close() {
        REQUIRE(loop.run(store->close()));
        store.reset();
    }
    /// As if it were answered: the log is flushed.
    status write(std::uint32_t chunk, std::uint32_t offset, const byte_vector& bytes) {
        const status done = loop.run(write_chunk(*store, chunk_number(chunk), offset, bytes));
        return done ? store->log()->flush() : done;
    }
    status truncate(std::uint32_t chunk, std::uint32_t size) {
        const status done = loop.run(store->truncate(chunk_number(chunk), size));
        return done ? store->log()->flush() : done;
    }
    void require_content(const store_model& model) { loop.run(require_equal(*store, model)); }

    /// The file of the log that holds the newest frames.
    std::string newest_log_file() {
        std::string newest;
        std::uint64_t generation = 0;
        for (const auto& [name, file] : image.files) {
            wal_segment_header header;
            if (!name.starts_with("log-") || read_header(file.bytes, header) != header_state::good) {
                continue;
            }
            if (header.generation > generation) {
                generation = header.generation;
                newest = name;
            }
        }
        return newest;
    }

private:
    static runtime::loop_options with(clock* time) {
        runtime::loop_options options;
        options.time = time;
        return options;
    }
    runtime::task<result<std::unique_ptr<extent_store>>> open_task(wal_reader* others, bool read_only) {
        std::unique_ptr<disk> where = std::make_unique<disk_memory>(image);
        wal_options options;
        options.segment_size = segment_size;
        options.capacity = capacity;
        options.server = server;
        options.stride = 512; // 2 MiB
        BFS_CO_TRY(std::unique_ptr<wal> log, co_await wal::open(loop, *where, options));
        segment_options data;
        data.capacity = data_capacity;
        if (read_only) {
            auto opened = co_await extent_store::open_read_only(std::move(where), std::move(log), data, others);
            co_return std::move(opened);
        }
        auto opened = co_await extent_store::open_logged(std::move(where), std::move(log), data, others);
        co_return std::move(opened);
    }
};

inline runtime::task<status> nap(int ms) {
    co_return co_await runtime::sleep_for(std::chrono::milliseconds(ms));
}

/// Opens the store with the numbers as another source of its log.
inline void begin(wal_rig& r, number_set& numbers) {
    r.open(&numbers);
    numbers.log = r.store->log();
    r.store->log()->add_source(numbers);
}

inline runtime::task<status> give_turns(std::uint64_t turns) {
    for (std::uint64_t i = 0; i < turns; ++i) { BFS_CO_CHECK(co_await runtime::yield()); }
    co_return ok();
}

/// Until the log does nothing by itself any more; false if it goes on and on.
inline bool comes_to_rest(wal_rig& r) {
    std::uint64_t before = r.store->log()->stats().bytes;
    for (int i = 0, quiet = 0; i < 300; ++i) {
        REQUIRE(r.loop.run(nap(2)));
        const std::uint64_t now = r.store->log()->stats().bytes;
        quiet = now == before ? quiet + 1 : 0;
        before = now;
        if (quiet == 25) { return true; } // longer than a checkpoint ever pauses
    }
    return false;
}

} // namespace benchfs::storage
