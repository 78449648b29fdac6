// Absolute, normalised paths: what a caller wrote, checked once at the border.
#pragma once

#include "benchfs/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace benchfs {

inline constexpr std::size_t name_max = 255;  // bytes in one name
inline constexpr std::size_t path_max = 4095; // bytes in a path, as it was given

/// A name that a directory entry can have: not empty, not "." or "..", no "/" and no NUL (invalid_argument), at
/// most name_max bytes (name_too_long).
[[nodiscard]] status validate_name(std::string_view name) noexcept;

/// "//", "." and ".." are resolved as text; the result begins with "/" and has no "/" at its end, except the
/// root.
class path {
public:
    /// The root.
    path() : text_("/") {}

    /// invalid_argument: no "/" in front, a NUL byte, ".." above the root. name_too_long: a name over name_max
    /// or the whole over path_max bytes.
    [[nodiscard]] static result<path> parse(std::string_view text);

    /// How many names; 0 for the root.
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
    /// Name number i < depth(). Walks the text, which is short. Refers into this object.
    [[nodiscard]] std::string_view component(std::size_t i) const noexcept;
    /// The last name; empty for the root. Refers into this object.
    [[nodiscard]] std::string_view name() const noexcept;
    /// The path without its last name; the root is its own parent.
    [[nodiscard]] path parent() const;
    /// This path with one more name; the errors of validate_name, or name_too_long.
    [[nodiscard]] result<path> child(std::string_view name) const;
    [[nodiscard]] std::string_view str() const noexcept { return text_; }
    [[nodiscard]] bool is_root() const noexcept { return depth_ == 0; }
    /// It was written with "/", "/." or "/.." at its end: POSIX wants a directory there (not_a_directory else).
    [[nodiscard]] bool names_directory() const noexcept { return names_directory_; }

    friend bool operator==(const path& a, const path& b) noexcept { return a.text_ == b.text_; }

private:
    void append(std::string_view name);
    void remove_last() noexcept;

    std::string text_;
    std::size_t depth_ = 0;
    bool names_directory_ = true;
};

} // namespace benchfs
