// JSON for other programs: values are written in the order in which they are given, one object or array a
// command.
//
//     json_object o;
//     o.add("path", path).add("size", size);
//     puts(o.text().c_str());
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs::cli {

/// `text` in quotes. Bytes that are no UTF-8 (names may have any) become U+FFFD: the output is always valid
/// JSON.
[[nodiscard]] std::string json_quote(std::string_view text);

class json_object {
public:
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    json_object& add(std::string_view key, T number) {
        return add_raw(key, std::to_string(number));
    }
    json_object& add(std::string_view key, bool value) { return add_raw(key, value ? "true" : "false"); }
    /// With at most six significant digits.
    json_object& add(std::string_view key, double number);
    json_object& add(std::string_view key, std::string_view text) { return add_raw(key, json_quote(text)); }
    json_object& add(std::string_view key, const char* text) { return add(key, std::string_view(text)); }
    /// `json` is JSON already: a nested object or array.
    json_object& add_raw(std::string_view key, std::string_view json);
    [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }

private:
    std::string members_;
};

class json_array {
public:
    /// `json` is JSON already.
    json_array& add_raw(std::string_view json);
    json_array& add(std::string_view text) { return add_raw(json_quote(text)); }
    [[nodiscard]] std::string text() const { return "[" + items_ + "]"; }

private:
    std::string items_;
};

} // namespace benchfs::cli
