#include "benchfs/storage/wal_survey.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/storage/transfer_progress.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>

namespace benchfs::storage {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

[[nodiscard]] bool is_log_file(const std::string& name) noexcept {
    return name.starts_with("log-") && name.ends_with(".wal");
}

[[nodiscard]] std::string place(const disk& where, const wal_slot& slot, std::size_t at) {
    return std::string(where.where()) + "/" + slot.name + " at offset " + std::to_string(at);
}

[[nodiscard]] std::string other_version(const disk& where, const wal_slot& slot, std::size_t at,
                                        std::uint32_t version) {
    return place(where, slot, at) + ": log format version " + std::to_string(version) +
           ", this release reads version " + std::to_string(wal_version) + "; use the release that wrote it";
}

/// What lies behind a frame that is missing.
struct survivors {
    bool any = false;
    std::uint64_t durable = 0; // the highest frame that one of them calls durable
    // The first frame of another version, whose other fields say nothing to this release.
    std::optional<std::size_t> other_version = {};
    std::uint32_t version = 0;
};

void look_for_survivors(const_byte_span bytes, std::size_t at, std::uint64_t generation, std::uint64_t sequence,
                        survivors& out) {
    wal_frame frame;
    for (; find_frame(bytes, at, generation, sequence, frame); at = wal_padded(at) + 8) {
        if (frame.head.version != wal_version) {
            out.version = frame.head.version;
            out.other_version =
                static_cast<std::size_t>(frame.records.data() - bytes.data()) - sizeof(frame.head);
            return;
        }
        out.any = true;
        out.durable = std::max(out.durable, frame.head.durable);
        // Go on behind this one.
        at = static_cast<std::size_t>(frame.records.data() - bytes.data()) + frame.head.size - 8;
    }
}

/// The same for frames of any generation, in a file whose header was damaged.
[[nodiscard]] survivors look_without_header(const_byte_span bytes, std::uint64_t sequence) {
    survivors out;
    for (std::size_t at = wal_header_bytes; at + sizeof(wal_frame_header) <= bytes.size(); at += 8) {
        wal_frame frame;
        if (!load(bytes.subspan(at), frame.head) || frame.head.magic != wal_frame_header::expected_magic) {
            continue;
        }
        const std::uint64_t generation = frame.head.generation;
        const frame_state state = read_frame(bytes, at, generation, frame);
        const bool whole = state == frame_state::good || state == frame_state::other_version;
        if (!whole || frame.head.sequence < sequence) { continue; }
        out.any = true;
        out.durable = std::max(out.durable, frame.head.durable);
    }
    return out;
}

/// Where the frames of a segment end.
struct segment_end {
    std::size_t at = wal_header_bytes;
    std::uint64_t next = 0; // the number that a frame there would have
    std::uint64_t durable = 0;
    bool torn = false;
};

template <class F>
[[nodiscard]] segment_end walk(const_byte_span bytes, const wal_segment_header& header, std::uint64_t limit,
                               F&& visit) {
    segment_end end;
    end.next = header.first_sequence;
    end.durable = header.durable;
    while (end.next < limit) {
        wal_frame frame;
        const frame_state state = read_frame(bytes, end.at, header.generation, frame);
        end.torn = state == frame_state::torn;
        if (state != frame_state::good || frame.head.sequence != end.next) { break; }
        if (!visit(frame)) { break; }
        end.durable = std::max(end.durable, frame.head.durable);
        end.at += frame.bytes();
        ++end.next;
    }
    return end;
}

} // namespace

std::string wal_file_name(std::size_t number) {
    char name[32];
    std::snprintf(name, sizeof name, "log-%06zu.wal", number);
    return name;
}

runtime::task<result<std::vector<std::byte>>> read_whole(disk_file& file) {
    std::vector<std::byte> bytes(file.size());
    transfer_progress all(bytes.size());
    while (all.left() != 0) {
        const byte_span rest = byte_span(bytes).subspan(all.done(), std::min<std::size_t>(all.left(), 1 << 20));
        const result<std::size_t> got = co_await file.read(all.done(), rest, -1);
        if (got && *got == 0) { co_return errc::io_error; }
        BFS_CO_CHECK(all.add(got));
    }
    co_return bytes;
}

runtime::task<result<std::vector<wal_slot>>> open_log_files(disk& where) {
    BFS_CO_TRY(const std::vector<std::string> names, co_await where.list());
    std::vector<wal_slot> slots;
    for (const std::string& name : names) {
        if (!is_log_file(name)) { continue; }
        wal_slot slot;
        slot.name = name;
        BFS_CO_TRY(slot.file, co_await where.open_log(name, false));
        std::vector<std::byte> head(std::min<std::uint64_t>(slot.file->size(), wal_header_bytes));
        for (std::size_t done = 0; done < head.size();) {
            const result<std::size_t> got = co_await slot.file->read(done, byte_span(head).subspan(done), -1);
            if (!got) { co_return got.error(); }
            if (*got == 0) { break; }
            done += *got;
        }
        slot.state = read_header(head, slot.header);
        slots.push_back(std::move(slot));
    }
    co_return slots;
}

