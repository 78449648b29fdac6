// The directory through which BenchFS Mini's clients find its servers: server_{rank}.txt holds hostname:port.
#pragma once

#include "benchfs/base/result.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <unistd.h>

namespace benchfs::mini {

[[nodiscard]] inline std::string entry_path(const std::string& registry, int rank) {
    return registry + "/server_" + std::to_string(rank) + ".txt";
}

/// Nothing if there is no such file.
[[nodiscard]] inline std::optional<std::string> read_entry(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) { return std::nullopt; }
    std::array<char, 512> text{};
    const std::size_t n = std::fread(text.data(), 1, text.size(), file);
    std::fclose(file);
    std::string entry(text.data(), n);
    while (!entry.empty() && (entry.back() == '\n' || entry.back() == '\r' || entry.back() == ' ')) {
        entry.pop_back();
    }
    return entry;
}

/// Whole or not at all, for whoever reads it meanwhile.
[[nodiscard]] inline status write_entry(const std::string& path, const std::string& entry) {
    const std::string fresh = path + "." + std::to_string(::getpid()) + ".tmp";
    std::FILE* file = std::fopen(fresh.c_str(), "we");
    if (file == nullptr) { return from_errno(errno); }
    const bool written = std::fputs((entry + "\n").c_str(), file) >= 0;
    if (std::fclose(file) != 0 || !written || std::rename(fresh.c_str(), path.c_str()) != 0) {
        const int why = errno;
        ::unlink(fresh.c_str());
        return from_errno(why);
    }
    return ok();
}

struct location {
    std::string host;
    std::uint16_t port = 0;
};

[[nodiscard]] inline std::optional<location> parse_entry(const std::string& entry) {
    const std::size_t colon = entry.rfind(':');
    if (colon == std::string::npos || colon == 0) { return std::nullopt; }
    location l;
    l.host = entry.substr(0, colon);
    const char* end = entry.data() + entry.size();
    const auto parsed = std::from_chars(entry.data() + colon + 1, end, l.port);
    if (parsed.ec != std::errc() || parsed.ptr != end || l.port == 0) { return std::nullopt; }
    return l;
}

} // namespace benchfs::mini
