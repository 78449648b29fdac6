// Notes as a log brings them: what a server can have written is taken up, anything else refuses the start.
#include "benchfs/base/log.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/reservations.hpp"

#include "catch.hpp"

#include <optional>
#include <string>

using namespace benchfs;
using namespace benchfs::server;

namespace {

using body_bytes = std::vector<std::byte>;

constexpr server_id reading{1};
constexpr std::uint64_t ours = file_id::make(reading, 7).value;
constexpr std::uint64_t theirs = file_id::make(server_id{2}, 7).value;
constexpr std::uint64_t nobodys = file_id::make(server_id{3}, 7).value; // of a cluster of three
constexpr std::uint64_t uncounted = file_id::make(reading, 0).value;

/// Hands a note to the journal of a server as a log does.
struct log_of_notes {
    explicit log_of_notes(std::uint32_t of = 3, server_id self = reading) : servers(of) {
        options.self = self;
        journal.recover_into(names.emplace(options, journal), notes, servers);
        set_log_level(log_level::off);
    }
    log_of_notes(const log_of_notes&) = delete;
    log_of_notes& operator=(const log_of_notes&) = delete;
    ~log_of_notes() { set_log_level(level); }

    errc record(journal_kind kind, std::uint32_t note, std::uint64_t key, const body_bytes& body) {
        const journal_note head{key, note, static_cast<std::uint32_t>(body.size())};
        body_bytes all(sizeof(head) + body.size());
        std::memcpy(all.data(), &head, sizeof(head));
        std::copy(body.begin(), body.end(), all.begin() + sizeof(head));
        return journal.record(static_cast<std::uint16_t>(kind), all, 1).error();
    }
    errc tell(note_kind kind, std::uint64_t key, const body_bytes& body) {
        return record(journal_kind::note_set, static_cast<std::uint32_t>(kind), key, body);
    }
    errc tell_dentry(std::uint64_t child, std::uint32_t type) {
        const journal_dentry head{root_id.value, child, type, 1};
        body_bytes all(sizeof(head) + 1, std::byte{'x'});
        std::memcpy(all.data(), &head, sizeof(head));
        return journal.record(static_cast<std::uint16_t>(journal_kind::dentry_set), all, 1).error();
    }

    const log_level level = current_log_level();
    std::uint32_t servers;
    metadata::name_space_options options;
    server::journal journal;
    std::optional<metadata::name_space> names;
    note_table notes;
};

template <wire_struct T>
body_bytes raw(const T& value) {
    const const_byte_span all = bytes_of(value);
    return {all.begin(), all.end()};
}
body_bytes raw_text(std::string_view text) {
    const const_byte_span all = std::as_bytes(std::span(text));
    return {all.begin(), all.end()};
}
body_bytes longer(body_bytes body) {
    body.push_back(std::byte{0});
    return body;
}
body_bytes shorter(body_bytes body) {
    body.pop_back();
    return body;
}
const body_bytes number = raw(std::uint64_t{1});

intent good_intent(intent_kind kind) {
    intent what;
    what.head.kind = kind;
    what.head.child = {kind == intent_kind::mkdir ? ours + 1 : theirs};
    what.head.parent = root_id;
    what.name = "name";
    if (kind == intent_kind::move_file) { what.head.type = metadata::file_type::symlink; }
    if (kind == intent_kind::move_directory) { what.head.type = metadata::file_type::directory; }
    if (kind == intent_kind::move_file || kind == intent_kind::move_directory) {
        what.head.to_parent = root_id;
        what.to_name = "other";
    }
    return what;
}

duty good_duty(duty_kind kind) {
    duty what;
    what.kind = kind;
    what.server = 2;
    what.id = kind == duty_kind::drop_inode ? theirs : ours;
    what.chunk_size = 4096;
    return what;
}

body_bytes good_reservation(std::uint64_t move, std::uint64_t child, std::string_view name) {
    body_bytes all = raw(rpc::reserve_entry::request{move, root_id.value, child});
    const body_bytes text = raw_text(name);
    all.insert(all.end(), text.begin(), text.end());
    return all;
}

constexpr std::array intents{intent_kind::mkdir, intent_kind::rmdir, intent_kind::move_file,
                             intent_kind::move_directory};
constexpr std::array all_duties{duty_kind::drop_inode,  duty_kind::cut_file,       duty_kind::settle_entry,
                                duty_kind::forget_move, duty_kind::compare_copies, duty_kind::begins_empty};

/// The note is refused, and nothing of it is taken up.
void refused(log_of_notes& log, note_kind kind, std::uint64_t key, const body_bytes& body) {
    CHECK(log.tell(kind, key, body) == errc::bad_frame);
    CHECK(log.notes.size() == 0);
}

} // namespace

