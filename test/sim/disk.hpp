// The simulated disk: it remembers what is on stable storage, and what is only promised.
//
// The image outlives the disks that are opened over it. A kill leaves the page cache: only writes that were
// under way may be torn or missing. Power loss takes every write that was not synced, some of them, or halves
// of them, and what was done to the directory after its last sync. After either, the old disk answers io_error
// and changes nothing, so that a server that is being torn down cannot touch its successor's files.
#pragma once

#include "world.hpp"

#include "benchfs/storage/disk.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace benchfs::sim {

struct disk_faults {
    std::uint64_t byte_budget = ~0ULL; // of all files together; no_space beyond it
    unsigned short_percent = 5;        // reads and writes that move less than asked
    unsigned skip_sync_percent = 0;    // planted: a sync that says ok and does nothing
    // How often transfers are, just then, copies to and from a page cache; what of it is cold.
    unsigned copies_percent = 0;
    unsigned cold_percent = 10;
};

/// Bytes of a file, in pages that are made when something other than zero is written.
class pages {
public:
    void write(std::uint64_t offset, const_byte_span from);
    void read(std::uint64_t offset, byte_span to) const;
    /// Flips one bit of a page that exists; false if there is none.
    bool flip(prng& random);
    std::uint64_t size = 0;

private:
    static constexpr std::size_t page_size = 4096;
    using page = std::array<std::byte, page_size>;
    std::map<std::uint64_t, page> map_;
};

struct disk_image {
    struct write {
        std::uint64_t number;
        std::uint64_t offset;
        std::vector<std::byte> bytes; // empty: the file became `offset` bytes long
    };
    struct file {
        pages now;
        pages stable;
        std::vector<write> unsynced; // completed, in order
        bool locked = false;
    };
    struct under_way {
        std::shared_ptr<file> to;
        std::uint64_t offset;
        const_byte_span bytes;
    };

    explicit disk_image(world& w) noexcept : owner(w) {}

    /// The process is killed: what is under way is kept, torn or dropped.
    void kill();
    /// The machine loses power.
    void lose_power();
    [[nodiscard]] std::uint64_t total_bytes() const noexcept;

    world& owner;
    disk_faults faults;
    std::map<std::string, std::shared_ptr<file>> files;
    std::map<std::string, std::shared_ptr<file>> stable_files;
    std::map<std::uint64_t, under_way> writing;
    std::uint64_t life = 1;  // of the process that uses it
    std::uint64_t power = 1; // of the machine
    std::uint64_t numbers = 0;
    std::uint64_t syncs = 0;

private:
    void end_life();
};

class sim_disk final : public storage::disk {
public:
    explicit sim_disk(disk_image& image) noexcept : image_(image), life_(image.life) {}

    [[nodiscard]] std::string_view where() const noexcept override { return "simulated disk"; }
    [[nodiscard]] runtime::task<result<std::unique_ptr<storage::disk_file>>> open(std::string name,
                                                                                  bool create) override;
    [[nodiscard]] runtime::task<result<std::vector<std::string>>> list() override;
    [[nodiscard]] runtime::task<status> unlink(std::string name) override;
    [[nodiscard]] runtime::task<status> sync_directory() override;
    [[nodiscard]] std::array<std::uint64_t, 2> power_cycle() const noexcept override {
        return {image_.power, 1};
    }
    [[nodiscard]] std::uint64_t free_bytes() const noexcept override;
    [[nodiscard]] runtime::task<status> close() override { co_return ok(); }

private:
    disk_image& image_;
    std::uint64_t life_;
};

} // namespace benchfs::sim
