// Good frames of any records in the log of a store. A server is opened on it as after a crash; it refuses, or
// it serves, can be stopped, and opens again.
#include "stored_server.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/server/journal_records.hpp"
#include "benchfs/storage/wal_format.hpp"
#include "benchfs/storage/wal_survey.hpp"

#include <string>

namespace benchfs::fuzz {
namespace {

using runtime::task;
using namespace storage;

struct record_step {
    std::uint16_t kind = 0; // 0: the frame ends
    std::uint16_t size = 0; // of the body that follows
};
static_assert(wire_struct<record_step>);

void run_log_records(const_byte_span input) {
    disk_image image = data_only();
    byte_string& log = image.files[wal_file_name(0)].bytes;
    wal_segment_header header;
    header.generation = 1;
    header.start_generation = 1;
    header.first_sequence = 1;
    header.power_cycle = {image.power_cycles, 1};
    header.store_id = 1;
    header.servers = 1;
    header.stride = static_cast<std::uint32_t>(fuzz_data_segment / 4096);
    seal(header);
    log.resize(wal_header_bytes);
    std::memcpy(log.data(), &header, sizeof header);

    std::uint64_t sequence = 1;
    byte_string frame(sizeof(wal_frame_header));
    const auto end_frame = [&] {
        seal_frame(frame, 1, sequence, 0);
        if (log.size() + frame.size() > fuzz_log_segment) { return; }
        log.insert(log.end(), frame.begin(), frame.end());
        log.resize(wal_padded(log.size()));
        ++sequence;
        frame.assign(sizeof(wal_frame_header), std::byte{0});
    };
    source from(input);
    while (!from.empty()) {
        const auto step = from.take<record_step>();
        const const_byte_span body = from.bytes(step.size);
        if (step.kind == 0) {
            end_frame();
        } else {
            append_record(frame, step.kind, {body});
        }
    }
    end_frame();
    log.resize(fuzz_log_segment);
    open_on(image);
}

/// The records of the log that a server wrote.
class record_writer final : public wal_reader {
public:
    [[nodiscard]] status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) override {
        if (sequence != sequence_) {
            out.put(record_step{});
            sequence_ = sequence;
        }
        out.put(record_step{kind, static_cast<std::uint16_t>(body.size())}).put_bytes(body);
        return ok();
    }
    sink out;

private:
    std::uint64_t sequence_ = 0;
};

task<void> read_records(disk_image& image, record_writer& to) {
    disk_memory disk(image);
    auto slots = co_await open_log_files(disk);
    BFS_ASSERT(slots.has_value());
    std::string problem;
    const auto survey = co_await survey_log(disk, *slots, problem);
    BFS_ASSERT(survey.has_value());
    const status done = co_await replay_log(*slots, *survey, survey->next_sequence - 1, to);
    BFS_ASSERT(done.has_value());
    for (wal_slot& slot : *slots) { (void)co_await slot.file->close(); }
}

using server::journal_kind;

template <class T>
void put_record(sink& out, journal_kind kind, const T& body, std::string_view tail = {}) {
    const auto size = static_cast<std::uint16_t>(sizeof(body) + tail.size());
    out.put(record_step{static_cast<std::uint16_t>(kind), size}).put(body).put_text(tail);
}

std::vector<byte_string> log_records_corpus() {
    disk_image image = worked();
    record_writer writer;
    runtime::loop loop;
    loop.run(read_records(image, writer));
    // Found once: a directory with an id that none has, over which a checkpoint never came; and one that was
    // removed with what is in it, which ended the server.
    sink impossible;
    put_record(impossible, journal_kind::directory_set, server::journal_directory{std::uint64_t{1} << 56, 1});
    sink full;
    put_record(full, journal_kind::directory_set, server::journal_directory{5, 1});
    put_record(full, journal_kind::dentry_set, server::journal_dentry{5, 6, 1, 1}, "x");
    put_record(full, journal_kind::directory_removed, server::journal_number{5});
    return {writer.out.bytes(), impossible.bytes(), full.bytes()};
}

} // namespace

const target log_records_target{"log_records", "the records in a store's log: chunks, namespace, sessions",
                                run_log_records, log_records_corpus, 400};

} // namespace benchfs::fuzz
