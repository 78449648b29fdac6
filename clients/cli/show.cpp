// cat, head, tail: what is in a file, on standard output.
#include "arguments.hpp"
#include "command.hpp"
#include "session.hpp"

#include "benchfs/base/buffer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace benchfs::cli {
namespace {

constexpr std::size_t piece = 4 * MiB;

/// All of it to standard output; false with the reason reported. A reader that went away is no fault to tell
/// of.
[[nodiscard]] bool put_out(session& s, std::string_view command, const char* bytes, std::size_t size) {
    if (std::fwrite(bytes, 1, size, stdout) == size) { return true; }
    if (errno != EPIPE) { s.refused(command, std::string("standard output: ") + std::strerror(errno)); }
    return false;
}

/// Bytes [from, end) of a file, or up to its end.
task<int> copy_out(session& s, std::string_view command, std::string shown, file f, std::uint64_t from,
                   std::uint64_t end) {
    const auto memory = std::make_unique<char[]>(piece);
    while (from < end) {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(piece, end - from));
        const byte_span room = std::as_writable_bytes(std::span(memory.get(), want));
        const auto got = co_await f.read(room, from);
        if (!got) { co_return s.failed(command, shown, got.error()); }
        if (*got == 0) { break; }
        if (!put_out(s, command, memory.get(), *got)) { co_return exit_failed; }
        from += *got;
    }
    co_return exit_ok;
}

struct show_options {
    std::vector<std::string> paths;
    std::uint64_t lines = 10;
    std::uint64_t bytes = ~std::uint64_t{0}; // instead of lines
    [[nodiscard]] bool by_bytes() const noexcept { return bytes != ~std::uint64_t{0}; }
};

/// The offset behind the first `lines` lines.
task<result<std::uint64_t>> end_of_head(file f, std::uint64_t lines) {
    const auto memory = std::make_unique<char[]>(piece);
    std::uint64_t at = 0;
    while (lines > 0) {
        const byte_span room = std::as_writable_bytes(std::span(memory.get(), std::min(piece, 64 * KiB)));
        BFS_CO_TRY(const std::size_t got, co_await f.read(room, at));
        if (got == 0) { break; }
        for (std::size_t i = 0; i < got; ++i) {
            if (memory[i] == '\n' && --lines == 0) { co_return at + i + 1; }
        }
        at += got;
    }
    co_return at;
}

/// The offset where the last `lines` lines begin, looking backwards from the end.
task<result<std::uint64_t>> start_of_tail(file f, std::uint64_t size, std::uint64_t lines) {
    constexpr std::uint64_t step = 64 * KiB;
    if (lines == 0) { co_return size; }
    const auto memory = std::make_unique<char[]>(step);
    std::uint64_t end = size;
    while (end > 0) {
        const std::uint64_t from = end > step ? end - step : 0;
        const byte_span room = std::as_writable_bytes(std::span(memory.get(), end - from));
        BFS_CO_TRY(const std::size_t got, co_await f.read(room, from));
        for (std::size_t i = got; i-- > 0;) {
            // The newline at the very end closes the last line; it does not begin another.
            if (memory[i] != '\n' || from + i + 1 == size) { continue; }
            if (--lines == 0) { co_return from + i + 1; }
        }
        end = from;
    }
    co_return std::uint64_t{0};
}

task<int> show_one(session& s, file_system& fs, std::string_view command, std::string shown,
                   const show_options& options) {
    const auto opened = co_await fs.open(s.resolve(shown), open_flags::read);
    if (!opened) { co_return s.failed(command, shown, opened.error()); }
    file f = *opened;
    const auto a = co_await f.stat();
    if (!a) { co_return s.failed(command, shown, a.error()); }
    if (a->is_directory()) {
        co_return s.failed(command, shown, errc::is_a_directory, "ls shows what is in it");
    }
    std::uint64_t from = 0;
    std::uint64_t end = ~std::uint64_t{0};
    if (command == "head") {
        end = options.bytes;
        if (!options.by_bytes()) {
            const auto found = co_await end_of_head(f, options.lines);
            if (!found) { co_return s.failed(command, shown, found.error()); }
            end = *found;
        }
    } else if (command == "tail") {
        from = a->size - std::min(a->size, options.bytes);
        if (!options.by_bytes()) {
            const auto found = co_await start_of_tail(f, a->size, options.lines);
            if (!found) { co_return s.failed(command, shown, found.error()); }
            from = *found;
        }
    }
    co_return co_await copy_out(s, command, shown, f, from, end);
}

task<int> show_all(session& s, file_system& fs, std::string_view command, const show_options& options) {
    int code = exit_ok;
    for (std::size_t i = 0; i < options.paths.size(); ++i) {
        if (command != "cat" && options.paths.size() > 1) {
            std::printf("%s==> %s <==\n", i == 0 ? "" : "\n", options.paths[i].c_str());
        }
        const int one = co_await show_one(s, fs, command, options.paths[i], options);
        code = std::max(code, one);
        if (one == exit_interrupted || std::ferror(stdout) != 0) { break; }
    }
    co_return code;
}

int show(session& s, const command& self, const std::vector<std::string>& words) {
    show_options options;
    arguments a(self);
    if (self.name != "cat") {
        a.number("-n,--lines", options.lines, "how many lines [10]");
        a.bytes("-c,--bytes", options.bytes, "how many bytes, instead of lines");
    }
    a.words("file", options.paths, "what to show");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return show_all(s, fs, self.name, options); });
}

} // namespace

std::span<const command> show_commands() {
    static const command all[] = {
        {"cat", "print files", "cat /run/log", "look", show},
        {"head", "print the first lines or bytes of files", "head -n 20 /run/log", "look", show},
        {"tail", "print the last lines or bytes of files", "tail -c 1MiB /run/log", "look", show},
    };
    return all;
}

} // namespace benchfs::cli
