#include "benchfs/storage/disk_memory.hpp"

#include "benchfs/runtime/sleep.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::storage {
namespace {

/// Whether this call fails.
status stumble(disk_image& image) {
    ++image.calls;
    if (image.faults.dead) { return errc::io_error; }
    if (image.faults.fail_call == 0 || --image.faults.fail_call != 0) { return ok(); }
    image.faults.dead = image.faults.die;
    return image.faults.error;
}

/// What every call goes through: its delay, then perhaps its failure.
runtime::task<status> trouble(disk_image& image) {
    const std::uint32_t most = image.faults.delay_turns;
    const std::uint64_t turns = most == 0 ? 0 : image.random.below(most + 1ULL);
    for (std::uint64_t i = 0; i < turns; ++i) { (void)co_await runtime::yield(); }
    co_return stumble(image);
}

class memory_file final : public disk_file {
public:
    memory_file(disk_image& image, disk_image::file& file) noexcept : image_(image), file_(file) {
        file_.locked = true;
    }
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;
    ~memory_file() override { file_.locked = false; }

    runtime::task<result<std::size_t>> read(std::uint64_t offset, byte_span to, int) override {
        BFS_CO_CHECK(co_await trouble(image_));
        co_return get(offset, to);
    }

    runtime::task<result<std::size_t>> write(std::uint64_t offset, const_byte_span from, int) override {
        BFS_CO_CHECK(co_await trouble(image_));
        co_return put(offset, from);
    }

    result<std::size_t> write_now(std::uint64_t offset, const_byte_span from) override {
        BFS_CHECK(stumble(image_));
        return put(offset, from);
    }

    result<std::size_t> read_now(std::uint64_t offset, byte_span to) override {
        if (image_.random.below(100) < image_.faults.cold_percent) { return errc::try_again; }
        BFS_CHECK(stumble(image_));
        return get(offset, to);
    }
    bool copies() const noexcept override { return image_.faults.copies; }

    runtime::task<status> sync() override {
        const std::size_t before = file_.pending.size(); // what is written during the sync is not covered
        BFS_CO_CHECK(co_await trouble(image_));
        ++image_.syncs;
        const auto end =
            file_.pending.begin() + static_cast<std::ptrdiff_t>(std::min(before, file_.pending.size()));
        if (image_.track_unsynced) { file_.medium.resize(file_.bytes.size()); }
        for (auto write = file_.pending.begin(); write != end; ++write) {
            std::copy(write->bytes.begin(), write->bytes.end(),
                      file_.medium.begin() + static_cast<std::ptrdiff_t>(write->offset));
        }
        file_.pending.erase(file_.pending.begin(), end);
        co_return ok();
    }

    runtime::task<status> allocate(std::uint64_t size) override {
        BFS_CO_CHECK(co_await trouble(image_));
        if (size > file_.bytes.size()) { co_return grow(size); }
        co_return ok();
    }

    runtime::task<status> close() override { co_return co_await trouble(image_); }

    std::uint64_t size() const noexcept override { return file_.bytes.size(); }
    bool direct() const noexcept override { return false; }

private:
    [[nodiscard]] std::size_t get(std::uint64_t offset, byte_span to) const {
        if (offset >= file_.bytes.size()) { return 0; }
        const std::size_t n = std::min({to.size(), file_.bytes.size() - offset, image_.faults.short_bytes});
        std::memcpy(to.data(), file_.bytes.data() + offset, n);
        return n;
    }
    result<std::size_t> put(std::uint64_t offset, const_byte_span from) {
        ++image_.writes;
        const std::size_t n = std::min(from.size(), image_.faults.short_bytes);
        if (offset + n > file_.bytes.size()) { BFS_CHECK(grow(offset + n)); }
        std::memcpy(file_.bytes.data() + offset, from.data(), n);
        if (image_.track_unsynced) {
            file_.pending.push_back(
                {offset, std::vector<std::byte>(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(n))});
        }
        return n;
    }

    status grow(std::uint64_t size) {
        if (image_.total_bytes() + size - file_.bytes.size() > image_.faults.byte_budget) {
            return errc::no_space;
        }
        file_.bytes.resize(size);
        return ok();
    }

    disk_image& image_;
    disk_image::file& file_;
};

} // namespace

std::uint64_t disk_image::total_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& [name, one] : files) { sum += one.bytes.size(); }
    return sum;
}

void disk_image::lose_power(prng& choice) {
    constexpr std::uint64_t sector = 512;
    ++power_cycles;
    for (auto& [name, one] : files) {
        one.medium.resize(one.bytes.size()); // reserved space stays reserved
        for (const file::unsynced& write : one.pending) {
            const std::uint64_t fate = choice.below(3); // kept, dropped, torn
            const std::uint64_t end = write.offset + write.bytes.size();
            for (std::uint64_t at = write.offset; at < end;) {
                const std::uint64_t next = std::min((at / sector + 1) * sector, end);
                if (fate == 0 || (fate == 2 && choice.below(2) == 0)) {
                    std::memcpy(one.medium.data() + at, write.bytes.data() + (at - write.offset), next - at);
                }
                at = next;
            }
        }
        one.pending.clear();
        one.bytes = one.medium;
    }
}

runtime::task<result<std::unique_ptr<disk_file>>> disk_memory::open(std::string name, bool create) {
    BFS_CO_CHECK(co_await trouble(image_));
    auto found = image_.files.find(name);
    if (found == image_.files.end()) {
        if (!create) { co_return errc::not_found; }
        found = image_.files.try_emplace(name).first;
    }
    if (found->second.locked) { co_return errc::busy; }
    std::unique_ptr<disk_file> opened = std::make_unique<memory_file>(image_, found->second);
    co_return opened;
}

runtime::task<result<std::vector<std::string>>> disk_memory::list() {
    BFS_CO_CHECK(co_await trouble(image_));
    std::vector<std::string> names;
    for (const auto& [name, one] : image_.files) { names.push_back(name); }
    co_return names;
}

runtime::task<status> disk_memory::unlink(std::string name) {
    BFS_CO_CHECK(co_await trouble(image_));
    const auto found = image_.files.find(name);
    if (found == image_.files.end()) { co_return errc::not_found; }
    if (found->second.locked) { co_return errc::busy; }
    image_.files.erase(found);
    co_return ok();
}

runtime::task<status> disk_memory::sync_directory() { co_return co_await trouble(image_); }

std::uint64_t disk_memory::free_bytes() const noexcept {
    const std::uint64_t used = image_.total_bytes();
    return image_.faults.byte_budget > used ? image_.faults.byte_budget - used : 0;
}

runtime::task<status> disk_memory::close() { co_return ok(); }

} // namespace benchfs::storage
