// Reading: a range of a file becomes parts of chunks, a few at a time, and the size is the home's.
#include "benchfs/client/io_part.hpp"

#include "benchfs/client/giving_way.hpp"
#include "benchfs/client/read_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs {
namespace {

using runtime::task;

/// What the chunk does not have reads as zeros.
void fill_hole(std::byte* memory, std::uint32_t valid, std::uint32_t size) noexcept {
    if (valid < size) { std::memset(memory + valid, 0, size - valid); }
}

/// Of a read into `size` bytes at `offset`: how many the file has.
std::size_t within(std::uint64_t file_size, std::size_t size, std::uint64_t offset) noexcept {
    if (offset >= file_size) { return 0; }
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, file_size - offset));
}

} // namespace

task<result<rpc::read_chunk::reply>> file_system::read_part(file_id id, io_part part) {
    const server_id server = cluster::place_chunk(placement_, id, part.chunk);
    rpc::read_chunk::request request;
    request.id = id.value;
    request.chunk = part.chunk;
    request.offset = part.offset;
    request.size = part.size;
    request.how = rpc::read_chunk::reader_verifies;
    read_target target(part.memory, part.offset, part.size);
    rpc::call_extra extra;
    extra.target = &target;
    extra.reply_payload_max = part.size;
    // A server that we have not met may send checksums, too.
    const rpc::peer& p = client_.peer_of(server);
    if (p.incarnation() == 0 || p.greeting().checksums != 0) {
        extra.reply_payload_max += 4 * (part.size / crc_block);
    }
    BFS_CO_TRY(rpc::read_chunk::reply answer, co_await client_.call<rpc::read_chunk>(server, request, extra));
    if (!target.verified(answer)) {
        // Once more, looked at by the server: its log tells where the device is wrong. If that is well, the
        // bytes were damaged on their way.
        request.how = 0;
        BFS_CO_TRY(answer, co_await client_.call<rpc::read_chunk>(server, request, extra));
        if (!target.verified(answer)) { co_return errc::io_error; }
    }
    fill_hole(part.memory, answer.valid, part.size);
    co_return answer;
}

/// A read of one part at the file's home, which knows the size.
task<result<std::size_t>> file_system::read_at_home(file_id id, io_part part, std::uint64_t offset) {
    task<result<rpc::read_chunk::reply>> reading = read_part(id, part);
    BFS_CO_TRY(const rpc::read_chunk::reply answer, co_await std::move(reading));
    co_return within(answer.file_size, part.size, offset);
}

// Not a coroutine, as write() is none: the common case, one part at home, is one task.
task<result<std::size_t>> file::read(byte_span into, std::uint64_t offset) {
    using count = result<std::size_t>;
    if (owner_ == nullptr || !has(flags_, open_flags::read)) { return answer(count(errc::bad_handle)); }
    if (offset > largest_offset) { return answer(count(errc::invalid_argument)); }
    if (into.empty()) { return answer(count(std::size_t{0})); }
    if (into.size() > largest_offset - offset) { into = into.first(largest_offset - offset); }
    if (chunk_size_ == 0) { return answer(count(errc::is_a_directory)); }
    if (const auto part = owner_->only_part(*this, into.data(), into.size(), offset)) {
        return owner_->read_at_home(id_, *part, offset);
    }
    return read_parts(into, offset);
}

/// A read of several parts, or beside the home. Every answer from the home tells the size, and the truncate
/// epoch in which the file has it. Within an epoch a file only grows.
struct file_system::read_progress : io_range {
    static constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

    /// What the file had surely got when a part was asked for.
    struct bound {
        std::uint64_t size = 0;
        std::uint64_t epoch = 0;
    };

    bound handle;                                       // what the handle knows
    std::uint64_t size = rpc::read_chunk::unknown_size; // the newest that was told
    std::uint64_t epoch = 0;
    std::uint64_t least = 0; // that was told in this epoch: what was there before the read began is in it
    // Of the answers: the oldest epoch of bytes that came, and where bytes are missing. Who does not know the
    // file tells no epoch: it never had any of it, or has removed it.
    std::uint64_t oldest = nowhere;
    std::uint64_t missing_from = nowhere;
    std::uint64_t missing_in = 0; // the newest epoch of those who know the file
    std::uint64_t unknown_from = nowhere;
    // Where something is missing that may have been behind the end then, and be bytes by now.
    std::uint64_t unsure_from = nowhere;

