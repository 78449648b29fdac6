// Opening the log, and the step from recovery to new frames.
#include "benchfs/storage/wal.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/wal_records.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

constexpr std::uint64_t smallest_segment = 64 * KiB;
constexpr std::uint64_t largest_segment = 64 * MiB;
constexpr std::uint64_t part_of_device = 64; // a segment is not larger than this part of it
constexpr std::size_t slots_at_first = 4;
constexpr std::size_t slots_needed = 3;

/// Passes records on, and finds the frame with which the checkpoint ended that began with this generation.
class checkpoint_finder final : public wal_reader {
public:
    checkpoint_finder(wal_reader& to, std::uint64_t start) noexcept : to_(to), start_(start) {}
    status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) override {
        wal_checkpoint_done mark;
        const bool others = kind >= static_cast<std::uint16_t>(wal_kind::first_foreign);
        foreign = foreign || others;
        own_bytes += others ? 0 : sizeof(wal_record_header) + wal_padded(body.size());
        const bool done = kind == static_cast<std::uint16_t>(wal_kind::checkpoint_done);
        if (done && load(body, mark) && mark.start_generation == start_) { end = sequence; }
        return to_.record(kind, body, sequence);
    }
    std::uint64_t end = 0;
    bool foreign = false; // there are records of others than the chunk store
    std::uint64_t own_bytes = 0;

private:
    wal_reader& to_;
    std::uint64_t start_;
};

} // namespace

wal::wal(runtime::loop& loop, disk& where, wal_options options)
    : disk_(where), options_(options), context_{&loop, time_point::max(), nullptr}, scope_(context_, false) {
    frame_.resize(sizeof(wal_frame_header));
    const std::uint64_t device = std::max<std::uint64_t>(where.free_bytes() / part_of_device, 1 * MiB);
    options_.segment_size =
        std::clamp(std::min(options.segment_size, device), smallest_segment, largest_segment) / 4096 * 4096;
}

wal::~wal() = default;

runtime::task<result<std::unique_ptr<wal>>> wal::open(runtime::loop& loop, disk& where, wal_options options) {
    std::unique_ptr<wal> made(new wal(loop, where, options));
    if (const status read = co_await made->read_log(); !read) {
        (void)co_await made->close();
        co_return read.error();
    }
    co_return made;
}

runtime::task<status> wal::read_log() {
    BFS_CO_TRY(slots_, co_await open_log_files(disk_));
    std::string problem;
    result<wal_survey> surveyed = co_await survey_log(disk_, slots_, problem);
    if (!surveyed) {
        BFS_LOG_ERROR("storage", "the store cannot be opened: %s", problem.c_str());
        co_return surveyed.error();
    }
    survey_ = std::move(*surveyed);
    if (!survey_.torn.empty()) {
        BFS_LOG_WARN("storage",
                     "%s: an unfinished change ends the log; it was never acknowledged and is dropped",
                     survey_.torn.c_str());
    }
    if (survey_.parts.empty()) { co_return ok(); }
    BFS_CO_CHECK(check_owner());
    const wal_segment_header& header = slots_[survey_.parts.back().slot].header;
    options_.store_id = header.store_id;
    options_.stride = header.stride;
    co_return ok();
}

status wal::check_owner() const {
    for (const wal_survey::part& part : survey_.parts) {
        const wal_segment_header& header = slots_[part.slot].header;
        if (header.server == options_.server && header.servers == options_.servers && header.stride != 0) {
            continue;
        }
        BFS_LOG_ERROR("storage",
                      "the store in %.*s belongs to server %u of %u, this is server %u of %u: start the server "
                      "with that id and number of servers, or choose another directory",
                      static_cast<int>(disk_.where().size()), disk_.where().data(), header.server,
                      header.servers, options_.server, options_.servers);
        return errc::bad_config;
    }
    return ok();
}

runtime::task<status> wal::replay(std::uint64_t last, wal_reader& reader) {
    checkpoint_finder finder(reader, survey_.start_generation);
    const status done = co_await replay_log(slots_, survey_, last, finder);
    checkpoint_end_ = finder.end;
    foreign_records_ = finder.foreign;
    recovered_bytes_ = finder.own_bytes;
    co_return done;
}

