#include "benchfs/rpc/build_id.hpp"

#include "build_commit.hpp"

#include <algorithm>

namespace benchfs::rpc {

std::string_view build_id() noexcept {
    constexpr std::string_view whole = build_commit;
    return whole.substr(0, build_text{}.size());
}

build_text build_on_wire() noexcept {
    build_text text{};
    std::ranges::copy(build_id(), text.begin());
    return text;
}

std::string_view build_of(const build_text& said) noexcept {
    const auto end = std::ranges::find_if(said, [](char c) { return c <= ' ' || c > '~'; });
    return {said.data(), static_cast<std::size_t>(end - said.begin())};
}

} // namespace benchfs::rpc