TEST_CASE("a log's notes of every kind are taken up") {
    log_of_notes log;
    for (const intent_kind kind : intents) {
        CHECK(log.tell(note_kind::intent, ours, good_intent(kind).bytes()) == errc::ok);
    }
    for (const duty_kind kind : all_duties) {
        CHECK(log.tell(note_kind::duty, ours, raw(good_duty(kind))) == errc::ok);
    }
    duty own = good_duty(duty_kind::drop_inode); // of an inode whose last name went with a move
    own.server = 1;
    own.id = ours;
    CHECK(log.tell(note_kind::duty, ours, raw(own)) == errc::ok);
    duty forgotten = good_duty(duty_kind::forget_move); // of a move that another server began
    forgotten.server = 0;
    forgotten.id = theirs;
    CHECK(log.tell(note_kind::duty, ours, raw(forgotten)) == errc::ok);
    CHECK(log.tell(note_kind::moved, theirs, number) == errc::ok);
    CHECK(log.tell(note_kind::reserved, theirs, good_reservation(theirs, theirs, "name")) == errc::ok);
    CHECK(log.tell(note_kind::copies, ours, {std::byte{0b101}}) == errc::ok);
    CHECK(log.tell(note_kind::striped, theirs, number) == errc::ok);
    CHECK(log.tell(note_kind::numbers, 0, number) == errc::ok);
    CHECK(log.tell(note_kind::paths, 0, number) == errc::ok);
    CHECK(log.tell(note_kind::target, ours, raw_text("/somewhere")) == errc::ok);
    CHECK(log.tell(note_kind::losses, 0, body_bytes(32)) == errc::ok);
    CHECK(log.tell(note_kind::lost, ours, {std::byte{0b101}}) == errc::ok);
    CHECK(log.tell(note_kind::began, 0, number) == errc::ok);
    CHECK(log.tell(note_kind::lacking, 2, number) == errc::ok);
    CHECK(log.tell(note_kind::appended, ours, number) == errc::ok);
    CHECK(log.notes.size() == 14);
    for (std::uint32_t kind = 1; kind <= 9; ++kind) {
        CHECK(log.record(journal_kind::note_removed, kind, ours, {}) == errc::ok);
    }
}

TEST_CASE("a log with a note of an unknown kind is refused") {
    log_of_notes log;
    for (const std::uint32_t kind : {0U, 15U, 77U, 0x10000U + 7U}) {
        CHECK(log.record(journal_kind::note_set, kind, ours, number) == errc::bad_frame);
        CHECK(log.record(journal_kind::note_removed, kind, ours, {}) == errc::bad_frame);
    }
    CHECK(log.notes.size() == 0);
}

TEST_CASE("a log with a record of an unknown kind is refused") {
    log_of_notes log;
    for (const std::uint16_t kind : {std::uint16_t{41}, std::uint16_t{51}, std::uint16_t{0xffff}}) {
        CHECK(log.journal.record(kind, number, 1).error() == errc::bad_frame);
    }
}