runtime::task<status> wal::begin(std::uint64_t last, wal_data& data) {
    data_ = &data;
    // Power loss may have taken headers of segments and left their frames: those generations must not come
    // again. Each file has one of them at most, since it is synced before it is used another time.
    generation_ = survey_.generation + slots_.size();
    next_ = last + 1;
    last_change_ = last;
    bool any = false;
    for (wal_slot& slot : slots_) {
        slot.used = slot.used && slot.header.first_sequence <= last;
        slot.dirty = slot.used;
        slot.zeroed = slot.state == header_state::good; // it was when it was first used
        any = any || slot.used;
        // As much has to be kept as the last checkpoint wrote, or a little less: changes went on meanwhile.
        live_slots_ += slot.used && slot.header.first_sequence <= checkpoint_end_ ? 1U : 0U;
    }
    live_bytes_ = live_slots_ * options_.segment_size;
    start_generation_ = any ? survey_.start_generation : generation_ + 1;
    // Since that checkpoint everything may have been added that was written; and holes, which need more there.
    const std::uint64_t counted = count_live();
    added_ = (used_slots() - live_slots_) * slot_bytes() + (counted - std::min(counted, recovered_bytes_));
    // A file that was made just before a power failure may have lost its length: it gets it again, or goes.
    for (std::size_t i = slots_.size(); i-- > 0;) {
        wal_slot& slot = slots_[i];
        if (slot.used || slot.file->size() >= options_.segment_size) { continue; }
        slot.zeroed = false;
        const status grown = co_await slot.file->allocate(options_.segment_size);
        if (grown) { continue; }
        BFS_CO_CHECK(co_await slot.file->close());
        slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    while (slots_.size() < slots_at_first || free_slots() < 2) {
        const status added = co_await add_slot();
        if (added) { continue; }
        if (slots_.size() >= slots_needed && free_slots() != 0) { break; }
        BFS_LOG_ERROR("storage", "%.*s: there is no room for the log (%llu KiB a file): %.*s",
                      static_cast<int>(disk_.where().size()), disk_.where().data(),
                      static_cast<unsigned long long>(options_.segment_size / KiB),
                      static_cast<int>(message(added.error()).size()), message(added.error()).data());
        co_return added;
    }
    // What was recovered must not be lost by a power failure after this: space that it freed is used again.
    if (any) {
        BFS_CO_CHECK(co_await data.sync_data());
        BFS_CO_CHECK(co_await sync_slots());
    }
    durable_ = to_be_durable_ = last;
    BFS_CO_CHECK(rotate());
    BFS_CO_CHECK(co_await sync_slots());
    began_ = true;
    scope_.spawn(work());
    scope_.spawn(keep_room());
    work_.set();
    room_wanted_.set();
    co_return ok();
}

runtime::task<status> wal::add_slot() {
    std::size_t number = slots_.size();
    const auto taken = [&] {
        return std::ranges::any_of(slots_, [&](const wal_slot& s) { return s.name == wal_file_name(number); });
    };
    while (taken()) { ++number; }
    wal_slot slot;
    slot.name = wal_file_name(number);
    BFS_CO_TRY(slot.file, co_await disk_.open_log(slot.name, true));
    status done = co_await slot.file->allocate(options_.segment_size);
    if (done) { done = co_await disk_.sync_directory(); }
    if (!done) {
        (void)co_await slot.file->close();
        slot.file.reset();
        (void)co_await disk_.unlink(slot.name);
        co_return done;
    }
    slots_.push_back(std::move(slot));
    co_return ok();
}

runtime::task<status> wal::close() {
    closing_ = true;
    work_.set();
    room_wanted_.set();
    room_made_.set();
    (void)co_await scope_.join();
    status first = ok();
    if (began_ && failed_ == errc::ok) {
        // All of it durable, and said so: damage to any of it is recognised afterwards.
        first = co_await make_durable(newest());
        const status marked = co_await sync_slots();
        if (first) { first = marked; }
    }
    began_ = false;
    for (wal_slot& slot : slots_) {
        if (!slot.file) { continue; }
        const status closed = co_await slot.file->close();
        if (first && !closed) { first = closed; }
    }
    slots_.clear();
    co_return first;
}

} // namespace benchfs::storage
