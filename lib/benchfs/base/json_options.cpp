#include "benchfs/base/json_options.hpp"

#include "benchfs/base/units.hpp"

#include <algorithm>
#include <charconv>

namespace benchfs {
namespace {

char folded(char c) noexcept { return c == '-' ? '_' : c; }

bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return folded(x) == folded(y); });
}

// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) { row[j] = j; }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::string format_number(option_kind kind, std::int64_t n) {
    if (kind == option_kind::bytes) { return format_bytes(static_cast<std::uint64_t>(n)); }
    if (kind == option_kind::time) { return format_duration(duration{n}); }
    return std::to_string(n);
}

std::string range_text(option_kind kind, std::int64_t min, std::int64_t max) {
    const std::string_view what = kind == option_kind::bytes  ? "a size such as \"4MiB\""
                                  : kind == option_kind::time ? "a time such as \"1500ms\""
                                                              : "a whole number";
    std::string text{what};
    if (max == std::numeric_limits<std::int64_t>::max()) {
        return min == 0 ? text : text + ", at least " + format_number(kind, min);
    }
    return text + ", from " + format_number(kind, min) + " to " + format_number(kind, max);
}

std::string choices_text(const std::vector<std::string>& choices) {
    std::string text;
    for (const std::string& c : choices) { text += (text.empty() ? "\"" : ", \"") + c + "\""; }
    return "one of " + text;
}

result<std::int64_t> parse_number(option_kind kind, std::string_view text) noexcept {
    if (kind == option_kind::time) {
        BFS_TRY(const duration d, parse_duration(text));
        return d.count();
    }
    if (kind == option_kind::bytes) {
        BFS_TRY(const std::uint64_t n, parse_bytes(text));
        if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return errc::bad_config;
        }
        return static_cast<std::int64_t>(n);
    }
    std::int64_t n = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || stop != text.data() + text.size()) { return errc::bad_config; }
    return n;
}

result<bool> parse_flag(std::string_view text) noexcept {
    for (const std::string_view yes : {"true", "on", "yes", "1"}) {
        if (text == yes) { return true; }
    }
    for (const std::string_view no : {"false", "off", "no", "0"}) {
        if (text == no) { return false; }
    }
    return errc::bad_config;
}

} // namespace

void option_set::add_binding(option_info info, binding b) {
    BFS_ASSERT(find(info.name) == infos_.size());
    if (info.kind == option_kind::flag) { info.accepts = "true or false"; }
    if (info.kind == option_kind::text && !b.choices.empty()) { info.accepts = choices_text(b.choices); }
    if (info.kind != option_kind::flag && info.kind != option_kind::text) {
        info.accepts = range_text(info.kind, b.min, b.max);
    }
    infos_.push_back(std::move(info));
    bindings_.push_back(std::move(b));
}

void option_set::add(std::string name, std::string help, bool& target) {
    binding b;
    b.store = [&target](const value& v) { target = v.number != 0; };
    b.load = [&target] { return value{target ? 1 : 0, {}}; };
    add_binding({std::move(name), std::move(help), option_kind::flag, {}}, std::move(b));
}

void option_set::add(std::string name, std::string help, std::string& target) {
    add(std::move(name), std::move(help), target, {});
}

void option_set::add(std::string name, std::string help, std::string& target,
                     std::vector<std::string> choices) {
    binding b;
    b.choices = std::move(choices);
    b.store = [&target](const value& v) { target = v.text; };
    b.load = [&target] { return value{0, target}; };
    add_binding({std::move(name), std::move(help), option_kind::text, {}}, std::move(b));
}

void option_set::add(std::string name, std::string help, duration& target, duration min, duration max) {
    binding b;
    b.min = min.count();
    b.max = max.count();
    b.store = [&target](const value& v) { target = duration{v.number}; };
    b.load = [&target] { return value{target.count(), {}}; };
    add_binding({std::move(name), std::move(help), option_kind::time, {}}, std::move(b));
}

std::size_t option_set::find(std::string_view name) const noexcept {
    const auto at = std::find_if(infos_.begin(), infos_.end(),
                                 [&](const option_info& i) { return same_name(i.name, name); });
    return static_cast<std::size_t>(at - infos_.begin());
}