TEST_CASE("a log with an intention that nobody can have had is refused") {
    log_of_notes log;
    for (const intent_kind kind : intents) {
        const intent good = good_intent(kind);
        refused(log, note_kind::intent, theirs, good.bytes());
        refused(log, note_kind::intent, uncounted, good.bytes());
        intent bad = good;
        bad.name = "";
        refused(log, note_kind::intent, ours, bad.bytes());
        bad.name = "a/b";
        refused(log, note_kind::intent, ours, bad.bytes());
        bad = good;
        bad.head.child = {nobodys};
        refused(log, note_kind::intent, ours, bad.bytes());
        bad.head.child = {uncounted};
        refused(log, note_kind::intent, ours, bad.bytes());
        bad = good;
        bad.to_name = good.to_name.empty() ? "more" : "";
        refused(log, note_kind::intent, ours, bad.bytes());
        bad = good;
        bad.head.kind = static_cast<intent_kind>(kind == intent_kind::mkdir ? 0 : 5);
        refused(log, note_kind::intent, ours, bad.bytes());
        body_bytes cut = good.bytes();
        cut.resize(sizeof(intent::fixed) + 3); // in the middle of its name
        refused(log, note_kind::intent, ours, cut);
        cut.resize(sizeof(intent::fixed) - 1);
        refused(log, note_kind::intent, ours, cut);
    }
    intent elsewhere = good_intent(intent_kind::mkdir);
    elsewhere.head.child = {theirs};
    refused(log, note_kind::intent, ours, elsewhere.bytes());
    for (const intent_kind kind : {intent_kind::move_file, intent_kind::move_directory}) {
        intent other_type = good_intent(kind);
        for (const std::uint32_t type : {0U, kind == intent_kind::move_file ? 2U : 1U, 4U}) {
            other_type.head.type = static_cast<metadata::file_type>(type);
            refused(log, note_kind::intent, ours, other_type.bytes());
        }
    }
}

TEST_CASE("a log with a duty that cannot be one is refused") {
    log_of_notes log;
    for (const duty_kind kind : all_duties) {
        const duty good = good_duty(kind);
        refused(log, note_kind::duty, theirs, raw(good));
        refused(log, note_kind::duty, ours, shorter(raw(good)));
        refused(log, note_kind::duty, ours, longer(raw(good)));
        duty bad = good;
        for (const std::uint32_t server : {3U, 0x10001U, ~0U}) {
            bad.server = server;
            refused(log, note_kind::duty, ours, raw(bad));
        }
        bad = good;
        bad.id = nobodys;
        const bool of_a_start = kind == duty_kind::compare_copies || kind == duty_kind::begins_empty;
        if (!of_a_start) { refused(log, note_kind::duty, ours, raw(bad)); }
    }
    for (const std::uint32_t kind : {0U, 7U, 77U}) {
        refused(log, note_kind::duty, ours, raw(good_duty(static_cast<duty_kind>(kind))));
    }
    for (const duty_kind kind : {duty_kind::cut_file, duty_kind::compare_copies, duty_kind::begins_empty}) {
        duty to_self = good_duty(kind);
        to_self.server = 1;
        refused(log, note_kind::duty, ours, raw(to_self));
    }
    for (const duty_kind kind : {duty_kind::cut_file, duty_kind::settle_entry}) {
        duty of_another = good_duty(kind);
        of_another.id = theirs;
        refused(log, note_kind::duty, ours, raw(of_another));
    }
    duty of_root = good_duty(duty_kind::drop_inode);
    of_root.id = root_id.value;
    of_root.server = 0;
    refused(log, note_kind::duty, ours, raw(of_root));
}

TEST_CASE("a log with a reservation or a move that no server can have asked for is refused") {
    log_of_notes log;
    refused(log, note_kind::reserved, nobodys, good_reservation(nobodys, theirs, "name"));
    refused(log, note_kind::reserved, theirs, good_reservation(ours, theirs, "name"));
    refused(log, note_kind::reserved, theirs, good_reservation(theirs, nobodys, "name"));
    refused(log, note_kind::reserved, theirs, good_reservation(theirs, theirs, ""));
    refused(log, note_kind::reserved, theirs, good_reservation(theirs, theirs, ".."));
    refused(log, note_kind::reserved, theirs, shorter(good_reservation(theirs, theirs, "")));
    refused(log, note_kind::moved, nobodys, number);
    refused(log, note_kind::moved, uncounted, number);
    refused(log, note_kind::moved, theirs, shorter(number));
}

