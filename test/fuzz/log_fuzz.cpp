// The log of a store: files of any content, and good frames of any records. A server is opened on it as after a
// crash; it refuses, or it serves, can be stopped, and opens again.
#include "rpc_peer.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/crc32c.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/server/journal_records.hpp"
#include "benchfs/storage/disk_memory.hpp"
#include "benchfs/storage/wal_format.hpp"
#include "benchfs/storage/wal_survey.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace benchfs::fuzz {
namespace {

using runtime::task;
using namespace storage;

constexpr std::uint64_t log_segment = 64 * KiB;
constexpr std::uint64_t data_segment = 1 * MiB;

class one_server final : public rpc::address_resolver {
public:
    explicit one_server(std::vector<std::byte> address) : address_(std::move(address)) {}
    [[nodiscard]] task<result<std::vector<std::byte>>> address_of(server_id) override { co_return address_; }

private:
    std::vector<std::byte> address_;
};

/// A server with the io_uring engine over a disk in memory, and a client of it.
class stored_server {
public:
    explicit stored_server(disk_image& image) : wire_(loop_, network_), client_wire_(loop_, network_) {
        environment_ = std::make_unique<server::instance_environment>(
            server::instance_environment{loop_, nullptr, wire_, fuzz_cluster});
        environment_->chunk_size = 64 * KiB;
        environment_->open_disk = [&image](const std::string&) { return std::make_unique<disk_memory>(image); };
        environment_->tune_store = [](store_options& o) {
            o.segment_size = data_segment;
            o.disk_capacity = 8 * data_segment;
            o.log_segment = log_segment;
            o.log_capacity = 8 * log_segment;
        };
        server_options options;
        options.engine = "uring";
        options.data_dir = "fuzz";
        auto opened = loop_.run(server::instance::open(*environment_, options));
        if (!opened) { return; }
        instance_ = std::move(*opened);
        resolver_ = std::make_unique<one_server>(wire_.address());
        rpc::address_resolver& resolver = *resolver_;
        calls_ =
            std::make_unique<rpc::client>(loop_, client_wire_, resolver, fuzz_cluster, rpc::client_settings{});
        placement_ = std::move(*cluster::make_placement({}, 1));
        fs_ = std::make_unique<file_system>(*calls_, *placement_, file_system_settings{});
    }
    ~stored_server() {
        fs_.reset();
        if (calls_) { loop_.run(calls_->close()); }
        calls_.reset();
        if (instance_) { (void)loop_.run(instance_->stop()); }
        instance_.reset();
        loop_.run(wire_.stop());
        loop_.run(client_wire_.stop());
    }

