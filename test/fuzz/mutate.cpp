#include "mutate.hpp"

#include <algorithm>
#include <array>

namespace benchfs::fuzz {
namespace {

constexpr std::size_t longest = 64 * 1024;

[[nodiscard]] std::size_t place(const byte_string& bytes, prng& random) {
    return static_cast<std::size_t>(random.below(bytes.size()));
}

/// Overwrites with a number at which sums and comparisons go wrong.
void put_number(byte_string& bytes, prng& random) {
    constexpr std::array<std::uint64_t, 14> edges{
        0, 1, 2, 7, 8, 0x7f, 0x80, 0xffff, 0x8000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff, ~0ULL};
    const std::uint64_t number =
        edges[random.below(edges.size())] + (random.below(4) == 0 ? random.below(64) : 0);
    const std::size_t at = place(bytes, random);
    const std::size_t size = std::min(std::size_t{1} << random.below(4), bytes.size() - at);
    std::memcpy(bytes.data() + at, &number, size);
}

void move_bytes(byte_string& bytes, std::span<const byte_string> inputs, prng& random) {
    const byte_string& other = inputs[random.below(inputs.size())];
    if (other.empty()) { return; }
    const std::size_t from = place(other, random);
    const std::size_t size = std::min<std::size_t>(1 + random.below(128), other.size() - from);
    const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
    const byte_string part(begin, begin + static_cast<std::ptrdiff_t>(size));
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size() + 1));
    if (random.below(2) == 0) {
        bytes.insert(at, part.begin(), part.end());
    } else {
        const auto room = static_cast<std::size_t>(bytes.end() - at);
        std::copy_n(part.begin(), std::min(room, size), at);
    }
}

void change_once(byte_string& bytes, std::span<const byte_string> inputs, prng& random) {
    const std::uint64_t how = bytes.empty() ? 5 : random.below(7);
    switch (how) {
    case 0:
        bytes[place(bytes, random)] ^= std::byte{1} << random.below(8);
        return;
    case 1:
        bytes[place(bytes, random)] = static_cast<std::byte>(random.below(256));
        return;
    case 2:
        return put_number(bytes, random);
    case 3: { // some are missing
        const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place(bytes, random));
        const auto size =
            std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(1 + random.below(32)), bytes.end() - at);
        bytes.erase(at, at + size);
        return;
    }
    case 4: // cut
        bytes.resize(random.below(bytes.size() + 1));
        return;
    case 5:
        for (std::uint64_t n = 1 + random.below(16); n > 0; --n) {
            bytes.push_back(static_cast<std::byte>(random.below(256)));
        }
        return;
    default:
        return move_bytes(bytes, inputs, random);
    }
}

} // namespace

byte_string mutate(std::span<const byte_string> inputs, prng& random) {
    byte_string bytes = inputs[random.below(inputs.size())];
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n) { change_once(bytes, inputs, random); }
    if (bytes.size() > longest) { bytes.resize(longest); }
    return bytes;
}

} // namespace benchfs::fuzz
