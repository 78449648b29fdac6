#include "format.hpp"

#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace benchfs::cli {
namespace {

[[gnu::format(printf, 1, 2)]] std::string text_of(const char* format, ...) {
    std::array<char, 96> text{};
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text.data(), text.size(), format, arguments);
    va_end(arguments);
    return text.data();
}

constexpr std::array units{"", "K", "M", "G", "T", "P", "E"};

/// The value in the largest unit that leaves it at 1 or more, as it will be shown.
[[nodiscard]] double scaled(std::uint64_t bytes, std::size_t& unit) {
    auto value = static_cast<double>(bytes);
    for (unit = 0; value >= 1023.95 && unit + 1 < units.size(); ++unit) { value /= 1024; }
    return value;
}

} // namespace

std::string short_size(std::uint64_t bytes) {
    std::size_t unit = 0;
    const double value = scaled(bytes, unit);
    if (unit == 0) { return std::to_string(bytes); }
    return text_of(value < 9.95 ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

std::string long_size(std::uint64_t bytes) {
    std::size_t unit = 0;
    const double value = scaled(bytes, unit);
    if (unit == 0) { return std::to_string(bytes) + " B"; }
    return text_of("%.*f %siB", value < 10 ? 2 : 1, value, units[unit]);
}

std::string size_text(std::uint64_t bytes, bool human) {
    return human ? short_size(bytes) : std::to_string(bytes);
}

std::string mode_text(const attributes& a) {
    std::string text = a.is_directory() ? "d" : type_text(a) == "symlink" ? "l" : "-";
    constexpr std::string_view letters = "rwxrwxrwx";
    for (unsigned i = 0; i < 9; ++i) { text += (a.mode & (0400U >> i)) != 0 ? letters[i] : '-'; }
    const auto special = [&](unsigned bit, std::size_t at, char with, char without) {
        if ((a.mode & bit) != 0) { text[at] = text[at] == 'x' ? with : without; }
    };
    special(04000, 3, 's', 'S');
    special(02000, 6, 's', 'S');
    special(01000, 9, 't', 'T');
    return text;
}

std::string time_text(std::int64_t ns_since_1970) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::time_t seconds = ns_since_1970 / second - (ns_since_1970 % second < 0 ? 1 : 0);
    std::tm parts{};
    if (::localtime_r(&seconds, &parts) == nullptr) { return std::to_string(seconds); }
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return text.data();
}

std::string clock_text(double seconds) {
    if (!(seconds >= 0) || seconds > 359999) { return "--:--"; }
    const auto all = static_cast<unsigned>(std::lround(seconds));
    if (all >= 3600) { return text_of("%u:%02u:%02u", all / 3600, all / 60 % 60, all % 60); }
    return text_of("%u:%02u", all / 60, all % 60);
}

std::string latency_text(double ns) {
    if (ns < 1e3) { return text_of("%.0f ns", ns); }
    if (ns < 1e6) { return text_of("%.1f us", ns / 1e3); }
    if (ns < 1e9) { return text_of("%.1f ms", ns / 1e6); }
    return text_of("%.2f s", ns / 1e9);
}

std::string_view type_text(const attributes& a) {
    switch (static_cast<std::uint32_t>(a.type)) {
    case static_cast<std::uint32_t>(file_type::file):
        return "file";
    case static_cast<std::uint32_t>(file_type::directory):
        return "directory";
    case static_cast<std::uint32_t>(file_type::symlink):
        return "symlink";
    default:
        return "other";
    }
}

std::string padded(std::string text, int width) {
    const auto want = static_cast<std::size_t>(width < 0 ? -width : width);
    if (text.size() >= want) { return text; }
    const std::string blanks(want - text.size(), ' ');
    return width < 0 ? text + blanks : blanks + text;
}

std::string printable(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += text_of("\\x%02x", byte);
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace benchfs::cli
