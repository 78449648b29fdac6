#include "benchfs/api/c_error.hpp"

#include "benchfs/runtime/frame_pool.hpp"

#include <cstdio>
#include <cstring>

namespace benchfs::c {
namespace {

thread_local constinit char text[512] = "";
thread_local constinit bool somebody_silent = false; // and the text does not name him yet

/// Dies with its thread, and with it the coroutine frames that the thread has kept for its next call.
struct thread_end {
    ~thread_end() { runtime::release_frames(); }
    bool noted = false;
};
thread_local thread_end end_of_thread;

/// What a person may do about it; empty where the message says all.
[[nodiscard]] std::string_view hint(errc error) noexcept {
    switch (error) {
    case errc::peer_down:
        return " (is the server running? Its log tells; a restarted server needs a larger retry_for_ms)";
    case errc::timed_out:
        return " (the server is there but does not answer: stopped, or overloaded; deadline_ms may be raised)";
    case errc::outcome_unknown:
        return " (its server was lost, or did not answer in time: look whether it happened)";
    case errc::stale_handle:
        return " (or its directory was)";
    case errc::not_supported:
        return " (by this version of benchfs on this number of servers)";
    default:
        return {};
    }
}

} // namespace

int fail(errc error, std::string_view operation, std::string_view subject, std::string_view reason) noexcept {
    const std::string_view what = reason.empty() ? message(error) : reason;
    const std::string_view advice = reason.empty() ? hint(error) : std::string_view{};
    const auto width = [](std::string_view s) { return static_cast<int>(s.size() > 400 ? 400 : s.size()); };
    std::snprintf(text, sizeof text, "%.*s%s%.*s: %.*s%.*s", width(operation), operation.data(),
                  subject.empty() ? "" : " ", width(subject), subject.data(), width(what), what.data(),
                  width(advice), advice.data());
    somebody_silent = reason.empty() && (error == errc::peer_down || error == errc::timed_out ||
                                         error == errc::no_server || error == errc::outcome_unknown);
    return -to_errno(error);
}

int fail_sync(errc error, std::optional<server_id> loser, std::string_view operation,
              std::string_view subject) noexcept {
    if (error != errc::io_error || !loser) { return fail(error, operation, subject); }
    char reason[160];
    const int size = std::snprintf(reason, sizeof reason,
                                   "server %u was started again and has lost changes since the last sync (its "
                                   "power failed, or it has no data directory)",
                                   static_cast<unsigned>(*loser));
    return fail(error, operation, subject, {reason, static_cast<std::size_t>(size)});
}

void name_silent_server(std::optional<server_id> who) noexcept {
    if (!somebody_silent) { return; }
    somebody_silent = false;
    const std::size_t used = std::strlen(text);
    if (who) {
        std::snprintf(text + used, sizeof text - used, "; server %u does not answer",
                      static_cast<unsigned>(*who));
    }
}

const char* last_error() noexcept { return text; }

void note_thread() noexcept { end_of_thread.noted = true; }

} // namespace benchfs::c
