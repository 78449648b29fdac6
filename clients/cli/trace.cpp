// trace: what every server does for some seconds, call by call, as a file for Perfetto (ui.perfetto.dev) or
// chrome://tracing.
//
// Each server is a process of the trace. Its calls lie on as few lanes as they need so that those of one lane
// do not overlap. Inside a call its parts lie one behind the other: the time in the queue is where it was, the
// rest is only as long as it was.
#include "arguments.hpp"
#include "command.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/base/random.hpp"
#include "benchfs/base/units.hpp"
#include "benchfs/client/trace.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace benchfs::cli {
namespace {

constexpr duration longest = std::chrono::minutes(50); // servers end a trace after an hour
constexpr std::uint64_t spans_max = 1U << 20;

/// The events of a trace file, written as they come.
class event_file {
public:
    explicit event_file(std::FILE* to) noexcept : to_(to) { std::fputs("{\"traceEvents\":[", to_); }

    void event(const json_object& o) {
        std::fprintf(to_, "%s\n%s", first_ ? "" : ",", o.text().c_str());
        first_ = false;
    }
    void name(std::string_view what, std::size_t server, std::size_t lane, const std::string& text) {
        json_object args;
        json_object o;
        o.add("ph", "M").add("name", what).add("pid", server).add("tid", lane);
        event(o.add_raw("args", args.add("name", text).text()));
    }
    /// Ends the file with what is known of all of it.
    void close(const json_object& about) {
        std::fprintf(to_, "\n],\"displayTimeUnit\":\"ns\",\"otherData\":%s}\n", about.text().c_str());
    }

private:
    std::FILE* to_;
    bool first_ = true;
};

/// Microseconds with all their digits.
[[nodiscard]] std::string microseconds(std::int64_t ns) {
    std::array<char, 32> text{};
    const std::int64_t whole = ns / 1000;
    const std::int64_t rest = ns % 1000;
    std::snprintf(text.data(), text.size(), "%s%lld.%03lld", ns < 0 ? "-" : "",
                  static_cast<long long>(whole < 0 ? -whole : whole),
                  static_cast<long long>(rest < 0 ? -rest : rest));
    return text.data();
}

[[nodiscard]] json_object slice(std::string_view name, const trace_span& s, std::size_t lane,
                                std::int64_t start, std::uint64_t ns) {
    json_object o;
    o.add("ph", "X").add("name", name).add("pid", index(s.server)).add("tid", lane);
    o.add_raw("ts", microseconds(start)).add_raw("dur", microseconds(static_cast<std::int64_t>(ns)));
    return o;
}

void write_span(event_file& to, const trace_span& s, std::size_t lane) {
    std::array<char, 20> client{};
    std::snprintf(client.data(), client.size(), "%016llx", static_cast<unsigned long long>(s.client));
    json_object args;
    args.add("client", client.data()).add("outcome", benchfs::name(s.outcome)).add("bytes", s.bytes);
    args.add("queue_ns", s.queue_ns).add("network_ns", s.network_ns).add("storage_ns", s.storage_ns());
    json_object whole = slice(s.method, s, lane, s.start_ns, s.whole_ns);
    to.event(whole.add("cat", "call").add_raw("args", args.text()));
    std::int64_t at = s.start_ns;
    const std::pair<std::string_view, std::uint64_t> parts[] = {
        {"queue", s.queue_ns}, {"network", s.network_ns}, {"storage", s.storage_ns()}};
    for (const auto& [name, ns] : parts) {
        if (ns == 0) { continue; }
        json_object part = slice(name, s, lane, at, ns);
        to.event(part.add("cat", "part"));
        at += static_cast<std::int64_t>(ns);
    }
}

void write_trace(std::FILE* file, const trace_report& report, std::uint32_t servers) {
    event_file to(file);
    for (std::uint32_t i = 0; i < servers; ++i) {
        to.name("process_name", i, 0, "server " + std::to_string(i));
    }
    // When the last call of each lane of a server ends. Spans come by start, so the first lane that is free
    // does.
    std::vector<std::vector<std::int64_t>> lanes(servers);
    for (const trace_span& s : report.spans) {
        std::vector<std::int64_t>& mine = lanes[index(s.server)];
        std::size_t lane = 0;
        while (lane < mine.size() && mine[lane] > s.start_ns) { ++lane; }
        if (lane == mine.size()) {
            mine.push_back(0);
            to.name("thread_name", index(s.server), lane, "lane " + std::to_string(lane));
        }
        mine[lane] = s.start_ns + static_cast<std::int64_t>(s.whole_ns);
        write_span(to, s, lane);
    }
    json_object about;
    to.close(about.add("servers", servers).add("calls", report.spans.size()).add("lost", report.lost));
}

struct trace_words {
    std::string file;
    duration window = std::chrono::seconds(5);
    std::uint64_t spans = 1U << 17;
    bool json = false;
};

task<int> record(session& s, file_system& fs, trace_words words, std::FILE* file) {
    trace_options options;
    options.window = words.window;
    options.spans = static_cast<std::uint32_t>(words.spans);
    std::array<std::byte, 8> number{};
    const status drawn = system_random().fill(number);
    if (!drawn) { co_return s.failed("trace", "a random number", drawn.error()); }
    (void)load(number, options.id);
    options.id |= 1; // never 0
    trace_report report;
    server_id failed{};
    task<status> recording = record_trace(fs, options, report, failed);
    const status recorded = co_await std::move(recording);
    if (!recorded) {
        const std::string_view hint =
            recorded.error() == errc::busy ? "somebody else traces it right now; try again later" : "";
        co_return s.failed("trace", "server " + std::to_string(index(failed)), recorded.error(), hint);
    }
    write_trace(file, report, fs.servers());
    if (words.json) {
        json_object o;
        o.add("file", words.file).add("servers", fs.servers()).add("calls", report.spans.size());
        std::puts(o.add("lost", report.lost).text().c_str());
        co_return exit_ok;
    }
    std::printf("%zu calls of %u server%s in %s; open it with ui.perfetto.dev\n", report.spans.size(),
                fs.servers(), fs.servers() == 1 ? "" : "s", words.file.c_str());
    if (report.lost != 0) {
        std::printf("%llu older ones had no room: --spans gives more\n",
                    static_cast<unsigned long long>(report.lost));
    }
    co_return exit_ok;
}

int trace(session& s, const command& self, const std::vector<std::string>& given) {
    trace_words words;
    words.json = s.json();
    std::string seconds = "5";
    arguments a(self);
    a.option("-s,--seconds", seconds, "how long: seconds, or such as 200ms [5]", "TIME");
    a.number("--spans", words.spans, "calls kept by each server, the last ones [131072]");
    a.flag("--json", words.json, "what was recorded as a JSON object");
    a.word("file", words.file, "the file of this machine to write");
    if (const auto code = a.parse(given)) { return *code; }
    const result<duration> window = parse_duration(seconds);
    if (!window || *window <= duration::zero() || *window > longest) {
        s.refused(self.name, "--seconds takes a time up to 50 minutes, such as 5 or 200ms");
        return exit_usage;
    }
    if (words.spans == 0 || words.spans > spans_max) {
        s.refused(self.name, "--spans takes 1 to 1048576");
        return exit_usage;
    }
    words.window = *window;
    // Before the servers have worked for it.
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(words.file.c_str(), "w"),
                                                               std::fclose);
    if (!file) { return s.refused(self.name, words.file + ": " + std::strerror(errno)); }
    const int code = s.run([&](file_system& fs) { return record(s, fs, words, file.get()); });
    if (code == exit_ok && (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0)) {
        return s.refused(self.name, words.file + ": " + std::strerror(errno));
    }
    return code;
}

} // namespace

std::span<const command> trace_commands() {
    static const command all[] = {
        {"trace", "record every call of all servers for Perfetto", "trace --seconds 5 run.json", "health",
         trace},
    };
    return all;
}

} // namespace benchfs::cli
