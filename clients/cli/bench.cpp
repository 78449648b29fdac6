// bench: a short run of data and names against the file system as it is, in a directory of its own that goes
// with it.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/base/histogram.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace benchfs::cli {
namespace {

constexpr std::size_t large = 1 << 20;
constexpr std::size_t small = 4096;
constexpr duration clean_up_within = std::chrono::seconds(60);

struct bench_options {
    std::string directory = "/";
    std::uint64_t large_bytes = 64 * MiB;
    std::uint64_t small_count = 2000;
    std::uint64_t files = 1000;
    std::uint64_t depth = 4; // operations at a time
};

struct bench_row {
    std::string_view operation;
    std::uint64_t count = 0;
    std::uint64_t bytes = 0; // of one operation
    double seconds = 0;
    histogram latency; // ns

    [[nodiscard]] double rate() const noexcept { return static_cast<double>(count) / seconds; }
    [[nodiscard]] double mib() const noexcept { return rate() * static_cast<double>(bytes) / MiB; }
};

/// One run: everything lies below `directory`.
class bench_run {
public:
    bench_run(file_system& fs, const bench_options& options, std::string directory)
        : fs_(fs), options_(options), directory_(std::move(directory)), pattern_(large) {
        for (std::size_t i = 0; i < pattern_.size(); ++i) {
            pattern_[i] = static_cast<std::byte>(mix64(i) & 0xff);
        }
    }

    /// On an error `where` says what failed.
    task<status> run() {
        BFS_CO_CHECK(co_await data("write 1 MiB", "read 1 MiB", large, options_.large_bytes / large));
        BFS_CO_CHECK(co_await data("write 4 KiB", "read 4 KiB", small, options_.small_count));
        BFS_CO_CHECK(co_await measured("create", options_.files, 0, make));
        BFS_CO_CHECK(co_await measured("stat", options_.files, 0, look));
        co_return co_await measured("unlink", options_.files, 0, remove);
    }

    std::vector<bench_row> rows;
    std::uint64_t verified = 0; // bytes
    std::string where;

private:
    using step = task<status> (*)(bench_run& self, std::size_t i);

    static task<status> timed(bench_run& self, step what, std::size_t i) {
        const time_point before = self.clock_.now();
        task<status> doing = what(self, i);
        BFS_CO_CHECK(co_await std::move(doing));
        self.rows.back().latency.record(static_cast<std::uint64_t>((self.clock_.now() - before).count()));
        co_return ok();
    }

    task<status> measured(std::string_view operation, std::uint64_t count, std::size_t bytes, step what) {
        if (count == 0) { co_return ok(); }
        where = std::string(operation);
        rows.emplace_back();
        rows.back().operation = operation;
        const auto body = [this, what](std::size_t i) { return timed(*this, what, i); };
        const time_point before = clock_.now();
        task<status> all = runtime::parallel_for(count, options_.depth, body);
        BFS_CO_CHECK(co_await std::move(all));
        bench_row& row = rows.back();
        row.seconds = static_cast<double>((clock_.now() - before).count()) / 1e9;
        row.count = count;
        row.bytes = bytes;
        co_return ok();
    }

    // ---- Data ----

    task<status> data(std::string_view writing, std::string_view reading, std::size_t bytes,
                      std::uint64_t count) {
        if (count == 0) { co_return ok(); }
        size_ = bytes;
        const open_flags made = open_flags::read_write | open_flags::create;
        where = "opening a file";
        BFS_CO_TRY(file opened, co_await fs_.open(path("data" + std::to_string(bytes)), made));
        file_ = &opened;
        BFS_CO_CHECK(co_await measured(writing, count, bytes, write));
        BFS_CO_CHECK(co_await measured(reading, count, bytes, read));
        where = "verifying what was written with " + std::string(writing);
        const auto body = [this](std::size_t i) { return verify(*this, i); };
        task<status> verifying = runtime::parallel_for(count, options_.depth, body);
        BFS_CO_CHECK(co_await std::move(verifying));
        file_ = nullptr;
        co_return co_await opened.close();
    }