    [[nodiscard]] bool opened() const noexcept { return instance_ != nullptr; }
    /// The answer is yes or no, whatever was recovered.
    void use() { loop_.run(use_all(*fs_)); }
    void fill() { loop_.run(fill_some(*fs_)); }
    void checkpoint() { (void)loop_.run(instance_->store().log()->checkpoint()); }

private:
    static task<void> use_all(file_system& fs) {
        const auto entries = co_await fs.readdir("/");
        if (entries) {
            for (const directory_entry& e : *entries) {
                const std::string path = "/" + e.name;
                (void)co_await fs.stat(path);
                (void)co_await fs.readdir(path);
                auto f = co_await fs.open(path, open_flags::read | open_flags::write);
                if (!f) { continue; }
                file opened = *f;
                byte_string memory(200'000);
                const result<std::size_t> got = co_await opened.read(memory, 0);
                BFS_ASSERT(!got || *got <= memory.size());
                (void)co_await opened.truncate(100);
                (void)co_await fs.unlink(path);
            }
        }
        co_await fill_some(fs);
    }
    static task<void> fill_some(file_system& fs) {
        (void)co_await fs.mkdir("/d");
        const byte_string bytes(150'000, std::byte{3});
        for (const char* path : {"/f", "/d/g", "/h"}) {
            auto f = co_await fs.open(path, open_flags::write | open_flags::create);
            if (!f) { continue; }
            file opened = *f;
            (void)co_await opened.write(bytes, 100);
            (void)co_await opened.truncate(70'000);
        }
        (void)co_await fs.rename("/h", "/i");
        (void)co_await fs.unlink("/i");
    }

    transport::loopback_network network_;
    runtime::loop loop_;
    transport::loopback_transport wire_;
    transport::loopback_transport client_wire_;
    std::unique_ptr<server::instance_environment> environment_;
    std::unique_ptr<server::instance> instance_;
    std::unique_ptr<one_server> resolver_;
    std::unique_ptr<rpc::client> calls_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<file_system> fs_;
};

/// What a server that was killed after some work leaves.
const disk_image& worked() {
    static const disk_image image = [] {
        disk_image made;
        {
            stored_server server(made);
            BFS_ASSERT(server.opened());
            server.fill();
            server.checkpoint();
            server.fill();
        }
        return made;
    }();
    return image;
}

/// The data of `worked()` without its log.
disk_image data_only() {
    disk_image image = worked();
    std::erase_if(image.files, [](const auto& item) { return item.first.starts_with("log-"); });
    return image;
}

void open_on(disk_image& image) {
    {
        stored_server server(image);
        if (!server.opened()) { return; }
        server.use();
        server.checkpoint();
    }
    stored_server again(image);
    BFS_ASSERT(again.opened()); // it was stopped in good order
}

// ---- files ----

struct file_step {
    std::uint8_t repair = 0; // 1: the header's checksum; 2: those of frames
    std::uint8_t reserved = 0;
    std::uint16_t size = 0; // bytes that follow, times 8; zeros after them
};
static_assert(wire_struct<file_step>);

void repair_header(byte_span file) {
    wal_segment_header header;
    if (!load(file, header)) { return; }
    seal(header);
    std::memcpy(file.data(), &header, sizeof header);
}

/// Makes the checksum of every frame right that has the mark and a size that fits.
void repair_frames(byte_span file) {
    for (std::size_t at = wal_header_bytes; at + sizeof(wal_frame_header) <= file.size();) {
        wal_frame_header head;
        BFS_ASSERT(load(file.subspan(at), head));
        const std::size_t room = file.size() - at - sizeof(head);
        if (head.magic != wal_frame_header::expected_magic || head.size > room) {
            at += 8;
            continue;
        }
        head.crc = 0;
        std::memcpy(file.data() + at, &head, sizeof head);
        head.crc = crc32c(file.subspan(at, sizeof(head) + head.size));
        std::memcpy(file.data() + at, &head, sizeof head);
        at += wal_padded(sizeof(head) + head.size);
    }
}

void run_log_files(const_byte_span input) {
    disk_image image = data_only();
    source from(input);
    for (std::size_t i = 0; i < 4 && !from.empty(); ++i) {
        const auto step = from.take<file_step>();
        const const_byte_span given = from.bytes(std::size_t{step.size} * 8);
        byte_string bytes(given.begin(), given.end());
        bytes.resize(std::max<std::size_t>(bytes.size(), (step.repair & 4U) != 0 ? 0 : log_segment));
        if ((step.repair & 1U) != 0) { repair_header(bytes); }
        if ((step.repair & 2U) != 0) { repair_frames(bytes); }
        image.files[wal_file_name(i)].bytes = std::move(bytes);
    }
    open_on(image);
}

std::vector<byte_string> log_files_corpus() {
    std::vector<byte_string> all;
    for (const std::uint8_t repair : {std::uint8_t{0}, std::uint8_t{3}}) {
        sink out;
        for (const auto& [name, file] : worked().files) {
            if (!name.starts_with("log-")) { continue; }
            std::size_t used = file.bytes.size();
            while (used > 0 && file.bytes[used - 1] == std::byte{0}) { --used; }
            file_step step;
            step.repair = repair;
            step.size = static_cast<std::uint16_t>(std::min<std::size_t>((used + 7) / 8, 0xffff));
            byte_string bytes(file.bytes.begin(), file.bytes.begin() + static_cast<std::ptrdiff_t>(used));
            bytes.resize(std::size_t{step.size} * 8);
            out.put(step).put_bytes(bytes);
        }
        all.push_back(out.bytes());
    }
    return all;
}

// ---- records ----

struct record_step {
    std::uint16_t kind = 0; // 0: the frame ends
    std::uint16_t size = 0; // of the body that follows
};
static_assert(wire_struct<record_step>);

void run_log_records(const_byte_span input) {
    disk_image image = data_only();
    byte_string& log = image.files[wal_file_name(0)].bytes;
    wal_segment_header header;
    header.generation = 1;
    header.start_generation = 1;
    header.first_sequence = 1;
    header.power_cycle = {image.power_cycles, 1};
    header.store_id = 1;
    header.servers = 1;
    header.stride = static_cast<std::uint32_t>(data_segment / 4096);
    seal(header);
    log.resize(wal_header_bytes);
    std::memcpy(log.data(), &header, sizeof header);

    std::uint64_t sequence = 1;
    byte_string frame(sizeof(wal_frame_header));
    const auto end_frame = [&] {
        seal_frame(frame, 1, sequence, 0);
        if (log.size() + frame.size() > log_segment) { return; }
        log.insert(log.end(), frame.begin(), frame.end());
        log.resize(wal_padded(log.size()));
        ++sequence;
        frame.assign(sizeof(wal_frame_header), std::byte{0});
    };
    source from(input);
    while (!from.empty()) {
        const auto step = from.take<record_step>();
        const const_byte_span body = from.bytes(step.size);
        if (step.kind == 0) {
            end_frame();
        } else {
            append_record(frame, step.kind, {body});
        }
    }
    end_frame();
    log.resize(log_segment);
    open_on(image);
}

/// The records of the log that a server wrote.
class record_writer final : public wal_reader {
public:
    [[nodiscard]] status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) override {
        if (sequence != sequence_) {
            out.put(record_step{});
            sequence_ = sequence;
        }
        out.put(record_step{kind, static_cast<std::uint16_t>(body.size())}).put_bytes(body);
        return ok();
    }
    sink out;

private:
    std::uint64_t sequence_ = 0;
};

task<void> read_records(disk_image& image, record_writer& to) {
    disk_memory disk(image);
    auto slots = co_await open_log_files(disk);
    BFS_ASSERT(slots.has_value());
    std::string problem;
    const auto survey = co_await survey_log(disk, *slots, problem);
    BFS_ASSERT(survey.has_value());
    const status done = co_await replay_log(*slots, *survey, survey->next_sequence - 1, to);
    BFS_ASSERT(done.has_value());
    for (wal_slot& slot : *slots) { (void)co_await slot.file->close(); }
}

using server::journal_kind;

template <class T>
void put_record(sink& out, journal_kind kind, const T& body, std::string_view tail = {}) {
    const auto size = static_cast<std::uint16_t>(sizeof(body) + tail.size());
    out.put(record_step{static_cast<std::uint16_t>(kind), size}).put(body).put_text(tail);
}

std::vector<byte_string> log_records_corpus() {
    disk_image image = worked();
    record_writer writer;
    runtime::loop loop;
    loop.run(read_records(image, writer));
    // Found once: a directory with an id that none has, over which a checkpoint never came; and one that was
    // removed with what is in it, which ended the server.
    sink impossible;
    put_record(impossible, journal_kind::directory_set, server::journal_directory{std::uint64_t{1} << 56, 1});
    sink full;
    put_record(full, journal_kind::directory_set, server::journal_directory{5, 1});
    put_record(full, journal_kind::dentry_set, server::journal_dentry{5, 6, 1, 1}, "x");
    put_record(full, journal_kind::directory_removed, server::journal_number{5});
    return {writer.out.bytes(), impossible.bytes(), full.bytes()};
}

} // namespace

const target log_files_target{"log_files", "the files of a store's log", run_log_files, log_files_corpus, 400};
const target log_records_target{"log_records", "the records in a store's log: chunks, namespace, sessions",
                                run_log_records, log_records_corpus, 400};

} // namespace benchfs::fuzz
