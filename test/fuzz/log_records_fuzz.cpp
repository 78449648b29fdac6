// Good frames of any records in the log of a store. A server is opened on it as after a crash; it refuses, or
// it serves, can be stopped, and opens again.
#include "stored_server.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
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

void run_records(const_byte_span input, cluster_shape shape) {
    disk_image image = data_only();
    byte_string& log = image.files[wal_file_name(0)].bytes;
    wal_segment_header header;
    header.generation = 1;
    header.start_generation = 1;
    header.first_sequence = 1;
    header.power_cycle = {image.power_cycles, 1};
    header.store_id = 1;
    header.server = shape.self;
    header.servers = shape.servers;
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
    open_on(image, shape);
}

void run_log_records(const_byte_span input) { run_records(input, {}); }

/// The first byte says which of two servers it is.
void run_log_peers(const_byte_span input) {
    source from(input);
    const std::uint32_t self = from.take<std::uint8_t>() % 2;
    run_records(from.rest(), {self, 2});
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

/// What a server wrote.
byte_string worked_records() {
    disk_image image = worked();
    record_writer writer;
    runtime::loop loop;
    loop.run(read_records(image, writer));
    return writer.out.bytes();
}

using server::duty;
using server::duty_kind;
using server::intent;
using server::intent_kind;
using server::note_kind;

void put_note(sink& out, note_kind kind, std::uint64_t key, const_byte_span body) {
    const auto size = static_cast<std::uint32_t>(body.size());
    put_record(out, journal_kind::note_set, server::journal_note{key, static_cast<std::uint32_t>(kind), size},
               text_of(body));
}

/// A file, link or directory with a name in the root.
void put_named(sink& out, file_id id, metadata::file_type type, std::string_view name, std::uint64_t size = 0) {
    metadata::attributes a;
    a.id = id;
    a.size = size;
    a.type = type;
    a.chunk_size = type == metadata::file_type::file ? 65536 : 0;
    put_record(out, journal_kind::inode_set, a);
    if (a.is_directory()) {
        put_record(out, journal_kind::directory_set, server::journal_directory{id.value, root_id.value});
    }
    const server::journal_dentry entry{root_id.value, id.value, static_cast<std::uint32_t>(type),
                                       static_cast<std::uint32_t>(name.size())};
    put_record(out, journal_kind::dentry_set, entry, name);
}

/// What a server that is alone notes.
byte_string own_notes() {
    sink out;
    put_note(out, note_kind::numbers, 0, bytes_of(std::uint64_t{5000}));
    put_note(out, note_kind::paths, 0, bytes_of(std::uint64_t{4000}));
    put_named(out, {9}, metadata::file_type::symlink, "link", 2);
    put_note(out, note_kind::target, 9, bytes_of_text("/f"));
    return out.bytes();
}

/// Found once: notes of agreements with others, which ended a server that is alone when it acted on them. A
/// duty, and who has copies of the next file that is made, or of one that is there and as large as can be.
std::vector<byte_string> foreign_notes() {
    sink cut;
    put_note(cut, note_kind::duty, 7, bytes_of(duty{duty_kind::cut_file, 1, 5, 1, 0, 65536}));
    sink next;
    put_note(next, note_kind::copies, 5, byte_string(64, std::byte{0xff}));
    sink large;
    metadata::attributes a;
    a.id = {2};
    a.size = std::uint64_t{1} << 63;
    a.epoch = ~std::uint64_t{0};
    a.type = metadata::file_type::file;
    a.chunk_size = 65536;
    put_record(large, journal_kind::inode_set, a);
    put_record(large, journal_kind::dentry_set, server::journal_dentry{1, 2, 1, 1}, "x");
    put_note(large, note_kind::copies, 2, byte_string{std::byte{0}, std::byte{0xff}, std::byte{0xff}});
    return {cut.bytes(), next.bytes(), large.bytes()};
}

std::vector<byte_string> log_records_corpus() {
    // Found once: a directory with an id that none has, over which a checkpoint never came; and one that was
    // removed with what is in it, which ended the server.
    sink impossible;
    put_record(impossible, journal_kind::directory_set, server::journal_directory{std::uint64_t{1} << 56, 1});
    sink full;
    put_record(full, journal_kind::directory_set, server::journal_directory{5, 1});
    put_record(full, journal_kind::dentry_set, server::journal_dentry{5, 6, 1, 1}, "x");
    put_record(full, journal_kind::directory_removed, server::journal_number{5});
    std::vector<byte_string> all{worked_records(), impossible.bytes(), full.bytes(), own_notes()};
    for (byte_string& one : foreign_notes()) { all.push_back(std::move(one)); }
    return all;
}

// ---- one of two servers ----

/// Ids that one of the two gave out.
struct ids_of {
    server_id home;
    [[nodiscard]] file_id operator()(std::uint64_t counter) const noexcept {
        return file_id::make(home, counter);
    }
};

void put_intent(sink& out, std::uint64_t key, intent_kind kind, file_id child, metadata::file_type type,
                std::string_view name, std::string_view to_name = {}) {
    intent what;
    what.head.kind = kind;
    what.head.child = child;
    what.head.type = type;
    what.head.parent = what.head.to_parent = root_id;
    what.head.session = 3;
    what.head.sequence = key;
    what.name = name;
    what.to_name = to_name;
    put_note(out, note_kind::intent, key, what.bytes());
}

/// A crash in the middle of changes of names: intentions, and what was done of those of the other one.
byte_string moves_input(std::uint8_t self) {
    const ids_of mine{server_id{self}};
    const ids_of theirs{server_id{static_cast<std::uint16_t>(1 - self)}};
    sink out;
    out.put(self);
    using metadata::file_type;
    put_named(out, mine(20), file_type::file, "file", 1000);
    put_named(out, mine(21), file_type::directory, "full");
    put_named(out, mine(22), file_type::directory, "empty");
    put_intent(out, mine(30).value, intent_kind::mkdir, mine(23), file_type::none, "new");
    put_intent(out, mine(31).value, intent_kind::rmdir, mine(22), file_type::none, "empty");
    put_intent(out, mine(32).value, intent_kind::move_file, mine(20), file_type::file, "file", "d");
    put_intent(out, mine(33).value, intent_kind::move_directory, mine(21), file_type::directory, "full", "g");
    put_note(out, note_kind::moved, theirs(30).value, bytes_of(std::uint64_t{1}));
    sink kept;
    kept.put(rpc::reserve_entry::request{theirs(31).value, root_id.value, theirs(21).value}).put_text("f");
    put_note(out, note_kind::reserved, theirs(31).value, kept.bytes());
    return out.bytes();
}

/// Every duty there is, and who has chunks of what.
byte_string duties_input(std::uint8_t self) {
    const ids_of mine{server_id{self}};
    const ids_of theirs{server_id{static_cast<std::uint16_t>(1 - self)}};
    const std::uint32_t other = 1U - self;
    sink out;
    out.put(self);
    put_named(out, mine(20), metadata::file_type::file, "file", 200'000);
    put_named(out, mine(21), metadata::file_type::symlink, "link", 2);
    put_note(out, note_kind::target, mine(21).value, bytes_of_text("/f"));
    put_note(out, note_kind::copies, mine(20).value, byte_string{std::byte{1} << other});
    put_note(out, note_kind::striped, theirs(20).value, bytes_of(std::uint64_t{2}));
    put_note(out, note_kind::lost, mine(20).value, byte_string{std::byte{1} << other});
    put_note(out, note_kind::began, other, bytes_of(std::uint64_t{77}));
    put_note(out, note_kind::lacking, other, bytes_of(std::uint64_t{78}));
    put_note(out, note_kind::appended, mine(20).value, bytes_of(std::uint64_t{300'000}));
    put_note(out, note_kind::numbers, 0, bytes_of(std::uint64_t{5000}));
    put_note(out, note_kind::paths, 0, bytes_of(std::uint64_t{4000}));
    std::uint64_t key = 40;
    for (const duty& what : {duty{duty_kind::drop_inode, other, theirs(22).value, 0, 0, 0},
                             duty{duty_kind::drop_inode, self, mine(21).value, 0, 0, 0},
                             duty{duty_kind::cut_file, other, mine(20).value, 1, 100, 65536},
                             duty{duty_kind::cut_file, other, mine(24).value, rpc::cut_file::removed, 0, 65536},
                             duty{duty_kind::settle_entry, other, mine(30).value, 0, 1, 0},
                             duty{duty_kind::settle_entry, self, mine(30).value, 0, 0, 0},
                             duty{duty_kind::begins_empty, other, 79, 0, 0, 0},
                             duty{duty_kind::forget_move, other, mine(31).value, 0, 0, 0},
                             duty{duty_kind::forget_move, self, theirs(31).value, 0, 0, 0},
                             duty{duty_kind::compare_copies, other, 9, 0, 0, 0}}) {
        put_note(out, note_kind::duty, mine(key++).value, bytes_of(what));
    }
    return out.bytes();
}

/// Servers that there are not, and this one where only others belong.
std::vector<byte_string> strange_peers() {
    std::vector<byte_string> all;
    for (const duty& what :
         {duty{duty_kind::cut_file, 2, 5, 1, 0, 65536},
          duty{duty_kind::drop_inode, 77, file_id::make(server_id{77}, 5).value, 0, 0, 0},
          duty{duty_kind::cut_file, 0, 5, 1, 0, 65536}, duty{duty_kind::compare_copies, 0, 5, 0, 0, 0},
          duty{static_cast<duty_kind>(77), 1, 5, 0, 0, 0}}) {
        sink out;
        out.put(std::uint8_t{0});
        put_note(out, note_kind::duty, 7, bytes_of(what));
        all.push_back(out.bytes());
    }
    sink copies;
    copies.put(std::uint8_t{0});
    put_named(copies, {20}, metadata::file_type::file, "file", 200'000);
    put_note(copies, note_kind::copies, 20, byte_string{std::byte{0xff}});
    all.push_back(copies.bytes());
    sink named;
    named.put(std::uint8_t{0});
    put_named(named, file_id::make(server_id{77}, 5), metadata::file_type::file, "file", 200'000);
    all.push_back(named.bytes());
    return all;
}

/// Found once: no ids are left, and a duty, which took one, ended the server.
byte_string no_ids_input() {
    sink out;
    out.put(std::uint8_t{0});
    put_named(out, {20}, metadata::file_type::file, "file", 200'000);
    put_note(out, note_kind::copies, 20, byte_string{std::byte{0b10}});
    put_record(out, journal_kind::ids_reserved, server::journal_number{std::uint64_t{1} << 48});
    return out.bytes();
}

std::vector<byte_string> log_peers_corpus() {
    std::vector<byte_string> all = strange_peers();
    all.push_back(no_ids_input());
    for (const std::uint8_t self : {std::uint8_t{0}, std::uint8_t{1}}) {
        all.push_back(moves_input(self));
        all.push_back(duties_input(self));
    }
    sink out;
    all.push_back(out.put(std::uint8_t{0}).put_bytes(worked_records()).bytes());
    return all;
}

} // namespace

const target log_records_target{"log_records", "the records in a store's log: chunks, namespace, sessions",
                                run_log_records, log_records_corpus, 400};
const target log_peers_target{"log_peers", "the same of one of two servers: what they agree on", run_log_peers,
                              log_peers_corpus, 400};

} // namespace benchfs::fuzz
