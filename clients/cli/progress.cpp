#include "progress.hpp"

#include "format.hpp"

#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace benchfs::cli {
namespace {

constexpr auto between_draws = std::chrono::milliseconds(100);

[[nodiscard]] std::size_t terminal_columns() noexcept {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

} // namespace

std::string progress_line(const transfer_counts& counts, double seconds, std::size_t columns) {
    const double part =
        counts.bytes == 0 ? 0 : static_cast<double>(counts.bytes_done) / static_cast<double>(counts.bytes);
    const auto per_cent = static_cast<int>(part * 100);
    // What was there already took no time worth counting.
    const double rate = seconds > 0 ? static_cast<double>(counts.bytes_sent) / seconds : 0;
    const auto rest = static_cast<double>(counts.bytes - std::min(counts.bytes, counts.bytes_done));
    const std::string done = padded(std::to_string(per_cent), 3) + "%";
    const std::string files =
        "  " + std::to_string(counts.files_done) + "/" + std::to_string(counts.files) + " files";
    const std::string bytes = "  " + long_size(counts.bytes_done) + " of " + long_size(counts.bytes);
    const std::string speed = "  " + long_size(static_cast<std::uint64_t>(rate)) + "/s";
    const std::string left = "  " + (rate > 0 ? clock_text(rest / rate) : "--:--") + " left";

    std::string line = done;
    for (const std::string& next : {speed, left, bytes, files}) {
        if (line.size() + next.size() <= columns) { line += next; }
    }
    constexpr std::size_t shortest_bar = 10;
    constexpr std::size_t longest_bar = 40;
    const std::size_t room = columns > line.size() + 3 ? columns - line.size() - 3 : 0;
    if (room >= shortest_bar) {
        const std::size_t width = std::min(room, longest_bar);
        const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
        line = "[" + std::string(full, '#') + std::string(width - full, '.') + "] " + line;
    }
    return line.substr(0, columns);
}

progress::progress(const transfer_counts& counts, bool wanted)
    : counts_(counts), on_(wanted && ::isatty(STDERR_FILENO) != 0), started_(clock_.now()) {}

double progress::seconds() const { return std::chrono::duration<double>(clock_.now() - started_).count(); }

void progress::tick() {
    const time_point now = clock_.now();
    if (!on_ || now - last_ < between_draws) { return; }
    last_ = now;
    drawn_ = true;
    // One column stays free: some terminals wrap when the last one is written.
    const std::string line = progress_line(counts_, seconds(), terminal_columns() - 1);
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
}

void progress::clear() {
    if (!drawn_) { return; }
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    drawn_ = false;
}

} // namespace benchfs::cli
