// The real disk: a directory driven through io_uring.
//
// Each file is locked (flock) on the very descriptor that does the I/O: writes of a killed server land after
// its death, and the lock outlives them. On tmpfs, where io_uring hands everything to a kernel thread (50 us
// instead of 1.5), reads and writes are plain system calls.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/storage/disk.hpp"
#include "benchfs/uring/buffer_pool.hpp"

namespace benchfs::uring {
class ring;
}

namespace benchfs::storage {

struct disk_uring_options {
    bool direct = false;                          // O_DIRECT; not_supported where the file system has none
    duration lock_wait = std::chrono::seconds(1); // how long to wait for the lock of a server that just died
};

class disk_uring final : public disk {
public:
    /// Opens the directory (made if only its last part is missing). The ring must outlive the disk.
    [[nodiscard]] static result<std::unique_ptr<disk_uring>>
    open_directory(uring::ring& ring, std::string directory, disk_uring_options options);
    disk_uring(const disk_uring&) = delete;
    disk_uring& operator=(const disk_uring&) = delete;
    ~disk_uring() override;

    [[nodiscard]] std::string_view where() const noexcept override { return directory_; }
    [[nodiscard]] runtime::task<result<std::unique_ptr<disk_file>>> open(std::string name,
                                                                         bool create) override;
    [[nodiscard]] runtime::task<result<std::unique_ptr<disk_file>>> open_log(std::string name,
                                                                             bool create) override;
    [[nodiscard]] std::array<std::uint64_t, 2> power_cycle() const noexcept override { return power_cycle_; }
    [[nodiscard]] runtime::task<result<std::vector<std::string>>> list() override;
    [[nodiscard]] runtime::task<status> unlink(std::string name) override;
    [[nodiscard]] runtime::task<status> sync_directory() override;
    [[nodiscard]] std::uint64_t free_bytes() const noexcept override;
    [[nodiscard]] std::size_t lent_size() const noexcept override;
    [[nodiscard]] lent_buffer try_lend() noexcept override;
    void give_back(const lent_buffer& b) noexcept override;
    [[nodiscard]] runtime::task<status> close() override;

    /// Until when plain writes are avoided: the kernel makes them wait when too much of its memory waits for
    /// the device.
    struct avoidance {
        std::int64_t until_ms = 0;
        std::int64_t last_wait_ms = -1'000'000;
    };

    /// Whether reads and writes go around the ring.
    [[nodiscard]] bool inline_io() const noexcept { return inline_; }

private:
    disk_uring(uring::ring& ring, std::string directory, disk_uring_options options, int fd, bool inline_io);
    [[nodiscard]] runtime::task<status> lock(int fd, const std::string& name);
    [[nodiscard]] runtime::task<result<std::unique_ptr<disk_file>>> checked(int fd, const std::string& name,
                                                                            bool direct, bool window);
    void note_owner() noexcept;

    uring::ring& ring_;
    std::string directory_;
    disk_uring_options options_;
    int fd_;
    bool inline_;
    bool windows_ = false; // log files may be written through a log_window
    std::array<std::uint64_t, 2> power_cycle_{};
    bool owner_noted_ = false;
    std::vector<uring::registered_buffer> lent_;
    std::vector<std::uint32_t> free_tokens_;
    avoidance avoidance_;
};

} // namespace benchfs::storage
