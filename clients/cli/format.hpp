// Numbers as people read them.
#pragma once

#include "benchfs/client/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace benchfs::cli {

/// "512", "1.5K", "20M": at most four characters and a unit of 1024, as ls -h has it.
[[nodiscard]] std::string short_size(std::uint64_t bytes);
/// "1.50 GiB".
[[nodiscard]] std::string long_size(std::uint64_t bytes);
/// `bytes` as it is, or short_size() of it.
[[nodiscard]] std::string size_text(std::uint64_t bytes, bool human);
/// "drwxr-xr-x".
[[nodiscard]] std::string mode_text(const attributes& a);
/// "2026-03-01 14:05:09", in the local time zone.
[[nodiscard]] std::string time_text(std::int64_t ns_since_1970);
/// "0:07", "12:40", "3:05:00".
[[nodiscard]] std::string clock_text(double seconds);
/// "850 ns", "12.5 us", "3.1 ms", "1.2 s".
[[nodiscard]] std::string latency_text(double ns);
/// "file", "directory", ...
[[nodiscard]] std::string_view type_text(const attributes& a);
/// `text` with at least `width` columns, on the right or (negative) on the left.
[[nodiscard]] std::string padded(std::string text, int width);
/// What a terminal must not get from a name, such as escape sequences, shown as \x1b; other bytes as they are.
[[nodiscard]] std::string printable(std::string_view name);

} // namespace benchfs::cli
