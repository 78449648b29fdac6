#include "workload.hpp"

#include "../common/pattern.hpp"

#include "benchfs/base/buffer.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/with_timeout.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unistd.h>

namespace benchfs::bench {

namespace {

using runtime::task;

// A batch is opened before it is timed and closed after, so that only the operation is measured.
constexpr std::size_t batch_files = 1024;
constexpr std::size_t batch_bytes = std::size_t{64} << 20;
constexpr std::size_t cleanup_depth = 16;

std::uint64_t now_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

/// A name that no other run uses, here or on another node.
std::string unique_directory() {
    char host[64] = {};
    if (::gethostname(host, sizeof host - 1) != 0) { host[0] = '?'; }
    return "/benchfs-bench-" + std::string(host) + "-" + std::to_string(::getpid()) + "-" +
           std::to_string(now_ns());
}

class workload {
public:
    workload(file_system& fs, const bench_settings& settings, workload_listener& listener, std::string& why)
        : fs_(fs), settings_(settings), listener_(listener), why_(why), directory_(unique_directory()) {}

    [[nodiscard]] task<status> run(std::vector<measurement>& results);
    /// Removes what is left, whatever happened.
    [[nodiscard]] task<status> clean_up();

private:
    /// One kind of operation over all its files.
    struct phase {
        operation op;
        std::size_t size;
        std::vector<std::uint64_t> samples;
        std::uint64_t wall = 0;
    };
    /// Files [first, first + files.size()) of a phase, and their bytes.
    struct batch {
        phase& of;
        std::uint64_t first;
        std::vector<std::optional<file>> files;
        std::vector<std::uint64_t> taken;
        buffer bytes;
    };

    [[nodiscard]] std::uint64_t files_in_all() const { return settings_.warmup + settings_.iterations; }
    [[nodiscard]] std::string name_of(operation op, std::size_t size, std::uint64_t i) const;
    [[nodiscard]] static std::uint64_t seed_of(std::size_t size, std::uint64_t i) {
        return size * 1'000'003 + i;
    }

    [[nodiscard]] task<status> run_phase(phase& p);
    [[nodiscard]] task<status> run_batch(batch& b);
    [[nodiscard]] task<status> prepare(batch& b);
    [[nodiscard]] task<status> one(batch& b, std::size_t i);
    [[nodiscard]] task<status> finish(batch& b);
    [[nodiscard]] task<status> remove_file(std::string path);
    /// Notes where an error happened and passes it on.
    status failed(const char* what, const std::string& path, errc error);

