// What a fuzz target is: a function that takes any bytes and survives them, and inputs to begin with.
//
// Each target is built twice: as a libFuzzer program (-Dfuzz=true, tools/fuzz), and into fuzz-tests, which runs
// the inputs that the code itself makes and a fixed number of mutations of them, the same ones every time.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace benchfs::fuzz {

using byte_string = std::vector<std::byte>;

struct target {
    std::string_view name;
    std::string_view help; // one line
    /// Survives anything; what must hold of any input is asserted inside.
    void (*run)(const_byte_span input);
    /// What correct code makes.
    std::vector<byte_string> (*corpus)();
    std::uint32_t mutations; // that fuzz-tests tries
};

extern const target frame_target;
extern const target server_target;
extern const target client_target;
extern const target registry_target;
extern const target log_files_target;
extern const target log_records_target;
extern const target log_peers_target;
extern const target window_server_target;
extern const target window_client_target;
extern const target wire_target;
extern const target config_target;

/// Takes an input apart; what is not there any more reads as zero.
class source {
public:
    explicit source(const_byte_span input) noexcept : rest_(input) {}
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    template <wire_struct T>
    [[nodiscard]] T take() noexcept {
        T value{};
        const const_byte_span got = bytes(sizeof(T));
        if (!got.empty()) { std::memcpy(&value, got.data(), got.size()); }
        return value;
    }
    /// Up to `n` bytes.
    [[nodiscard]] const_byte_span bytes(std::size_t n) noexcept {
        const const_byte_span got = rest_.first(n < rest_.size() ? n : rest_.size());
        rest_ = rest_.subspan(got.size());
        return got;
    }
    [[nodiscard]] const_byte_span rest() noexcept { return bytes(rest_.size()); }

private:
    const_byte_span rest_;
};

/// Builds an input, the other way round.
class sink {
public:
    template <wire_struct T>
    sink& put(const T& value) {
        return put_bytes(bytes_of(value));
    }
    sink& put_bytes(const_byte_span bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    sink& put_text(std::string_view text) {
        return put_bytes(std::as_bytes(std::span(text.data(), text.size())));
    }
    [[nodiscard]] const byte_string& bytes() const noexcept { return bytes_; }

private:
    byte_string bytes_;
};

[[nodiscard]] inline byte_string bytes_of_text(std::string_view text) {
    const const_byte_span all = std::as_bytes(std::span(text.data(), text.size()));
    return {all.begin(), all.end()};
}
[[nodiscard]] inline std::string_view text_of(const_byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace benchfs::fuzz
