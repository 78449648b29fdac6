// Lines from a person: editing, history and completion, by libedit.
#pragma once

#include "completion.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace benchfs::cli {

class line_editor {
public:
    using completer = std::function<completions(std::string_view before_cursor)>;

    /// `history_file` is read now and written at the end; empty: no file.
    line_editor(completer complete, std::string history_file);
    ~line_editor();
    line_editor(const line_editor&) = delete;
    line_editor& operator=(const line_editor&) = delete;

    /// The next line without its end; empty after Ctrl-C; nothing at the end of the input.
    [[nodiscard]] std::optional<std::string> read(const std::string& prompt);

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace benchfs::cli