/// The segments that recovery reads, oldest first; `out` learns the generations.
[[nodiscard]] static result<std::vector<std::size_t>>
order_segments(const disk& where, std::vector<wal_slot>& slots, wal_survey& out, std::string& problem) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        slots[i].used = false;
        if (slots[i].state == header_state::other_version) {
            problem = other_version(where, slots[i], 0, slots[i].header.version);
            return errc::protocol_mismatch;
        }
        if (slots[i].state == header_state::good) { order.push_back(i); }
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return slots[i].header.generation; });
    if (!order.empty()) {
        out.generation = slots[order.back()].header.generation;
        out.start_generation = slots[order.back()].header.start_generation;
    }
    std::erase_if(order, [&](std::size_t i) { return slots[i].header.generation < out.start_generation; });
    if (!order.empty() && slots[order.front()].header.generation != out.start_generation) {
        problem =
            std::string(where.where()) + ": the log segment of generation " +
            std::to_string(out.start_generation) +
            ", with which recovery would begin, is missing or its header is damaged; restore the log files";
        return errc::io_error;
    }
    return order;
}

/// Where frames of a segment end: a later one that starts with a lower number was begun after a recovery that
/// ended there.
[[nodiscard]] static std::uint64_t limit_of(const std::vector<wal_slot>& slots,
                                            std::span<const std::size_t> later) noexcept {
    std::uint64_t limit = no_limit;
    for (const std::size_t i : later) { limit = std::min(limit, slots[i].header.first_sequence); }
    return limit;
}

[[nodiscard]] static status refuse_other_version(const disk& where, const wal_slot& slot, const survivors& seen,
                                                 std::string& problem) {
    if (!seen.other_version) { return ok(); }
    problem = other_version(where, slot, *seen.other_version, seen.version);
    return errc::protocol_mismatch;
}

runtime::task<result<wal_survey>> survey_log(const disk& where, std::vector<wal_slot>& slots,
                                             std::string& problem) {
    wal_survey out;
    BFS_CO_TRY(const std::vector<std::size_t> order, order_segments(where, slots, out, problem));

    bool ended = false;
    std::uint64_t expected = order.empty() ? 1 : slots[order.front()].header.first_sequence;
    survivors later;
    std::string gap;
    bool same_cycle = false;
    for (std::size_t n = 0; n < order.size(); ++n) {
        wal_slot& slot = slots[order[n]];
        const wal_segment_header& header = slot.header;
        const std::uint64_t limit = limit_of(slots, std::span(order).subspan(n + 1));
        if (header.first_sequence >= limit) { continue; } // superseded
        BFS_CO_TRY(const std::vector<std::byte> bytes, co_await read_whole(*slot.file));
        if (ended || header.first_sequence != expected) {
            if (!ended) { gap = place(where, slot, 0); }
            ended = true;
            later.any = true;
            later.durable = std::max(later.durable, header.durable);
            look_for_survivors(bytes, wal_header_bytes, header.generation, expected, later);
            BFS_CO_CHECK(refuse_other_version(where, slot, later, problem));
            continue;
        }
        bool behind = false; // frames that may have lost something
        const segment_end end = walk(bytes, header, limit, [](const wal_frame&) { return true; });
        slot.used = true;
        out.parts.push_back({order[n], end.next});
        out.durable = std::max(out.durable, end.durable);
        expected = end.next;
        const bool this_cycle = header.power_cycle == where.power_cycle() && header.power_cycle[0] != 0;
        behind = !this_cycle && end.next > out.durable + 1;
        out.lost_power = out.lost_power || behind;
        if (end.next == limit) { continue; }
        // The last segment, or frames are missing.
        ended = true;
        same_cycle = this_cycle;
        gap = place(where, slot, end.at);
        if (end.torn) { out.torn = gap; }
        look_for_survivors(bytes, end.at, header.generation, expected, later);
        BFS_CO_CHECK(refuse_other_version(where, slot, later, problem));
    }
    out.next_sequence = expected;
    for (wal_slot& slot : slots) {
        if (slot.state != header_state::bad) { continue; }
        BFS_CO_TRY(const std::vector<std::byte> bytes, co_await read_whole(*slot.file));
        // A power failure can tear the header of a segment that was begun behind another one and not synced
        // since: then nothing of it is durable.
        const survivors here = look_without_header(bytes, expected);
        const bool power_lost = !same_cycle && slot.header.power_cycle != where.power_cycle();
        if (!here.any || (!order.empty() && power_lost && here.durable < expected)) { continue; }
        problem = place(where, slot, 0) + ": the header of this log segment is damaged, and it holds changes "
                                          "that were made; restore the file, or the whole store";
        co_return errc::io_error;
    }
    if (later.any && (same_cycle || later.durable >= expected)) {
        problem =
            gap + ": change " + std::to_string(expected) +
            " of the log is damaged, and later ones are there: bytes of the log were changed from outside, "
            "or the device is failing. Nothing is served from this store; restore it";
        co_return errc::io_error;
    }
    out.lost_power = out.lost_power && out.next_sequence > out.durable + 1;
    co_return out;
}

runtime::task<status> replay_log(std::vector<wal_slot>& slots, const wal_survey& survey, std::uint64_t last,
                                 wal_reader& reader) {
    for (const wal_survey::part& part : survey.parts) {
        const wal_slot& slot = slots[part.slot];
        if (slot.header.first_sequence > last) { break; }
        BFS_CO_TRY(const std::vector<std::byte> bytes, co_await read_whole(*slot.file));
        status done = ok();
        (void)walk(bytes, slot.header, std::min(part.end_sequence, last + 1), [&](const wal_frame& frame) {
            done = for_each_record(frame.records, [&](std::uint16_t kind, const_byte_span body) {
                return reader.record(kind, body, frame.head.sequence);
            });
            if (!done) {
                BFS_LOG_ERROR("storage",
                              "%s: change %llu of the log holds what this release does not understand",
                              slot.name.c_str(), static_cast<unsigned long long>(frame.head.sequence));
            }
            return done.has_value();
        });
        BFS_CO_CHECK(done);
    }
    co_return ok();
}

} // namespace benchfs::storage
