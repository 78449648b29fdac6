#include "benchfs/cluster/text_fields.hpp"

#include <charconv>

namespace benchfs::cluster {

result<text_fields> text_fields::parse(std::string_view text, std::string& why) {
    text_fields out;
    BFS_TRY(out.members_, parse_json_members(text, why));
    return out;
}

const json_member* text_fields::find(std::string_view key, json_kind kind, std::string& why) const {
    for (const json_member& member : members_) {
        if (member.key != key) { continue; }
        if (member.kind == kind) { return &member; }
        why = "\"" + std::string(key) + "\" is not a " + (kind == json_kind::string ? "string" : "number");
        return nullptr;
    }
    why = "\"" + std::string(key) + "\" is missing";
    return nullptr;
}

status text_fields::text(std::string_view key, std::string& to, std::string& why) const {
    constexpr std::size_t longest = 64 * KiB; // a transport address in hexadecimal
    const json_member* member = find(key, json_kind::string, why);
    if (member == nullptr) { return errc::bad_config; }
    if (member->text.size() > longest) {
        why = "\"" + std::string(key) + "\" is too long";
        return errc::bad_config;
    }
    to = member->text;
    return ok();
}

status text_fields::number(std::string_view key, std::uint64_t& to, std::uint64_t min, std::uint64_t max,
                           std::string& why) const {
    const json_member* member = find(key, json_kind::number, why);
    if (member == nullptr) { return errc::bad_config; }
    const char* end = member->text.data() + member->text.size();
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(member->text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value < min || value > max) {
        why = "\"" + std::string(key) + "\" is " + member->text.substr(0, 40) + ", not a whole number from " +
              std::to_string(min) + " to " + std::to_string(max);
        return errc::bad_config;
    }
    to = value;
    return ok();
}

std::string to_hex(const_byte_span bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        out += digits[std::to_integer<unsigned>(b) >> 4U];
        out += digits[std::to_integer<unsigned>(b) & 15U];
    }
    return out;
}

result<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) { return errc::invalid_argument; }
    std::vector<std::byte> out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned value = 0;
        const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) { return errc::invalid_argument; }
        out.push_back(static_cast<std::byte>(value));
    }
    return out;
}

} // namespace benchfs::cluster
