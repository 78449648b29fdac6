// What could stand where the cursor is: commands, and paths of the file system or of this machine.
#pragma once

#include "session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace benchfs::cli {

struct completions {
    std::size_t start = 0; // in the line: where the word begins that they replace
    std::vector<std::string>
        candidates; // whole words, escaped as split_words() reads them; directories end in "/"
    [[nodiscard]] std::string common() const; // what all begin with
};

/// For the text before the cursor. Asks a server for names, for two seconds at most.
[[nodiscard]] completions complete(session& s, std::string_view before_cursor);

/// The last name of a candidate, as it is listed.
[[nodiscard]] std::string_view shown_part(std::string_view candidate);

} // namespace benchfs::cli
