// Which build of benchfs this is: client and server tell each other, and somebody who looks for a fault sees
// it.
//
// The release, and in a clone of the repository the commit: "0.1.0+97376af6". Two builds that speak the same
// protocol work together.
#pragma once

#include <array>
#include <string_view>

namespace benchfs::rpc {

/// As it crosses the wire; zeros behind it.
using build_text = std::array<char, 24>;

/// Lives for ever.
[[nodiscard]] std::string_view build_id() noexcept;
[[nodiscard]] build_text build_on_wire() noexcept;
/// What another process said, up to the first byte that is not printable. Refers to `said`.
[[nodiscard]] std::string_view build_of(const build_text& said) noexcept;

/// Whether somebody has to be told that the other side is another build: once is enough.
class build_watch {
public:
    /// True the first time that `theirs` is not ours.
    [[nodiscard]] bool first_other(std::string_view theirs) noexcept {
        if (told_ || theirs == build_id()) { return false; }
        return told_ = true;
    }

private:
    bool told_ = false;
};

} // namespace benchfs::rpc
