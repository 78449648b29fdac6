#include "disk.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::sim {
namespace {

// What a device writes whole or not at all.
constexpr std::size_t sector = 512;

/// Some sectors of a write, not the others.
void apply_torn(prng& random, pages& to, std::uint64_t offset, const_byte_span bytes) {
    const bool prefix = random.below(2) == 0;
    const std::size_t sectors = (offset % sector + bytes.size() + sector - 1) / sector;
    const std::uint64_t keep = random.below(sectors + 1);
    std::size_t done = 0;
    for (std::size_t i = 0; done < bytes.size(); ++i) {
        const std::size_t room = sector - static_cast<std::size_t>((offset + done) % sector);
        const std::size_t size = std::min(room, bytes.size() - done);
        const bool kept = prefix ? i < keep : random.below(2) == 0;
        if (kept) { to.write(offset + done, bytes.subspan(done, size)); }
        done += size;
    }
}

class sim_file final : public storage::disk_file {
public:
    sim_file(disk_image& image, std::shared_ptr<disk_image::file> f) noexcept
        : image_(image), life_(image.life), file_(std::move(f)) {
        file_->locked = true;
    }
    sim_file(const sim_file&) = delete;
    sim_file& operator=(const sim_file&) = delete;
    ~sim_file() override {
        if (alive()) { file_->locked = false; }
    }

    runtime::task<result<std::size_t>> read(std::uint64_t offset, byte_span to, int) override {
        co_await image_.owner.rest(image_.owner.between(5us, 300us));
        if (!alive()) { co_return errc::io_error; }
        if (offset >= file_->now.size) { co_return std::size_t{0}; }
        const std::size_t n = cut(std::min<std::uint64_t>(to.size(), file_->now.size - offset));
        file_->now.read(offset, to.first(n));
        co_return n;
    }

    runtime::task<result<std::size_t>> write(std::uint64_t offset, const_byte_span from, int) override {
        if (!alive()) { co_return errc::io_error; }
        const const_byte_span bytes = from.first(cut(from.size()));
        const std::uint64_t number = ++image_.numbers;
        const disk_image::under_way here{file_, offset, bytes};
        image_.writing.emplace(number, here);
        co_await image_.owner.rest(image_.owner.between(5us, 400us));
        if (!alive()) { co_return errc::io_error; } // kill() has decided what became of it
        image_.writing.erase(number);
        co_return put(offset, bytes);
    }

    result<std::size_t> write_now(std::uint64_t offset, const_byte_span from) override {
        if (!alive()) { return errc::io_error; }
        return put(offset, from.first(cut(from.size())));
    }

    result<std::size_t> read_now(std::uint64_t offset, byte_span to) override {
        if (!alive() || offset >= file_->now.size) { return errc::try_again; }
        if (image_.owner.chance(image_.faults.cold_percent)) { return errc::try_again; }
        const std::size_t n = cut(std::min<std::uint64_t>(to.size(), file_->now.size - offset));
        file_->now.read(offset, to.first(n));
        return n;
    }

    bool copies() const noexcept override {
        const unsigned percent = image_.faults.copies_percent;
        return alive() && percent != 0 && image_.owner.chance(percent);
    }

    runtime::task<status> sync() override {
        if (!alive()) { co_return errc::io_error; }
        const std::uint64_t last = image_.numbers; // what was completed before the call
        co_await image_.owner.rest(image_.owner.between(50us, 8ms));
        if (!alive()) { co_return errc::io_error; }
        ++image_.syncs;
        if (image_.faults.skip_sync_percent != 0 && image_.owner.chance(image_.faults.skip_sync_percent)) {
            co_return ok();
        }
        const auto end = std::ranges::find_if(file_->unsynced, [&](const auto& w) { return w.number > last; });
        for (auto w = file_->unsynced.begin(); w != end; ++w) {
            if (w->bytes.empty()) {
                file_->stable.size = std::max(file_->stable.size, w->offset);
            } else {
                file_->stable.write(w->offset, w->bytes);
            }
        }
        file_->unsynced.erase(file_->unsynced.begin(), end);
        co_return ok();
    }

    runtime::task<status> allocate(std::uint64_t size) override {
        co_await image_.owner.rest(image_.owner.between(20us, 2ms));
        if (!alive()) { co_return errc::io_error; }
        if (size <= file_->now.size) { co_return ok(); }
        if (!room_for(size)) { co_return errc::no_space; }
        file_->now.size = size;
        file_->unsynced.push_back({++image_.numbers, size, {}});
        co_return ok();
    }

    runtime::task<status> close() override {
        co_await image_.owner.rest(10us);
        co_return alive() ? errc::ok : errc::io_error;
    }

    std::uint64_t size() const noexcept override { return file_->now.size; }
    bool direct() const noexcept override { return false; }

private:
    [[nodiscard]] bool alive() const noexcept { return image_.life == life_; }
    [[nodiscard]] bool room_for(std::uint64_t size) const noexcept {
        return image_.total_bytes() + size - file_->now.size <= image_.faults.byte_budget;
    }
    [[nodiscard]] std::size_t cut(std::size_t n) noexcept {
        if (n < 2 || !image_.owner.chance(image_.faults.short_percent)) { return n; }
        return 1 + static_cast<std::size_t>(image_.owner.random().below(n));
    }
    result<std::size_t> put(std::uint64_t offset, const_byte_span bytes) {
        if (offset + bytes.size() > file_->now.size && !room_for(offset + bytes.size())) {
            return errc::no_space;
        }
        if (bytes.empty()) { return std::size_t{0}; }
        file_->now.write(offset, bytes);
        file_->unsynced.push_back({++image_.numbers, offset, {bytes.begin(), bytes.end()}});
        return bytes.size();
    }