    file_system& fs_;
    const bench_settings& settings_;
    workload_listener& listener_;
    std::string& why_;
    std::string directory_;
    std::vector<std::string> left_; // created and not removed
};

std::string workload::name_of(operation op, std::size_t size, std::uint64_t i) const {
    // Reads read what the writes of the same size wrote.
    const std::string kind = op == operation::create ? "/new-" : "/data-" + std::to_string(size) + "-";
    return directory_ + kind + std::to_string(i);
}

status workload::failed(const char* what, const std::string& path, errc error) {
    if (why_.empty()) { why_ = std::string(what) + " " + path + ": " + std::string(message(error)); }
    return error;
}

task<status> workload::prepare(batch& b) {
    const phase& p = b.of;
    if (p.op == operation::create) { co_return ok(); }
    const open_flags flags = p.op == operation::write
                                 ? open_flags::write | open_flags::create | open_flags::exclusive
                                 : open_flags::read;
    for (std::size_t i = 0; i < b.files.size(); ++i) {
        std::string path = name_of(p.op, p.size, b.first + i);
        auto opened = co_await fs_.open(path, flags);
        if (!opened) { co_return failed("open", path, opened.error()); }
        if (p.op == operation::write) {
            left_.push_back(path);
            fill_pattern(b.bytes.span().subspan(i * p.size, p.size), seed_of(p.size, b.first + i));
        }
        b.files[i].emplace(std::move(*opened));
    }
    co_return ok();
}

task<status> workload::one(batch& b, std::size_t i) {
    const phase& p = b.of;
    if (p.op == operation::create) {
        std::string path = name_of(p.op, p.size, b.first + i);
        const open_flags flags = open_flags::write | open_flags::create | open_flags::exclusive;
        const std::uint64_t start = now_ns();
        auto opened = co_await fs_.open(path, flags);
        b.taken[i] = now_ns() - start;
        if (!opened) { co_return failed("create", path, opened.error()); }
        left_.push_back(std::move(path));
        b.files[i].emplace(std::move(*opened));
        co_return ok();
    }
    const byte_span bytes = b.bytes.span().subspan(i * p.size, p.size);
    const std::uint64_t start = now_ns();
    result<std::size_t> moved = errc::io_error;
    if (p.op == operation::write) {
        moved = co_await b.files[i]->write(bytes, 0);
    } else {
        moved = co_await b.files[i]->read(bytes, 0);
    }
    b.taken[i] = now_ns() - start;
    const char* what = p.op == operation::write ? "write" : "read";
    if (!moved) { co_return failed(what, name_of(p.op, p.size, b.first + i), moved.error()); }
    if (*moved == p.size) { co_return ok(); }
    why_ = std::string(what) + " " + name_of(p.op, p.size, b.first + i) + ": " + std::to_string(*moved) +
           " of " + std::to_string(p.size) + " bytes";
    co_return errc::io_error;
}

task<status> workload::finish(batch& b) {
    const phase& p = b.of;
    status outcome;
    for (std::size_t i = 0; i < b.files.size(); ++i) {
        if (!b.files[i]) { continue; }
        const status closed = co_await b.files[i]->close();
        if (!closed && outcome) {
            outcome = failed("close", name_of(p.op, p.size, b.first + i), closed.error());
        }
    }
    if (p.op != operation::read || !outcome) { co_return outcome; }
    for (std::size_t i = 0; i < b.files.size(); ++i) {
        const byte_span bytes = b.bytes.span().subspan(i * p.size, p.size);
        const auto wrong = first_difference(bytes, seed_of(p.size, b.first + i));
        if (!wrong) { continue; }
        why_ =
            "read " + name_of(p.op, p.size, b.first + i) + ": wrong byte at offset " + std::to_string(*wrong);
        co_return errc::io_error;
    }
    co_return ok();
}

task<status> workload::run_batch(batch& b) {
    status outcome = co_await prepare(b);
    if (outcome) {
        const std::uint64_t start = now_ns();
        if (settings_.queue_depth == 1) {
            for (std::size_t i = 0; outcome && i < b.files.size(); ++i) { outcome = co_await one(b, i); }
        } else {
            auto body = [this, &b](std::size_t i) { return one(b, i); };
            outcome = co_await runtime::parallel_for(b.files.size(), settings_.queue_depth, body);
            b.of.wall += now_ns() - start;
        }
    }
    const status finished = co_await finish(b);
    if (!outcome) { co_return outcome.error(); }
    co_return finished.error();
}

task<status> workload::run_phase(phase& p) {
    listener_.on_phase(p.op, p.size);
    const std::size_t by_bytes = p.size == 0 ? batch_files : std::max<std::size_t>(batch_bytes / p.size, 1);
    const std::uint64_t most = std::min(batch_files, by_bytes);
    std::uint64_t done = 0;
    while (done < files_in_all()) {
        // Warm-up files make batches of their own, whose times are dropped.
        const std::uint64_t end = done < settings_.warmup ? settings_.warmup : files_in_all();
        const auto count = static_cast<std::size_t>(std::min(most, end - done));
        const std::size_t room = std::max<std::size_t>(count * p.size, 1);
        batch b{p, done, {}, std::vector<std::uint64_t>(count), buffer::allocate(room)};
        b.files.resize(count);
        std::fill(b.bytes.span().begin(), b.bytes.span().end(), std::byte{0});
        const std::uint64_t wall_before = p.wall;
        BFS_CO_CHECK(co_await run_batch(b));
        if (done < settings_.warmup) {
            p.wall = wall_before;
        } else {
            p.samples.insert(p.samples.end(), b.taken.begin(), b.taken.end());
        }
        done += count;
        listener_.on_progress(done, files_in_all());
    }
    co_return ok();
}

task<status> workload::run(std::vector<measurement>& results) {
    const status made = co_await fs_.mkdir(directory_);
    if (!made) { co_return failed("mkdir", directory_, made.error()); }
    std::vector<phase> phases;
    phases.push_back({operation::create, 0, {}, 0});
    for (const std::size_t size : settings_.sizes) { phases.push_back({operation::write, size, {}, 0}); }
    for (const std::size_t size : settings_.sizes) { phases.push_back({operation::read, size, {}, 0}); }
    for (phase& p : phases) {
        BFS_CO_CHECK(co_await run_phase(p));
        measurement m;
        m.op = p.op;
        m.size = p.size;
        m.times = summarise(std::move(p.samples), p.wall);
        results.push_back(std::move(m));
    }
    co_return ok();
}

task<status> workload::remove_file(std::string path) {
    const status gone = co_await fs_.unlink(path);
    if (!gone && gone.error() != errc::not_found) { co_return failed("unlink", path, gone.error()); }
    co_return ok();
}

task<status> workload::clean_up() {
    auto body = [this](std::size_t i) { return remove_file(left_[i]); };
    BFS_CO_CHECK(co_await runtime::parallel_for(left_.size(), cleanup_depth, body));
    left_.clear();
    const status gone = co_await fs_.rmdir(directory_);
    if (!gone && gone.error() != errc::not_found) { co_return failed("rmdir", directory_, gone.error()); }
    co_return ok();
}

} // namespace

task<status> run_workload(file_system& fs, const bench_settings& settings, workload_listener& listener,
                          std::vector<measurement>& results, std::string& why) {
    workload w(fs, settings, listener, why);
    const status outcome = co_await w.run(results);
    task<status> cleaning = w.clean_up();
    const status cleaned = co_await runtime::without_stop(std::move(cleaning));
    if (!outcome) { co_return outcome.error(); }
    co_return cleaned.error();
}

} // namespace benchfs::bench
