// A disk in memory that fails on request: for tests and simulation.
//
// The image outlives the disks opened over it, so a store can be closed, its bytes looked at or damaged, and
// opened again.
#pragma once

#include "benchfs/base/prng.hpp"
#include "benchfs/storage/disk.hpp"

#include <map>

namespace benchfs::storage {

struct disk_faults {
    bool dead = false;                         // every call fails: what a killed process leaves is looked at
    bool die = false;                          // the call that fails is the last one that does anything
    std::uint64_t fail_call = 0;               // this many calls from now one fails (1: the next); 0: none
    errc error = errc::io_error;               // how
    std::uint64_t byte_budget = ~0ULL;         // files together; allocate() beyond it is no_space
    std::size_t short_bytes = ~std::size_t{0}; // most bytes one read or write moves
    bool copies = false;                       // files say that they are in memory
    std::uint32_t cold_percent = 0;            // then: calls of read_now() that would have to wait
    std::uint32_t delay_turns = 0;             // calls end after up to so many turns of the loop, at random
};

struct disk_image {
    struct file {
        std::vector<std::byte> bytes;
        bool locked = false;
        // While unsynced writes are tracked: what is on the medium, and what was written since, in order.
        struct unsynced {
            std::uint64_t offset;
            std::vector<std::byte> bytes;
        };
        std::vector<std::byte> medium;
        std::vector<unsynced> pending;
    };
    std::map<std::string, file> files;
    disk_faults faults;
    std::uint64_t calls = 0; // that could have failed
    std::uint64_t writes = 0;
    std::uint64_t syncs = 0;
    prng random{1};
    bool track_unsynced = false; // set before the first write: for lose_power()
    std::uint64_t power_cycles = 1;

    [[nodiscard]] std::uint64_t total_bytes() const noexcept;
    /// What a power failure leaves: of each write that was not synced, sectors of 512 bytes are there or not,
    /// at random (all of them, none, or some). No disk may be open over the image.
    void lose_power(prng& choice);
};

class disk_memory final : public disk {
public:
    explicit disk_memory(disk_image& image) noexcept : image_(image) {}

    [[nodiscard]] std::string_view where() const noexcept override { return "memory"; }
    [[nodiscard]] runtime::task<result<std::unique_ptr<disk_file>>> open(std::string name,
                                                                         bool create) override;
    [[nodiscard]] runtime::task<result<std::vector<std::string>>> list() override;
    [[nodiscard]] std::array<std::uint64_t, 2> power_cycle() const noexcept override {
        return {image_.power_cycles, 1};
    }
    [[nodiscard]] runtime::task<status> unlink(std::string name) override;
    [[nodiscard]] runtime::task<status> sync_directory() override;
    [[nodiscard]] std::uint64_t free_bytes() const noexcept override;
    [[nodiscard]] runtime::task<status> close() override;

private:
    disk_image& image_;
};

} // namespace benchfs::storage
