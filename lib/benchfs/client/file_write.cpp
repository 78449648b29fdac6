// Writing: a range of a file becomes parts of chunks, a few at a time. And what else a file can do.
#include "benchfs/client/io_part.hpp"

#include "benchfs/client/block_range.hpp"
#include "benchfs/client/giving_way.hpp"
#include "benchfs/client/shared_change.hpp"
#include "benchfs/client/write_source.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>
#include <limits>

namespace benchfs {
namespace {

using runtime::task;

} // namespace

/// One chunk's part of a write. The epoch that the bytes belong to.
task<result<std::uint64_t>> file_system::write_chunk(file_id id, std::uint64_t epoch, io_part part) {
    const server_id server = cluster::place_chunk(placement_, id, part.chunk);
    rpc::write_chunk::request request;
    request.id = id.value;
    request.epoch = epoch;
    request.chunk = part.chunk;
    request.offset = part.offset;
    request.size = part.size;
    const bool checksums = client_.peer_of(server).greeting().checksums != 0;
    write_source source({part.memory, part.size}, part.offset, checksums);
    rpc::call_extra extra;
    extra.payload = &source.payload();
    extra.completer = &source;
    BFS_CO_TRY(const rpc::write_chunk::reply done,
               co_await client_.call<rpc::write_chunk>(server, request, extra));
    co_return done.epoch;
}

/// A write of one part at the file's home: size and epoch are its business.
task<result<std::size_t>> file_system::write_part(file_id id, std::uint64_t epoch, io_part part) {
    const std::uint32_t size = part.size;
    task<result<std::uint64_t>> writing = write_chunk(id, epoch, part);
    const result<std::uint64_t> done = co_await std::move(writing);
    if (!done) { co_return done.error(); }
    co_return std::size_t{size};
}

/// A write of several parts, or beside the home, in one truncate epoch.
struct file_system::write_progress : io_range {
    std::uint64_t epoch = 0;
    std::uint64_t end = 0;
    bool* overtaken = nullptr; // by a truncation: all has to be written once more
};

/// Part i, or, after the last one, the size at the home.
task<status> file_system::write_step(file_system& fs, const write_progress& p, std::size_t i) {
    errc outcome = errc::ok;
    if (i == p.parts->count()) {
        const rpc::extend::request request{p.id.value, p.epoch, p.end};
        const auto grown = co_await fs.client_.call<rpc::extend>(p.id.home(), request);
        outcome = grown.error();
    } else {
        task<result<std::uint64_t>> writing = fs.write_chunk(p.id, p.epoch, p.part(i));
        const result<std::uint64_t> done = co_await std::move(writing);
        outcome = done.error();
        if (done && *done != p.epoch) { outcome = errc::stale_epoch; }
    }
    if (outcome != errc::stale_epoch) { co_return outcome; }
    *p.overtaken = true;
    co_return ok();
}

/// The largest part of one read or write: the home's wish, which stands for all servers of the cluster.
std::uint32_t file_system::part_bytes(file_id id) const {
    const std::uint32_t wish = client_.peer_of(id.home()).greeting().part_bytes;
    // Whole blocks, whatever the server says: a part of one would have to be read before it is written.
    return wish < crc_block || wish > rpc::io_max ? rpc::io_max : wish / crc_block * crc_block;
}

/// The whole range as one part of a chunk at the file's home; nothing where it is more than that.
std::optional<file_system::io_part> file_system::only_part(const file& of, std::byte* memory, std::size_t size,
                                                           std::uint64_t offset) const {
    const std::uint64_t in_chunk = offset % of.chunk_size_;
    if (in_chunk + size > of.chunk_size_ || size > part_bytes(of.id_)) { return std::nullopt; }
    io_part part;
    part.chunk = static_cast<std::uint32_t>(offset / of.chunk_size_);
    if (cluster::place_chunk(placement_, of.id_, part.chunk) != of.id_.home()) { return std::nullopt; }
    part.offset = static_cast<std::uint32_t>(in_chunk);
    part.size = static_cast<std::uint32_t>(size);
    part.memory = memory;
    return part;
}

// Not a coroutine: what is checked here costs no frame, and the common case, one part, is one task.
task<result<std::size_t>> file::write(const_byte_span from, std::uint64_t offset) {
    using count = result<std::size_t>;
    if (owner_ == nullptr) { return answer(count(errc::bad_handle)); }
    if (has(flags_, open_flags::append)) { return append(from); }
    if (!has(flags_, open_flags::write)) { return answer(count(errc::bad_handle)); }
    if (from.empty()) { return answer(count(std::size_t{0})); }
    // Beyond the largest offset: a negative number, as POSIX callers have it.
    if (offset > largest_offset) { return answer(count(errc::invalid_argument)); }
    if (from.size() > largest_offset - offset) { return answer(count(errc::file_too_large)); }
    if ((offset + from.size() - 1) / chunk_size_ > std::numeric_limits<std::uint32_t>::max()) {
        return answer(count(errc::file_too_large));
    }
    // A write only reads through the pointer.
    if (const auto part = owner_->only_part(*this, const_cast<std::byte*>(from.data()), from.size(), offset)) {
        return owner_->write_part(id_, epoch_, *part);
    }
    return write_parts(from, offset);
}

/// Those that the home has store bytes of this range.
std::vector<server_id> file_system::servers_beside_home(const file& of, std::uint64_t offset,
                                                        std::uint64_t size) const {
    std::vector<server_id> all;
    if (placement_.servers() == 1) { return all; }
    for (std::uint64_t c = offset / of.chunk_size_; c <= (offset + size - 1) / of.chunk_size_; ++c) {
        const server_id at = cluster::place_chunk(placement_, of.id_, static_cast<std::uint32_t>(c));
        if (at != of.id_.home()) { all.push_back(at); }
    }
    return all;
}

task<result<std::size_t>> file::append(const_byte_span from) {
    file_system& fs = *owner_;
    std::size_t done = 0;
    while (done < from.size()) {
        // One request is one atomic append; a larger one is several in a row.
        const std::size_t size = std::min<std::size_t>({from.size() - done, rpc::io_max, chunk_size_});
        rpc::write_chunk::request request;
        request.id = id_.value;
        request.size = static_cast<std::uint32_t>(size);
        request.how = rpc::write_chunk::append;
        const const_segments payload(from.subspan(done, size));
        rpc::call_extra extra;
        extra.payload = &payload;
        shared_change shared(fs.client_);
        const std::vector<server_id> others = fs.servers_beside_home(*this, end_, size);
        for (const server_id other : others) {
            task<void> meeting = shared_change::expect(shared, other);
            co_await std::move(meeting);
        }
        const result<rpc::write_chunk::reply> stored =
            co_await fs.client_.call<rpc::write_chunk>(id_.home(), request, extra);
        // What came before is there, and its writer must hear of it. But a short answer says that the rest is
        // not there: who may append it again must not be told so of what may have happened.
        if (!stored && done != 0 && stored.error() != errc::outcome_unknown) { break; }
        if (!stored) { co_return stored.error(); }
        for (const server_id other : fs.servers_beside_home(*this, stored->offset, size)) {
            // Others had made the file longer than this client knew. What that server loses before it is met
            // here is not noticed.
            if (std::ranges::find(others, other) == others.end()) {
                task<void> meeting = shared_change::expect(shared, other);
                co_await std::move(meeting);
            }
            shared.made_by(other);
        }
        end_ = stored->offset + size;
        epoch_ = stored->epoch;
        done += size;
    }
    co_return done;
}

/// Several parts, a few at a time, and the size beside them.
task<result<std::size_t>> file::write_parts(const_byte_span from, std::uint64_t offset) {
    file_system& fs = *owner_;
    const part_list parts(offset, from.size(), chunk_size_, fs.part_bytes(id_));
    const std::uint64_t end = offset + from.size();
    // Bytes at the home bring their size along.
    const auto last = static_cast<std::uint32_t>((end - 1) / chunk_size_);
    const bool extends = cluster::place_chunk(fs.placement_, id_, last) != id_.home();
    bool overtaken = true;
    giving_way others;
    for (bool first = true; overtaken; first = false) {
        if (!first) {
            BFS_CO_CHECK(co_await others.once_more(fs.client_.options().deadline));
            task<result<attributes>> asking = fs.attributes_of(id_);
            BFS_CO_TRY(const attributes now, co_await std::move(asking));
            epoch_ = now.epoch;
            end_ = now.size;
        }
        overtaken = false;
        const file_system::write_progress progress{
            {id_, chunk_size_, offset, const_cast<std::byte*>(from.data()), &parts}, epoch_, end, &overtaken};
        const auto step = [&](std::size_t i) { return file_system::write_step(fs, progress, i); };
        task<status> all =
            runtime::parallel_for(parts.count() + (extends ? 1 : 0), fs.settings_.chunks_at_once, step);
        BFS_CO_CHECK(co_await std::move(all));
    }
    co_return from.size();
}

task<status> file::truncate(std::uint64_t size) {
    if (owner_ == nullptr || !(has(flags_, open_flags::write) || has(flags_, open_flags::append))) {
        co_return errc::bad_handle;
    }
    if (size > largest_offset) { co_return errc::invalid_argument; }
    const rpc::set_size::request request{id_.value, size};
    BFS_CO_TRY(const rpc::wire_attributes after,
               co_await owner_->client_.call<rpc::set_size>(id_.home(), request));
    epoch_ = after.epoch;
    end_ = after.size;
    co_return ok();
}

task<result<attributes>> file::stat() {
    if (owner_ == nullptr) { co_return errc::bad_handle; }
    co_return co_await owner_->attributes_of(id_);
}

task<status> file::close() {
    if (owner_ == nullptr) { co_return errc::bad_handle; }
    owner_ = nullptr;
    co_return ok();
}

} // namespace benchfs
