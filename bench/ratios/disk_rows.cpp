#include "disk_rows.hpp"

#include "../common/statistics.hpp"
#include "../raw/raw_fio.hpp"
#include "../raw/raw_storage.hpp"
#include "test_server.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace benchfs::bench {
namespace {

constexpr std::size_t small_bytes = 3901; // as IO500 has it
constexpr std::uint64_t small_count = 5000;
constexpr goal faster{goal_kind::at_most, 1.0};
constexpr goal near_fio{goal_kind::at_least, 0.9};

class disk_rows {
public:
    explicit disk_rows(rounds& table)
        : table_(table), asked_(table.asked()), scratch_(table.asked().scratch), fio_(find_fio()) {}

    void run();

private:
    [[nodiscard]] std::string need_server(bool direct);
    void small_row(bool one_by_one);
    void stream_row(bool write, bool direct, int depth);
    [[nodiscard]] worker_figure client(const std::string& kind, const std::vector<std::string>& arguments) {
        return run_client_worker(kind, server_->registry(), asked_.cores.near, arguments);
    }

    rounds& table_;
    const plan& asked_;
    scratch_directory scratch_; // outlives the server
    std::string fio_;
    std::unique_ptr<test_server> server_;
    bool direct_ = false;
    int servers_ = 0;
};

/// A server with or without O_DIRECT, unless it runs already; empty, or why there is none.
std::string disk_rows::need_server(bool direct) {
    if (server_ && direct_ == direct) { return {}; }
    server_.reset();
    if (scratch_.path().empty()) { return std::string("no scratch directory: ") + std::strerror(errno); }
    direct_ = direct;
    const std::string data = scratch_.path() + "/data-" + std::to_string(servers_++);
    std::string why;
    server_ = test_server::start(
        asked_.program,
        {"--data-dir", data, "--direct", direct ? "on" : "off", "--cpu", std::to_string(asked_.cores.far)},
        why);
    return server_ ? std::string() : why;
}

void disk_rows::small_row(bool one_by_one) {
    const std::string name =
        std::string("make+write 3901 B+close+unlink, ") + (one_by_one ? "each, io_uring" : "all, io_uring");
    if (!table_.wanted(name)) { return; }
    const std::string trouble = need_server(false);
    if (!trouble.empty()) { return table_.add(not_measured(name, faster, trouble)); }
    const std::vector<std::string> arguments = {std::to_string(small_count), std::to_string(small_bytes),
                                                one_by_one ? "1" : "0"};
    const auto posix = [&] {
        ::sync(); // what others wrote is no business of ours
        return from_raw(measure_small_files(scratch_.path(), small_bytes, small_count, one_by_one));
    };
    table_.against_raw(name, faster, false, posix, [&] {
        ::sync();
        return client("small-files", arguments);
    });
}

void disk_rows::stream_row(bool write, bool direct, int depth) {
    const std::string name = std::string(write ? "write" : "read") + " 1 MiB (us per MiB), io_uring, " +
                             (direct ? "direct" : "cached") + ", depth " + std::to_string(depth);
    if (!table_.wanted(name)) { return; }
    if (fio_.empty()) { return table_.add(skipped_row(name, near_fio, "fio is not installed")); }
    const std::string trouble = need_server(direct);
    if (!trouble.empty()) { return table_.add(not_measured(name, near_fio, trouble)); }
    fio_request raw;
    raw.program = fio_;
    raw.file = scratch_.path() + "/fio";
    raw.direct = direct;
    raw.bytes = 2 * asked_.distinct;
    raw.piece = one_mib;
    raw.depth = depth;
    const std::vector<std::string> arguments = {std::to_string(raw.bytes), std::to_string(raw.piece),
                                                std::to_string(depth)};
    const auto limit = [&]() -> worker_figure {
        ::unlink(raw.file.c_str());
        ::sync();
        raw.write = true;
        worker_figure f = from_raw(measure_fio(raw));
        if (write && !direct && f.ok()) {
            // Once more into the pages that this freed: on a virtual machine, memory that was never touched takes
            // several times as long, which is no limit of the file system. The server's blocks stay cached, too.
            ::unlink(raw.file.c_str());
            f = from_raw(measure_fio(raw));
        }
        if (f.ok() && !write) {
            raw.write = false;
            f = from_raw(measure_fio(raw));
        }
        ::unlink(raw.file.c_str());
        return f;
    };
    table_.against_raw(name, near_fio, true, limit, [&] {
        ::sync();
        return client(write ? "stream-write" : "stream-read", arguments);
    });
}

void disk_rows::run() {
    for (const bool one_by_one : {true, false}) { small_row(one_by_one); }
    for (const bool write : {true, false}) {
        for (const int depth : {2, 4}) { stream_row(write, false, depth); }
    }
    for (const bool write : {true, false}) {
        for (const int depth : {1, 4}) { stream_row(write, true, depth); }
    }
}

} // namespace

void measure_disk(rounds& table) { disk_rows(table).run(); }

} // namespace benchfs::bench
