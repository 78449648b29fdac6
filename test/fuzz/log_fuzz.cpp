// The files of a store's log, of any content. A server is opened on them as after a crash; it refuses, or it
// serves, can be stopped, and opens again.
#include "stored_server.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/crc32c.hpp"
#include "benchfs/storage/wal_format.hpp"
#include "benchfs/storage/wal_survey.hpp"

#include <algorithm>

namespace benchfs::fuzz {
namespace {

using namespace storage;

struct file_step {
    std::uint8_t repair = 0; // 1: the header's checksum; 2: those of frames
    std::uint8_t reserved = 0;
    std::uint16_t size = 0; // bytes that follow, times 8; zeros after them
};
static_assert(wire_struct<file_step>);

void repair_header(byte_span file) {
    wal_segment_header header;
    if (!load(file, header)) { return; }
    seal(header);
    std::memcpy(file.data(), &header, sizeof header);
}

/// Makes the checksum of every frame right that has the mark and a size that fits.
void repair_frames(byte_span file) {
    for (std::size_t at = wal_header_bytes; at + sizeof(wal_frame_header) <= file.size();) {
        wal_frame_header head;
        BFS_ASSERT(load(file.subspan(at), head));
        const std::size_t room = file.size() - at - sizeof(head);
        if (head.magic != wal_frame_header::expected_magic || head.size > room) {
            at += 8;
            continue;
        }
        head.crc = 0;
        std::memcpy(file.data() + at, &head, sizeof head);
        head.crc = crc32c(file.subspan(at, sizeof(head) + head.size));
        std::memcpy(file.data() + at, &head, sizeof head);
        at += wal_padded(sizeof(head) + head.size);
    }
}

void run_log_files(const_byte_span input) {
    disk_image image = data_only();
    source from(input);
    for (std::size_t i = 0; i < 4 && !from.empty(); ++i) {
        const auto step = from.take<file_step>();
        const const_byte_span given = from.bytes(std::size_t{step.size} * 8);
        byte_string bytes(given.begin(), given.end());
        bytes.resize(std::max<std::size_t>(bytes.size(), (step.repair & 4U) != 0 ? 0 : fuzz_log_segment));
        if ((step.repair & 1U) != 0) { repair_header(bytes); }
        if ((step.repair & 2U) != 0) { repair_frames(bytes); }
        image.files[wal_file_name(i)].bytes = std::move(bytes);
    }
    open_on(image);
}

std::vector<byte_string> log_files_corpus() {
    std::vector<byte_string> all;
    for (const std::uint8_t repair : {std::uint8_t{0}, std::uint8_t{3}}) {
        sink out;
        for (const auto& [name, file] : worked().files) {
            if (!name.starts_with("log-")) { continue; }
            std::size_t used = file.bytes.size();
            while (used > 0 && file.bytes[used - 1] == std::byte{0}) { --used; }
            file_step step;
            step.repair = repair;
            step.size = static_cast<std::uint16_t>(std::min<std::size_t>((used + 7) / 8, 0xffff));
            byte_string bytes(file.bytes.begin(), file.bytes.begin() + static_cast<std::ptrdiff_t>(used));
            bytes.resize(std::size_t{step.size} * 8);
            out.put(step).put_bytes(bytes);
        }
        all.push_back(out.bytes());
    }
    return all;
}

} // namespace

const target log_files_target{"log_files", "the files of a store's log", run_log_files, log_files_corpus, 400};

} // namespace benchfs::fuzz
