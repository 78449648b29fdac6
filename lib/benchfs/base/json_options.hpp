// Strict configuration: named options bound to variables, set from a JSON object and from a command line.
//
// The owner of the variables adds them once and applies the sources in rising order of rank. What is not known
// or not allowed is refused with a text that names the key, and then nothing of that source has been applied.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/json_members.hpp"
#include "benchfs/base/result.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace benchfs {

enum class option_kind : std::uint8_t { flag, count, bytes, time, text };

/// What a front end needs to offer an option. `-` and `_` are the same in names.
struct option_info {
    std::string name; // as in JSON: "chunk_size"
    std::string help;
    option_kind kind = option_kind::text;
    std::string accepts; // for help texts: "a size from 4KiB to 1GiB"; empty when anything goes
};

class option_set {
public:
    /// Each variable outlives the set and holds its default now. A name that is there already asserts.
    void add(std::string name, std::string help, bool& target);
    void add(std::string name, std::string help, std::string& target);
    /// One of `choices`.
    void add(std::string name, std::string help, std::string& target, std::vector<std::string> choices);
    /// A whole number within [min, max]; negative ones where the type has them.
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    void add(std::string name, std::string help, T& target, std::type_identity_t<T> min = 0,
             std::type_identity_t<T> max = std::numeric_limits<T>::max()) {
        add_number(std::move(name), std::move(help), option_kind::count, target, min, max);
    }
    /// Bytes: a number, or a string such as "4MiB".
    template <std::integral T>
    void add_bytes(std::string name, std::string help, T& target, std::type_identity_t<T> min = 0,
                   std::type_identity_t<T> max = std::numeric_limits<T>::max()) {
        add_number(std::move(name), std::move(help), option_kind::bytes, target, min, max);
    }
    /// A time: a string such as "1500ms", or a whole number of seconds.
    void add(std::string name, std::string help, duration& target, duration min = {},
             duration max = duration::max());

    /// Applies a JSON object all or nothing. On bad_config `error_text` is one line, e.g.
    /// `server.json: unknown key "chunk_sizes" (did you mean "chunk_size"?)`.
    [[nodiscard]] status apply_json(std::string_view text, std::string_view origin, std::string& error_text);

    /// Sets one option from text, as from a command line; leading "--" is ignored. A flag takes true, false,
    /// on, off, yes, no, 1, 0.
    [[nodiscard]] status set(std::string_view name, std::string_view value, std::string& error_text);

    /// The values of all options as a JSON object that apply_json() takes, one line each.
    [[nodiscard]] std::string to_json() const;
    /// The value of one option, as set() takes it; empty if there is none of that name.
    [[nodiscard]] std::string value_of(std::string_view name) const;
    /// In the order in which they were added.
    [[nodiscard]] const std::vector<option_info>& options() const noexcept { return infos_; }

private:
    /// Every kind of value as one integer, or as text.
    struct value {
        std::int64_t number = 0;
        std::string text;
    };
    struct binding {
        std::int64_t min = 0;
        std::int64_t max = 0;
        std::vector<std::string> choices;
        std::function<void(const value&)> store;
        std::function<value()> load;
    };

    template <std::integral T>
    void add_number(std::string name, std::string help, option_kind kind, T& target, T min, T max) {
        binding b;
        b.min = clamp(min);
        b.max = clamp(max);
        b.store = [&target](const value& v) { target = static_cast<T>(v.number); };
        b.load = [&target] { return value{clamp(target), {}}; };
        add_binding({std::move(name), std::move(help), kind, {}}, std::move(b));
    }
    template <std::integral T>
    static std::int64_t clamp(T n) noexcept {
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        return std::cmp_greater(n, most) ? most : static_cast<std::int64_t>(n);
    }

    void add_binding(option_info info, binding b);
    [[nodiscard]] std::size_t find(std::string_view name) const noexcept;
    [[nodiscard]] std::string unknown(std::string_view name, std::string_view what) const;
    [[nodiscard]] std::string show(std::size_t at) const;
    /// Checks without storing.
    [[nodiscard]] result<value> check(std::size_t at, json_kind kind, std::string_view text, bool from_json,
                                      std::string& complaint) const;

    std::vector<option_info> infos_;
    std::vector<binding> bindings_;
};

} // namespace benchfs