    [[nodiscard]] bool knows_size() const noexcept { return size != rpc::read_chunk::unknown_size; }
    [[nodiscard]] bound known() const noexcept { return knows_size() ? bound{size, epoch} : handle; }
    void told(std::uint64_t its_size, std::uint64_t its_epoch) noexcept {
        if (knows_size() && its_epoch < epoch) { return; }
        const bool first = !knows_size() || its_epoch > epoch;
        // The file may have been shorter meanwhile.
        if (its_epoch > known().epoch) { unsure_from = missing_from; }
        least = first ? its_size : std::min(least, its_size);
        size = first ? its_size : std::max(size, its_size);
        epoch = its_epoch;
    }
    /// `had`: known() when the part was asked for.
    void came(const io_part& part, const rpc::read_chunk::reply& answer, bound had) noexcept {
        if (answer.valid != 0) { oldest = std::min(oldest, answer.epoch); }
        if (answer.valid >= part.size) { return; }
        const std::uint64_t begin = std::uint64_t{part.chunk} * chunk_size + part.offset;
        const std::uint64_t from = begin + answer.valid;
        missing_from = std::min(missing_from, from);
        missing_in = std::max(missing_in, answer.epoch);
        if (answer.epoch == 0) { unknown_from = std::min(unknown_from, from); }
        // The home's size is of before it looked for the bytes.
        if (answer.file_size != rpc::read_chunk::unknown_size && answer.epoch >= had.epoch) {
            had = {answer.epoch == had.epoch ? std::max(had.size, answer.file_size) : answer.file_size,
                   answer.epoch};
        }
        const std::uint64_t sure = had.epoch == known().epoch ? std::max(from, had.size) : from;
        if (sure < begin + part.size) { unsure_from = std::min(unsure_from, sure); }
    }
    void begin_again() noexcept {
        oldest = missing_from = unknown_from = unsure_from = nowhere;
        missing_in = 0;
    }
    /// Where the answer ends: all before it is bytes or holes that the file had at some time of the read.
    [[nodiscard]] std::uint64_t end() const noexcept { return std::min(size, unsure_from); }
    /// That is before what the file had when the read began. Not twice in an epoch: the size is known now.
    [[nodiscard]] bool unsure() const noexcept { return unsure_from < least; }
    /// Bytes of before a truncation, and perhaps a size of after it, when others have made the file longer
    /// again: what was cut off would show. Nobody can make it longer before the truncation has reached every
    /// server, so bytes that are asked for now belong to this size or a later one.
    [[nodiscard]] bool too_old() const noexcept { return oldest < epoch; }
    /// What is missing is a hole, unless the file was cut or removed after its size was told.
    [[nodiscard]] bool doubtful() const noexcept {
        return unknown_from < size || (missing_from < size && missing_in > epoch);
    }
};

/// Part i, or, after the last one, the size at the home.
task<status> file_system::read_step(file_system& fs, read_progress& p, std::size_t i) {
    if (i == p.parts->count()) {
        task<result<attributes>> asking = fs.attributes_of(p.id);
        BFS_CO_TRY(const attributes now, co_await std::move(asking));
        p.told(now.size, now.epoch);
        co_return ok();
    }
    const io_part part = p.part(i);
    const read_progress::bound had = p.known();
    task<result<rpc::read_chunk::reply>> reading = fs.read_part(p.id, part);
    BFS_CO_TRY(const rpc::read_chunk::reply answer, co_await std::move(reading));
    if (answer.file_size != rpc::read_chunk::unknown_size) { p.told(answer.file_size, answer.epoch); }
    p.came(part, answer, had);
    co_return ok();
}

task<result<std::size_t>> file::read_parts(byte_span into, std::uint64_t offset) {
    file_system& fs = *owner_;
    const part_list parts(offset, into.size(), chunk_size_, fs.part_bytes(id_));
    // A chunk elsewhere does not tell how long the file is: its home is asked at the same time.
    bool asks = true;
    for (std::size_t i = 0; i < parts.count() && asks; ++i) {
        const auto chunk = static_cast<std::uint32_t>(parts.at(i).first / chunk_size_);
        asks = cluster::place_chunk(fs.placement_, id_, chunk) != id_.home();
    }
    file_system::read_progress progress{{id_, chunk_size_, offset, into.data(), &parts}, {end_, epoch_}};
    const auto step = [&](std::size_t i) { return file_system::read_step(fs, progress, i); };
    giving_way others;
    for (bool first = true;; first = false) {
        if (!first) { BFS_CO_CHECK(co_await others.once_more(fs.client_.options().deadline)); }
        progress.begin_again();
        task<status> all =
            runtime::parallel_for(parts.count() + (asks ? 1 : 0), fs.settings_.chunks_at_once, step);
        BFS_CO_CHECK(co_await std::move(all));
        if (progress.too_old()) { continue; }
        if (progress.doubtful()) {
            const std::uint64_t epoch = progress.epoch;
            task<result<attributes>> asking = fs.attributes_of(id_);
            BFS_CO_TRY(const attributes now, co_await std::move(asking));
            progress.told(now.size, now.epoch);
            if (now.epoch != epoch) { continue; }
        }
        if (!progress.unsure()) { co_return within(progress.end(), into.size(), offset); }
    }
}

} // namespace benchfs