    /// A buffer for one operation, with the pattern in it up to the stamps: nothing else is ever read back.
    class buffer_of {
    public:
        explicit buffer_of(bench_run& owner) : owner_(owner) {
            if (owner.spare_.empty()) {
                bytes_ = owner.pattern_;
            } else {
                bytes_ = std::move(owner.spare_.back());
                owner.spare_.pop_back();
            }
        }
        buffer_of(const buffer_of&) = delete;
        buffer_of& operator=(const buffer_of&) = delete;
        ~buffer_of() { owner_.spare_.push_back(std::move(bytes_)); }
        [[nodiscard]] byte_span first(std::size_t n) noexcept { return byte_span(bytes_).first(n); }

    private:
        bench_run& owner_;
        std::vector<std::byte> bytes_;
    };

    /// Each block of each operation tells which one it is.
    void stamp(byte_span bytes, std::size_t operation) const noexcept {
        for (std::size_t at = 0; at < bytes.size(); at += small) {
            const std::uint64_t number = (operation * size_ + at) ^ size_;
            std::memcpy(bytes.data() + at, &number, sizeof(number));
        }
    }

    static task<status> write(bench_run& self, std::size_t i) {
        buffer_of buffer(self);
        const byte_span bytes = buffer.first(self.size_);
        self.stamp(bytes, i);
        BFS_CO_TRY(const std::size_t done, co_await self.file_->write(bytes, i * self.size_));
        co_return done == self.size_ ? errc::ok : errc::io_error;
    }

    static task<status> read(bench_run& self, std::size_t i) {
        buffer_of buffer(self);
        BFS_CO_TRY(const std::size_t got, co_await self.file_->read(buffer.first(self.size_), i * self.size_));
        co_return got == self.size_ ? errc::ok : errc::io_error;
    }

    static task<status> verify(bench_run& self, std::size_t i) {
        buffer_of buffer(self);
        const byte_span bytes = buffer.first(self.size_);
        std::memset(bytes.data(), 0, bytes.size());
        BFS_CO_TRY(const std::size_t got, co_await self.file_->read(bytes, i * self.size_));
        std::vector<std::byte> wanted(self.pattern_.begin(),
                                      self.pattern_.begin() + static_cast<std::ptrdiff_t>(self.size_));
        self.stamp(wanted, i);
        if (got != self.size_ || std::memcmp(bytes.data(), wanted.data(), got) != 0) {
            co_return errc::io_error;
        }
        self.verified += got;
        co_return ok();
    }

    // ---- Names ----

