#include "line_editor.hpp"

#include "interrupt.hpp"

#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>

namespace benchfs::cli {
namespace {

constexpr int history_size = 1000;

/// Candidates in columns, as wide as the terminal.
void list_candidates(const completions& found) {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    std::size_t widest = 1;
    for (const std::string& c : found.candidates) { widest = std::max(widest, shown_part(c).size()); }
    const std::size_t columns = std::max<std::size_t>(1, (known ? size.ws_col : 80) / (widest + 2));
    std::puts("");
    for (std::size_t i = 0; i < found.candidates.size(); ++i) {
        const std::string_view name = shown_part(found.candidates[i]);
        const bool last = (i + 1) % columns == 0 || i + 1 == found.candidates.size();
        std::printf("%-*.*s%s", last ? 0 : static_cast<int>(widest + 2), static_cast<int>(name.size()),
                    name.data(), last ? "\n" : "");
    }
    std::fflush(stdout);
}

} // namespace

struct line_editor::state {
    EditLine* editor = nullptr;
    History* history = nullptr;
    completer complete;
    std::string history_file;
    std::string prompt;

    static state& of(EditLine* e) {
        void* data = nullptr;
        ::el_get(e, EL_CLIENTDATA, &data);
        return *static_cast<state*>(data);
    }
    static char* show_prompt(EditLine* e) { return of(e).prompt.data(); }

    /// One character from the terminal; -1 once a signal has come. Signals get in only while this waits, so
    /// that none is missed between a look and a wait.
    static int next_character(EditLine*, wchar_t* into) {
        sigset_t ours;
        sigset_t before;
        ::sigemptyset(&ours);
        ::sigaddset(&ours, SIGINT);
        ::sigaddset(&ours, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &ours, &before);
        pollfd terminal{STDIN_FILENO, POLLIN, 0};
        std::mbstate_t decoding{};
        int outcome = -1;
        while (!interrupted()) {
            if (::ppoll(&terminal, 1, nullptr, &before) <= 0) { continue; }
            char byte = 0;
            const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
            if (n < 0 && errno == EINTR) { continue; }
            outcome = n > 0 ? 1 : static_cast<int>(n);
            if (n <= 0) { break; }
            // What the terminal makes of a Ctrl-D that was typed before it was set for editing.
            if (byte == '\0') { byte = '\x04'; }
            const std::size_t used = std::mbrtowc(into, &byte, 1, &decoding);
            if (used == static_cast<std::size_t>(-2)) { continue; } // more bytes of it are to come
            if (used == static_cast<std::size_t>(-1)) { *into = static_cast<unsigned char>(byte); }
            break;
        }
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        if (interrupted()) {
            errno = EINTR;
            return -1;
        }
        return outcome;
    }

    /// The tabulator key.
    static unsigned char on_tab(EditLine* e, int) {
        const LineInfo* const line = ::el_line(e);
        const std::string before(line->buffer, line->cursor);
        const completions found = of(e).complete(before);
        if (found.candidates.empty()) { return CC_REFRESH_BEEP; }
        const std::string typed = before.substr(found.start);
        std::string common = found.common();
        const bool only = found.candidates.size() == 1;
        if (only && common.back() != '/') { common += ' '; }
        if (common != typed && common.size() >= typed.size()) {
            ::el_deletestr(e, static_cast<int>(typed.size()));
            ::el_insertstr(e, common.c_str());
            return CC_REFRESH;
        }
        if (only) { return CC_REFRESH; }
        list_candidates(found);
        return CC_REDISPLAY;
    }
};

line_editor::line_editor(completer complete, std::string history_file) : state_(std::make_unique<state>()) {
    std::setlocale(LC_CTYPE, "");
    state& s = *state_;
    s.complete = std::move(complete);
    s.history_file = std::move(history_file);
    s.history = ::history_init();
    HistEvent event{};
    ::history(s.history, &event, H_SETSIZE, history_size);
    ::history(s.history, &event, H_SETUNIQUE, 1);
    if (!s.history_file.empty()) { ::history(s.history, &event, H_LOAD, s.history_file.c_str()); }
    s.editor = ::el_init("benchfs-cli", stdin, stdout, stderr);
    ::el_set(s.editor, EL_CLIENTDATA, &s);
    ::el_set(s.editor, EL_PROMPT, &state::show_prompt);
    ::el_set(s.editor, EL_EDITOR, "emacs");
    ::el_set(s.editor, EL_GETCFN, &state::next_character);
    ::el_set(s.editor, EL_HIST, ::history, s.history);
    ::el_set(s.editor, EL_ADDFN, "benchfs-complete", "complete commands and paths", &state::on_tab);
    ::el_set(s.editor, EL_BIND, "^I", "benchfs-complete", nullptr);
    ::el_set(s.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    ::el_source(s.editor, nullptr); // the user's ~/.editrc
}

line_editor::~line_editor() {
    HistEvent event{};
    if (!state_->history_file.empty()) {
        ::history(state_->history, &event, H_SAVE, state_->history_file.c_str());
    }
    ::el_end(state_->editor);
    ::history_end(state_->history);
}

std::optional<std::string> line_editor::read(const std::string& prompt) {
    const interrupt_scope signals;
    state_->prompt = prompt;
    ::el_resize(state_->editor);
    int count = 0;
    const char* const text = ::el_gets(state_->editor, &count);
    if (interrupted()) {
        std::puts("^C");
        return std::string();
    }
    if (text == nullptr || count <= 0) { return std::nullopt; }
    std::string line(text, static_cast<std::size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) { line.pop_back(); }
    if (line.find_first_not_of(" \t") != std::string::npos) {
        HistEvent event{};
        ::history(state_->history, &event, H_ENTER, line.c_str());
    }
    return line;
}

} // namespace benchfs::cli
