#include "benchfs/base/json_members.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace benchfs {
namespace {

/// Takes what the parser reports; false ends the parse.
class collector {
public:
    collector(std::string_view text, std::string& error) : text_(text), error_(error) {}

    std::vector<json_member> members;

    bool null() { return value(json_kind::null, "null"); }
    bool boolean(bool v) { return value(json_kind::boolean, v ? "true" : "false"); }
    bool number_integer(std::int64_t v) { return value(json_kind::number, std::to_string(v)); }
    bool number_unsigned(std::uint64_t v) { return value(json_kind::number, std::to_string(v)); }
    bool number_float(double, const std::string& written) { return value(json_kind::number, written); }
    bool string(std::string& v) { return value(json_kind::string, std::move(v)); }
    bool binary(nlohmann::json::binary_t&) { return refuse("binary values are not JSON"); }

    bool key(std::string& k) {
        const bool twice =
            std::any_of(members.begin(), members.end(), [&](const json_member& m) { return m.key == k; });
        if (twice) { return refuse("key " + json_quote(k) + " comes twice"); }
        members.push_back({std::move(k), json_kind::null, {}});
        return true;
    }
    bool start_object(std::size_t) {
        if (inside_) { return refuse(last_key() + " is an object; a plain value is expected"); }
        inside_ = true;
        return true;
    }
    bool end_object() { return true; }
    bool start_array(std::size_t) {
        return inside_ ? refuse(last_key() + " is an array; a plain value is expected") : not_an_object();
    }
    bool end_array() { return true; }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) {
        // "[json.exception...] parse error at line 1, column 2: what was wrong"
        std::string_view what = e.what();
        const std::size_t colon = what.find(": ");
        if (colon != what.npos) { what.remove_prefix(colon + 2); }
        const std::string_view before =
            text_.substr(0, std::min(position == 0 ? 0 : position - 1, text_.size()));
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1; // npos + 1 is 0
        return refuse("line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                      std::string(what));
    }

private:
    bool value(json_kind kind, std::string text) {
        if (!inside_) { return not_an_object(); }
        members.back().kind = kind;
        members.back().text = std::move(text);
        return true;
    }
    bool not_an_object() { return refuse("a JSON object is expected: { \"key\": value, ... }"); }
    std::string last_key() const { return json_quote(members.back().key); }
    bool refuse(std::string text) {
        error_ = std::move(text);
        return false;
    }

    std::string_view text_;
    std::string& error_;
    bool inside_ = false;
};

} // namespace

result<std::vector<json_member>> parse_json_members(std::string_view text, std::string& error_text) {
    collector found(text, error_text);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &found)) { return errc::bad_config; }
    return std::move(found.members);
}

std::string json_quote(std::string_view text) {
    return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace benchfs