    [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
    [[nodiscard]] std::string numbered(std::size_t i) const { return path("file" + std::to_string(i)); }

    static task<status> make(bench_run& self, std::size_t i) {
        const open_flags made = open_flags::write | open_flags::create | open_flags::exclusive;
        BFS_CO_TRY(file opened, co_await self.fs_.open(self.numbered(i), made));
        co_return co_await opened.close();
    }
    static task<status> look(bench_run& self, std::size_t i) {
        const auto found = co_await self.fs_.stat(self.numbered(i));
        co_return found.error();
    }
    static task<status> remove(bench_run& self, std::size_t i) { return self.fs_.unlink(self.numbered(i)); }

    file_system& fs_;
    const bench_options& options_;
    std::string directory_;
    steady_clock clock_;
    std::vector<std::byte> pattern_;
    std::vector<std::vector<std::byte>> spare_;
    file* file_ = nullptr;
    std::size_t size_ = 0; // of one operation on data
};

/// Removes the run's directory with what is in it.
task<status> remove_all(file_system& fs, std::string directory) {
    BFS_CO_TRY(const std::vector<directory_entry> left, co_await fs.readdir(directory));
    for (const directory_entry& e : left) { BFS_CO_CHECK(co_await fs.unlink(directory + "/" + e.name)); }
    co_return co_await fs.rmdir(directory);
}

[[nodiscard]] std::string row_json(const bench_row& r) {
    json_object o;
    o.add("operation", r.operation).add("count", r.count).add("bytes", r.count * r.bytes);
    o.add("seconds", r.seconds).add("per_second", r.rate()).add("mib_per_second", r.mib());
    o.add("p50_ns", r.latency.percentile(50)).add("p99_ns", r.latency.percentile(99));
    return o.add("max_ns", r.latency.max()).text();
}

void print(const bench_run& run) {
    std::printf("%-12s %8s %12s %10s %10s %10s %10s\n", "operation", "count", "per second", "MiB/s", "p50",
                "p99", "max");
    for (const bench_row& r : run.rows) {
        const std::string rate = r.bytes == 0 ? "" : std::to_string(static_cast<std::uint64_t>(r.mib() + 0.5));
        std::printf("%-12.*s %8llu %12.0f %10s %10s %10s %10s\n", static_cast<int>(r.operation.size()),
                    r.operation.data(), static_cast<unsigned long long>(r.count), r.rate(), rate.c_str(),
                    latency_text(static_cast<double>(r.latency.percentile(50))).c_str(),
                    latency_text(static_cast<double>(r.latency.percentile(99))).c_str(),
                    latency_text(static_cast<double>(r.latency.max())).c_str());
    }
}

task<int> measure(session& s, file_system& fs, bench_options options, bool json) {
    const std::string below = s.resolve(options.directory);
    const std::string directory =
        (below == "/" ? "" : below) + "/.benchfs-bench-" + std::to_string(static_cast<long>(::getpid()));
    const status made = co_await fs.mkdir(directory);
    if (!made) { co_return s.failed("bench", directory, made.error()); }
    bench_run run(fs, options, directory);
    task<status> running = run.run();
    const status outcome = co_await std::move(running);
    // Also after Ctrl-C, but not for ever.
    task<status> removing = remove_all(fs, directory);
    task<status> bounded = runtime::with_timeout(clean_up_within, std::move(removing));
    task<status> always = runtime::without_stop(std::move(bounded));
    const status removed = co_await std::move(always);
    if (!outcome) { co_return s.failed("bench", run.where, outcome.error()); }
    if (!removed) { co_return s.failed("bench", "removing " + directory, removed.error()); }
    if (json) {
        json_array rows;
        for (const bench_row& r : run.rows) { rows.add_raw(row_json(r)); }
        json_object o;
        o.add("servers", fs.servers()).add("depth", options.depth).add("verified_bytes", run.verified);
        std::puts(o.add_raw("rows", rows.text()).text().c_str());
        co_return exit_ok;
    }
    print(run);
    std::printf("%u server%s, %llu operations at a time; %s read back and found right\n", fs.servers(),
                fs.servers() == 1 ? "" : "s", static_cast<unsigned long long>(options.depth),
                long_size(run.verified).c_str());
    co_return exit_ok;
}

int bench(session& s, const command& self, const std::vector<std::string>& words) {
    bench_options options;
    bool json = s.json();
    arguments a(self);
    a.bytes("-b,--bytes", options.large_bytes, "to write and read 1 MiB at a time [64M]");
    a.number("-n,--small", options.small_count, "operations of 4 KiB [2000]");
    a.number("-f,--files", options.files, "to create, stat and remove [1000]");
    a.number("-d,--depth", options.depth, "operations at a time [4]");
    a.flag("--json", json, "as a JSON object");
    a.word("directory", options.directory, "where it makes a directory for itself, and removes it [/]", false);
    if (const auto code = a.parse(words)) { return *code; }
    constexpr std::uint64_t deepest = 256;
    if (options.depth == 0 || options.depth > deepest) {
        s.refused(self.name, "--depth takes 1 to 256");
        return exit_usage;
    }
    if (options.large_bytes % large != 0) {
        s.refused(self.name, "--bytes takes whole MiB, such as 64M");
        return exit_usage;
    }
    return s.run([&](file_system& fs) { return measure(s, fs, options, json); });
}

} // namespace

std::span<const command> bench_commands() {
    static const command all[] = {
        {"bench", "a short run of reads, writes and names, verified", "bench -b 256M -d 8", "health", bench},
    };
    return all;
}

} // namespace benchfs::cli
