// Reading the flat JSON files of the registry, and hexadecimal text. Nothing in them is trusted.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/json_members.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::cluster {

/// The members of one JSON object. Keys that nobody asks for are ignored: a later version may have written
/// them.
class text_fields {
public:
    /// bad_config, and `why` says where and what.
    [[nodiscard]] static result<text_fields> parse(std::string_view text, std::string& why);

    /// bad_config, and `why` names the key, if it is missing, of another kind, or too long (64 KiB).
    [[nodiscard]] status text(std::string_view key, std::string& to, std::string& why) const;
    /// The same for a whole number in [min, max].
    [[nodiscard]] status number(std::string_view key, std::uint64_t& to, std::uint64_t min, std::uint64_t max,
                                std::string& why) const;

private:
    [[nodiscard]] const json_member* find(std::string_view key, json_kind kind, std::string& why) const;
    std::vector<json_member> members_;
};

[[nodiscard]] std::string to_hex(const_byte_span bytes);
/// invalid_argument unless it is an even number of hexadecimal digits.
[[nodiscard]] result<std::vector<std::byte>> from_hex(std::string_view text);

} // namespace benchfs::cluster
