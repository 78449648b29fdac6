#include "json.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace benchfs::cli {
namespace {

/// How many bytes of a valid UTF-8 character `text` begins with; 0 if it begins with none.
[[nodiscard]] std::size_t character_size(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::size_t size = 0;
    std::uint32_t code = byte(0);
    if (code < 0x80) { return 1; }
    if (code >= 0xc2 && code < 0xe0) {
        size = 2;
        code &= 0x1f;
    } else if (code >= 0xe0 && code < 0xf0) {
        size = 3;
        code &= 0x0f;
    } else if (code >= 0xf0 && code < 0xf5) {
        size = 4;
        code &= 0x07;
    }
    if (size == 0 || text.size() < size) { return 0; }
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) { return 0; }
        code = code << 6 | (byte(i) & 0x3f);
    }
    const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return too_long || surrogate || code > 0x10ffff ? 0 : size;
}

} // namespace

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const char c = text.front();
        const std::size_t size = character_size(text);
        if (size == 0) {
            out += "\\ufffd";
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            std::array<char, 8> code{};
            std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
            out += code.data();
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out + "\"";
}

json_object& json_object::add(std::string_view key, double number) {
    if (!std::isfinite(number)) { return add_raw(key, "null"); }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", number);
    return add_raw(key, text.data());
}

json_object& json_object::add_raw(std::string_view key, std::string_view json) {
    if (!members_.empty()) { members_ += ','; }
    members_ += json_quote(key);
    members_ += ':';
    members_ += json;
    return *this;
}

json_array& json_array::add_raw(std::string_view json) {
    if (!items_.empty()) { items_ += ','; }
    items_ += json;
    return *this;
}

} // namespace benchfs::cli
