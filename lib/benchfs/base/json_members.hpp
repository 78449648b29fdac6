// The members of one flat JSON object, read strictly: what a configuration file may contain.
#pragma once

#include "benchfs/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace benchfs {

enum class json_kind : std::uint8_t { boolean, number, string, null };

struct json_member {
    std::string key;
    json_kind kind = json_kind::null;
    std::string text; // as written; of a string, its value
};

/// The members in their order. bad_config, with `error_text` saying where and what: malformed JSON (line and
/// column), anything but one object, an array or object as a value, a key that comes twice.
[[nodiscard]] result<std::vector<json_member>> parse_json_members(std::string_view text,
                                                                  std::string& error_text);

/// The text as a JSON string, with its quotes. Bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string json_quote(std::string_view text);

} // namespace benchfs
