#include "benchfs/server/note_check.hpp"

#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/loss_mark.hpp"
#include "benchfs/server/reservations.hpp"
#include "benchfs/server/server_bits.hpp"

namespace benchfs::server {
namespace {

using std::string_view;

// Shared by several kinds.
constexpr string_view wrong_length = "its length is not that of its kind";
constexpr string_view wrong_key = "no server of this cluster gave out its key";
constexpr string_view not_ours = "its key is not one of this server";
constexpr string_view no_such_file = "no server of this cluster gave out its file or directory";

[[nodiscard]] bool ours(file_id id, note_reader reader) noexcept {
    return id.valid() && id.home() == reader.self;
}

[[nodiscard]] string_view intent_problem(const_byte_span body, note_reader reader) {
    const std::optional<intent> what = intent::parse(body);
    if (!what) { return wrong_length; }
    const intent::fixed& head = what->head;
    bool moves = false;
    switch (head.kind) {
    case intent_kind::mkdir:
        if (head.child.home() != reader.self) { return "it makes a directory that lives elsewhere"; }
        break;
    case intent_kind::rmdir:
        break;
    case intent_kind::move_file:
        if (!is_file_or_link(head.type)) { return "it moves something as a file that is none"; }
        moves = true;
        break;
    case intent_kind::move_directory:
        if (head.type != metadata::file_type::directory) { return "it moves a file as a directory"; }
        moves = true;
        break;
    default:
        return "no intention is of its kind";
    }
    if (!possible(head.child, reader.servers)) { return no_such_file; }
    if (!validate_name(what->name)) { return "its name is none"; }
    if (moves ? !validate_name(what->to_name) : !what->to_name.empty()) { return "its new name is none"; }
    return {};
}

[[nodiscard]] string_view duty_problem(const_byte_span body, note_reader reader) {
    duty what;
    if (body.size() != sizeof(what) || !load(body, what)) { return wrong_length; }
    if (what.server >= reader.servers) { return "there is no such server to be told"; }
    const bool to_self = what.server == index(reader.self);
    const file_id id{what.id};
    switch (what.kind) {
    case duty_kind::drop_inode:
        if (!id.valid() || index(id.home()) != what.server) { return "the server to be told has no such file"; }
        return id == root_id ? string_view("it drops the root") : string_view();
    case duty_kind::cut_file:
        if (to_self) { return "a server does not tell itself that a file was cut"; }
        return ours(id, reader) ? string_view() : string_view("it cuts a file of another server");
    case duty_kind::settle_entry:
        return ours(id, reader) ? string_view() : string_view("it settles a move of another server");
    case duty_kind::forget_move:
        return possible(id, reader.servers) ? string_view() : string_view("no server began its move");
    case duty_kind::compare_copies:
        return to_self ? string_view("a server does not compare with itself") : string_view();
    case duty_kind::begins_empty:
        return to_self ? string_view("a server does not tell itself of its store") : string_view();
    }
    return "no duty is of its kind";
}

[[nodiscard]] string_view reservation_problem(std::uint64_t key, const_byte_span body, note_reader reader) {
    const std::optional<reservation> what = reservation::parse(body);
    if (!what) { return wrong_length; }
    if (what->asked.move != key) { return "its move is another one than its key says"; }
    if (!possible({what->asked.child}, reader.servers)) { return no_such_file; }
    return validate_name(what->name) ? string_view() : string_view("its name is none");
}

[[nodiscard]] string_view copies_problem(const_byte_span bits, note_reader reader) {
    if (bits.size() != (reader.servers + 7) / 8) { return wrong_length; }
    for (std::uint32_t s = 0; s < bits.size() * 8; ++s) {
        if (!has_server(bits, s)) { continue; }
        if (s >= reader.servers) { return "it names a server that there is not"; }
        if (s == index(reader.self)) { return "a server has no copies of its own files"; }
    }
    return {};
}

/// Of the kinds that a number is all there is.
[[nodiscard]] string_view number_problem(bool key_is_right, string_view wrong, const_byte_span body) {
    if (!key_is_right) { return wrong; }
    return body.size() == sizeof(std::uint64_t) ? string_view() : wrong_length;
}

} // namespace

bool known(note_kind kind) noexcept {
    switch (kind) {
    case note_kind::intent:
    case note_kind::duty:
    case note_kind::moved:
    case note_kind::reserved:
    case note_kind::copies:
    case note_kind::striped:
    case note_kind::numbers:
    case note_kind::paths:
    case note_kind::target:
    case note_kind::losses:
    case note_kind::lost:
    case note_kind::began:
    case note_kind::lacking:
    case note_kind::appended:
        return true;
    }
    return false;
}

string_view problem_of(note_kind kind, std::uint64_t key, const_byte_span body, note_reader reader) {
    const file_id id{key};
    switch (kind) {
    case note_kind::numbers:
    case note_kind::paths:
        return number_problem(key == 0, "its key is not 0", body);
    case note_kind::losses:
        if (key != 0) { return "its key is not 0"; }
        return body.size() == loss_mark::note_bytes ? string_view() : wrong_length;
    case note_kind::target:
        if (!ours(id, reader)) { return not_ours; }
        return body.empty() || body.size() > rpc::symlink::target_max ? wrong_length : string_view();
    default:
        break;
    }
    if (!known(kind)) { return "this release does not know its kind"; }
    if (reader.servers == 1) { return "a cluster of one server agrees with nobody"; }
    switch (kind) {
    case note_kind::intent:
        return ours(id, reader) ? intent_problem(body, reader) : not_ours;
    case note_kind::duty:
        return ours(id, reader) ? duty_problem(body, reader) : not_ours;
    case note_kind::moved:
        return number_problem(possible(id, reader.servers), wrong_key, body);
    case note_kind::reserved:
        return possible(id, reader.servers) ? reservation_problem(key, body, reader) : wrong_key;
    case note_kind::copies:
    case note_kind::lost:
        return ours(id, reader) ? copies_problem(body, reader) : not_ours;
    case note_kind::began:
    case note_kind::lacking:
        return number_problem(key < reader.servers && key != index(reader.self),
                              "its key is not another server", body);
    case note_kind::appended:
        return number_problem(ours(id, reader), not_ours, body);
    case note_kind::striped:
        return number_problem(possible(id, reader.servers) && id.home() != reader.self,
                              "no other server of this cluster has its file", body);
    default:
        return {};
    }
}

} // namespace benchfs::server
