// Strong ids and sizes that must not mix.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace benchfs {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;
inline constexpr std::size_t GiB = 1024 * MiB;

/// A server's place in the cluster, 0 .. expected count - 1.
enum class server_id : std::uint16_t {};

[[nodiscard]] constexpr std::size_t index(server_id id) noexcept { return static_cast<std::size_t>(id); }

/// A file or directory, unique for ever: its home server and a counter that the home never reuses.
/// A hash places a file; only this identifies it.
struct file_id {
    std::uint64_t value = 0; // home << 48 | counter

    static constexpr unsigned home_shift = 48;

    [[nodiscard]] static constexpr file_id make(server_id home, std::uint64_t counter) noexcept {
        return {static_cast<std::uint64_t>(home) << home_shift | counter};
    }
    [[nodiscard]] constexpr server_id home() const noexcept {
        return static_cast<server_id>(value >> home_shift);
    }
    [[nodiscard]] constexpr std::uint64_t counter() const noexcept {
        return value & ((std::uint64_t{1} << home_shift) - 1);
    }
    [[nodiscard]] constexpr bool valid() const noexcept { return counter() != 0; }
    friend constexpr auto operator<=>(const file_id&, const file_id&) = default;
};

/// The root directory: counter 1 of server 0, in every cluster.
inline constexpr file_id root_id = file_id::make(server_id{0}, 1);

/// One chunk of one file.
struct chunk_id {
    file_id file;
    std::uint32_t index = 0;
    friend constexpr auto operator<=>(const chunk_id&, const chunk_id&) = default;
};

/// Mixes a 64-bit value so that all bits of the result depend on all of the input (splitmix64's finaliser).
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

} // namespace benchfs

template <>
struct std::hash<benchfs::file_id> {
    std::size_t operator()(const benchfs::file_id& id) const noexcept { return benchfs::mix64(id.value); }
};
template <>
struct std::hash<benchfs::chunk_id> {
    std::size_t operator()(const benchfs::chunk_id& id) const noexcept {
        return benchfs::mix64(id.file.value + 0x9e3779b97f4a7c15ULL * (id.index + 1ULL));
    }
};