    disk_image& image_;
    std::uint64_t life_;
    std::shared_ptr<disk_image::file> file_;
};

} // namespace

void pages::write(std::uint64_t offset, const_byte_span from) {
    size = std::max(size, offset + from.size());
    while (!from.empty()) {
        const std::size_t inside = offset % page_size;
        const std::size_t n = std::min(from.size(), page_size - inside);
        const auto found = map_.find(offset / page_size);
        const bool zero = std::ranges::all_of(from.first(n), [](std::byte b) { return b == std::byte{}; });
        if (found != map_.end() || !zero) {
            page& p = found != map_.end() ? found->second : map_[offset / page_size];
            std::memcpy(p.data() + inside, from.data(), n);
        }
        offset += n;
        from = from.subspan(n);
    }
}

void pages::read(std::uint64_t offset, byte_span to) const {
    while (!to.empty()) {
        const std::size_t inside = offset % page_size;
        const std::size_t n = std::min(to.size(), page_size - inside);
        const auto found = map_.find(offset / page_size);
        if (found == map_.end()) {
            std::memset(to.data(), 0, n);
        } else {
            std::memcpy(to.data(), found->second.data() + inside, n);
        }
        offset += n;
        to = to.subspan(n);
    }
}

bool pages::flip(prng& random) {
    if (map_.empty()) { return false; }
    auto chosen = map_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(map_.size())));
    chosen->second[random.below(page_size)] ^= static_cast<std::byte>(1U << random.below(8));
    return true;
}

std::uint64_t disk_image::total_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& [name, one] : files) { sum += one->now.size; }
    return sum;
}

void disk_image::end_life() {
    ++life;
    for (auto& [number, w] : writing) {
        const std::uint64_t fate = owner.random().below(3);
        if (fate == 0 || w.offset + w.bytes.size() > w.to->now.size) { continue; }
        std::vector<std::byte> bytes(w.bytes.size());
        pages& now = w.to->now;
        if (fate == 1) {
            now.write(w.offset, w.bytes);
        } else {
            apply_torn(owner.random(), now, w.offset, w.bytes);
        }
        now.read(w.offset, bytes);
        w.to->unsynced.push_back({number, w.offset, std::move(bytes)});
    }
    writing.clear();
    for (auto& [name, one] : files) { one->locked = false; }
}

void disk_image::kill() {
    owner.note("kill disk", writing.size());
    end_life();
}

void disk_image::lose_power() {
    end_life();
    ++power;
    // Each loss has a style of its own: everything unsynced is gone, most of it is there, or anything.
    const std::uint64_t style = owner.random().below(4);
    const auto kept = [&] { return style == 0 ? false : owner.random().below(style == 1 ? 10 : 3) != 0; };
    auto names = stable_files;
    for (const auto& [name, one] : files) {
        if (!names.contains(name) && kept()) { names.emplace(name, one); } // made, not synced
    }
    std::erase_if(names, [&](const auto& item) { return !files.contains(item.first) && kept(); });
    for (auto& [name, one] : names) {
        for (const write& w : one->unsynced) {
            if (!kept()) { continue; }
            if (w.bytes.empty()) {
                one->stable.size = std::max(one->stable.size, w.offset);
            } else if (style >= 2 && owner.chance(30)) {
                apply_torn(owner.random(), one->stable, w.offset, w.bytes);
            } else {
                one->stable.write(w.offset, w.bytes);
            }
        }
        one->unsynced.clear();
        one->now = one->stable;
        one->locked = false;
    }
    owner.note("power loss", style, names.size());
    files = names;
    stable_files = names;
}

runtime::task<result<std::unique_ptr<storage::disk_file>>> sim_disk::open(std::string name, bool create) {
    co_await image_.owner.rest(image_.owner.between(5us, 200us));
    if (image_.life != life_) { co_return errc::io_error; }
    auto found = image_.files.find(name);
    if (found == image_.files.end()) {
        if (!create) { co_return errc::not_found; }
        found = image_.files.emplace(name, std::make_shared<disk_image::file>()).first;
    }
    if (found->second->locked) { co_return errc::busy; }
    std::unique_ptr<storage::disk_file> opened = std::make_unique<sim_file>(image_, found->second);
    co_return opened;
}

runtime::task<result<std::vector<std::string>>> sim_disk::list() {
    co_await image_.owner.rest(50us);
    if (image_.life != life_) { co_return errc::io_error; }
    std::vector<std::string> names;
    for (const auto& [name, one] : image_.files) { names.push_back(name); }
    co_return names;
}

runtime::task<status> sim_disk::unlink(std::string name) {
    co_await image_.owner.rest(image_.owner.between(5us, 500us));
    if (image_.life != life_) { co_return errc::io_error; }
    const auto found = image_.files.find(name);
    if (found == image_.files.end()) { co_return errc::not_found; }
    if (found->second->locked) { co_return errc::busy; }
    image_.files.erase(found);
    co_return ok();
}

runtime::task<status> sim_disk::sync_directory() {
    if (image_.life != life_) { co_return errc::io_error; }
    const auto names = image_.files;
    co_await image_.owner.rest(image_.owner.between(50us, 5ms));
    if (image_.life != life_) { co_return errc::io_error; }
    if (image_.faults.skip_sync_percent != 0 && image_.owner.chance(image_.faults.skip_sync_percent)) {
        co_return ok();
    }
    image_.stable_files = names;
    co_return ok();
}

std::uint64_t sim_disk::free_bytes() const noexcept {
    const std::uint64_t used = image_.total_bytes();
    return image_.faults.byte_budget > used ? image_.faults.byte_budget - used : 0;
}

} // namespace benchfs::sim