std::string option_set::unknown(std::string_view name, std::string_view what) const {
    std::string text = std::string("unknown ").append(what) + " " + json_quote(name);
    const option_info* nearest = nullptr;
    std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
    if (name.size() > 64) { return text; } // nobody meant that
    for (const option_info& i : infos_) {
        if (const std::size_t d = distance(name, i.name); d < best) {
            best = d;
            nearest = &i;
        }
    }
    return nearest == nullptr ? text : text + " (did you mean " + json_quote(nearest->name) + "?)";
}

result<option_set::value> option_set::check(std::size_t at, json_kind kind, std::string_view text,
                                            bool from_json, std::string& complaint) const {
    const option_info& info = infos_[at];
    const binding& b = bindings_[at];
    const std::string shown = kind == json_kind::string ? json_quote(text) : std::string(text);
    complaint = shown + " is not " + (info.accepts.empty() ? std::string("a string") : info.accepts);
    switch (info.kind) {
    case option_kind::flag: {
        if (from_json && kind != json_kind::boolean) { return errc::bad_config; }
        BFS_TRY(const bool on, parse_flag(text));
        return value{on ? 1 : 0, {}};
    }
    case option_kind::text: {
        if (kind != json_kind::string) { return errc::bad_config; }
        const bool allowed =
            b.choices.empty() || std::find(b.choices.begin(), b.choices.end(), text) != b.choices.end();
        if (!allowed) { return errc::bad_config; }
        return value{0, std::string(text)};
    }
    case option_kind::count:
        if (from_json && kind != json_kind::number) { return errc::bad_config; }
        break;
    case option_kind::bytes:
    case option_kind::time:
        if (kind != json_kind::number && kind != json_kind::string) { return errc::bad_config; }
        break;
    }
    BFS_TRY(const std::int64_t n, parse_number(info.kind, text));
    if (n < b.min || n > b.max) { return errc::bad_config; }
    return value{n, {}};
}

status option_set::apply_json(std::string_view text, std::string_view origin, std::string& error_text) {
    const std::string prefix = std::string(origin) + ": ";
    auto members = parse_json_members(text, error_text);
    if (!members) {
        error_text.insert(0, prefix);
        return members.error();
    }
    std::vector<std::pair<std::size_t, value>> accepted;
    for (const json_member& m : *members) {
        const std::size_t at = find(m.key);
        if (at == infos_.size()) {
            error_text = prefix + unknown(m.key, "key");
            return errc::bad_config;
        }
        // "a-b" and "a_b" are one option, which the JSON parser cannot know.
        if (std::any_of(accepted.begin(), accepted.end(), [&](const auto& a) { return a.first == at; })) {
            error_text = prefix + "key " + json_quote(m.key) + " comes twice";
            return errc::bad_config;
        }
        std::string complaint;
        auto checked = check(at, m.kind, m.text, true, complaint);
        if (!checked) {
            error_text = prefix + json_quote(m.key) + ": " + complaint;
            return checked.error();
        }
        accepted.emplace_back(at, *std::move(checked));
    }
    for (const auto& [at, v] : accepted) { bindings_[at].store(v); }
    return ok();
}

status option_set::set(std::string_view name, std::string_view text, std::string& error_text) {
    if (name.substr(0, 2) == "--") { name.remove_prefix(2); }
    const std::size_t at = find(name);
    if (at == infos_.size()) {
        error_text = unknown(name, "option");
        return errc::bad_config;
    }
    std::string complaint;
    auto checked = check(at, json_kind::string, text, false, complaint);
    if (!checked) {
        error_text = json_quote(infos_[at].name) + ": " + complaint;
        return checked.error();
    }
    bindings_[at].store(*checked);
    return ok();
}

std::string option_set::show(std::size_t at) const {
    const value v = bindings_[at].load();
    switch (infos_[at].kind) {
    case option_kind::flag:
        return v.number != 0 ? "true" : "false";
    case option_kind::text:
        return v.text;
    default:
        return format_number(infos_[at].kind, v.number);
    }
}

std::string option_set::value_of(std::string_view name) const {
    const std::size_t at = find(name);
    return at == infos_.size() ? std::string{} : show(at);
}

std::string option_set::to_json() const {
    std::string out = "{";
    for (std::size_t at = 0; at < infos_.size(); ++at) {
        const bool bare = infos_[at].kind == option_kind::flag || infos_[at].kind == option_kind::count;
        out += at == 0 ? "\n  " : ",\n  ";
        out += json_quote(infos_[at].name) + ": " + (bare ? show(at) : json_quote(show(at)));
    }
    return out + "\n}\n";
}

} // namespace benchfs
