// The local disk as the storage engines see it: a directory of segment files. Everything may be short,
// everything may fail, so that tests can make it so (disk_memory) and production can do it (disk_uring).
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::storage {

/// How often in a row a read or write may move nothing before it counts as failed.
inline constexpr int fruitless_tries = 16;

/// An open file, locked for as long as it is open. Must not outlive its disk.
class disk_file {
public:
    virtual ~disk_file() = default;

    /// Bytes read, possibly fewer than asked for; 0 at the end. `buffer_index`: of the lent buffer that `to`
    /// lies in, else -1. Memory must stay valid until the task ends. Suspends; so do all others.
    [[nodiscard]] virtual runtime::task<result<std::size_t>> read(std::uint64_t offset, byte_span to,
                                                                  int buffer_index) = 0;
    /// Bytes written, possibly fewer than given.
    [[nodiscard]] virtual runtime::task<result<std::size_t>> write(std::uint64_t offset, const_byte_span from,
                                                                   int buffer_index) = 0;
    /// The same at once, for small records that others wait for: a copy into the page cache costs less than a
    /// suspension. Only for files of open_log(), and where copies(). not_supported: this disk cannot.
    [[nodiscard]] virtual result<std::size_t> write_now(std::uint64_t, const_byte_span) {
        return errc::not_supported;
    }
    /// Reads what is in memory already; try_again: the device would have to be waited for.
    [[nodiscard]] virtual result<std::size_t> read_now(std::uint64_t, byte_span) { return errc::try_again; }
    /// Whether reading and writing is, for now, copying from and to memory, so that write_now() hardly ever
    /// waits.
    [[nodiscard]] virtual bool copies() const noexcept { return false; }
    /// Completed writes are on stable storage after ok. After an error nobody knows: don't retry.
    [[nodiscard]] virtual runtime::task<status> sync() = 0;
    /// Makes the file `size` bytes long (never shorter), with space reserved; no_space leaves it as it was.
    [[nodiscard]] virtual runtime::task<status> allocate(std::uint64_t size) = 0;
    /// Nothing of the file may be in flight.
    [[nodiscard]] virtual runtime::task<status> close() = 0;

    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
    /// Offsets, sizes and memory must be multiples of 4 KiB.
    [[nodiscard]] virtual bool direct() const noexcept = 0;
};

/// Memory that the disk likes best for its I/O (registered with the kernel).
struct lent_buffer {
    std::byte* data = nullptr;
    int index = -1;
    std::uint32_t token = 0;
};

class disk {
public:
    virtual ~disk() = default;

    /// The directory, for messages.
    [[nodiscard]] virtual std::string_view where() const noexcept = 0;
    /// Opens a file of the directory and locks it; `create`: makes it if there is none. busy when somebody else
    /// keeps it locked (the log says who).
    [[nodiscard]] virtual runtime::task<result<std::unique_ptr<disk_file>>> open(std::string name,
                                                                                 bool create) = 0;
    /// The same for a log: offsets and sizes need no alignment, and the file has write_now().
    [[nodiscard]] virtual runtime::task<result<std::unique_ptr<disk_file>>> open_log(std::string name,
                                                                                     bool create) {
        return open(std::move(name), create);
    }
    /// Names of the directory's files, sorted.
    [[nodiscard]] virtual runtime::task<result<std::vector<std::string>>> list() = 0;
    [[nodiscard]] virtual runtime::task<status> unlink(std::string name) = 0;
    /// Files made or unlinked before this stay so after power loss.
    [[nodiscard]] virtual runtime::task<status> sync_directory() = 0;
    /// Another value after each power loss (and restart of the machine): while it stays the same, completed
    /// writes are there. Zeros: not known, power may have been lost.
    [[nodiscard]] virtual std::array<std::uint64_t, 2> power_cycle() const noexcept { return {}; }
    /// Bytes that files can still grow by; does not suspend.
    [[nodiscard]] virtual std::uint64_t free_bytes() const noexcept = 0;

    /// Size of the buffers that try_lend() gives, 0 if it never gives any.
    [[nodiscard]] virtual std::size_t lent_size() const noexcept { return 0; }
    /// data is nullptr when all are out.
    [[nodiscard]] virtual lent_buffer try_lend() noexcept { return {}; }
    virtual void give_back(const lent_buffer&) noexcept {}

    [[nodiscard]] virtual runtime::task<status> close() = 0;
};

} // namespace benchfs::storage