TEST_CASE("a log that notes copies where none can be is refused") {
    log_of_notes log;
    refused(log, note_kind::copies, ours, {std::byte{0b1000}}); // server 3 of three
    refused(log, note_kind::copies, ours, {std::byte{0b0010}}); // this one
    refused(log, note_kind::copies, ours, {std::byte{1}, std::byte{0}});
    refused(log, note_kind::copies, ours, {});
    refused(log, note_kind::copies, theirs, {std::byte{1}});
    refused(log, note_kind::lost, ours, {std::byte{0b0010}});
    refused(log, note_kind::lost, theirs, {std::byte{1}});
    refused(log, note_kind::losses, 1, body_bytes(32));
    refused(log, note_kind::losses, 0, body_bytes(24));
    for (const note_kind kind : {note_kind::began, note_kind::lacking}) {
        refused(log, kind, 1, number); // this one
        refused(log, kind, 3, number);
        refused(log, kind, 2, shorter(number));
    }
    refused(log, note_kind::appended, theirs, number);
    refused(log, note_kind::appended, ours, shorter(number));
    refused(log, note_kind::striped, ours, number);
    refused(log, note_kind::striped, nobodys, number);
    refused(log, note_kind::striped, theirs, longer(number));
    log_of_notes of_nine(9);
    CHECK(of_nine.tell(note_kind::copies, ours, {std::byte{0}, std::byte{1}}) == errc::ok);
    CHECK(of_nine.tell(note_kind::copies, ours, {std::byte{0}, std::byte{2}}) == errc::bad_frame);
}

TEST_CASE("a log with numbers or a link's target that cannot be is refused") {
    log_of_notes log;
    for (const note_kind kind : {note_kind::numbers, note_kind::paths}) {
        refused(log, kind, 1, number);
        refused(log, kind, 0, shorter(number));
        refused(log, kind, 0, {});
    }
    refused(log, note_kind::target, theirs, raw_text("/somewhere"));
    refused(log, note_kind::target, ours, {});
    refused(log, note_kind::target, ours, body_bytes(rpc::symlink::target_max + 1, std::byte{'x'}));
}

TEST_CASE("a server that is alone has agreed on nothing") {
    log_of_notes log(1, server_id{0});
    constexpr std::uint64_t own = 7;
    duty to_self = good_duty(duty_kind::drop_inode);
    to_self.server = 0;
    to_self.id = own;
    refused(log, note_kind::duty, own, raw(to_self));
    refused(log, note_kind::intent, own, good_intent(intent_kind::rmdir).bytes());
    refused(log, note_kind::moved, own, number);
    refused(log, note_kind::reserved, own, good_reservation(own, own, "name"));
    refused(log, note_kind::copies, own, {std::byte{0}});
    refused(log, note_kind::striped, own, number);
    CHECK(log.tell(note_kind::target, own, raw_text("/somewhere")) == errc::ok);
    CHECK(log.tell(note_kind::numbers, 0, number) == errc::ok);
    CHECK(log.tell(note_kind::paths, 0, number) == errc::ok);
}

TEST_CASE("a log that gave out more ids than there are is refused") {
    log_of_notes log;
    constexpr auto kind = static_cast<std::uint16_t>(journal_kind::ids_reserved);
    CHECK(log.journal.record(kind, raw(std::uint64_t{1} << 48), 1));
    CHECK(log.journal.record(kind, raw((std::uint64_t{1} << 48) + 1), 1).error() == errc::bad_frame);
    CHECK(log.journal.record(kind, raw(~std::uint64_t{0}), 1).error() == errc::bad_frame);
}

TEST_CASE("a log with a name that means nothing of this cluster is refused") {
    log_of_notes log;
    for (const std::uint32_t type : {1U, 2U, 3U}) { CHECK(log.tell_dentry(theirs, type) == errc::ok); }
    CHECK(log.tell_dentry(nobodys, 1) == errc::bad_frame);
    CHECK(log.tell_dentry(uncounted, 1) == errc::bad_frame);
    for (const std::uint32_t type : {0U, 4U, 257U}) { CHECK(log.tell_dentry(theirs, type) == errc::bad_frame); }
}
