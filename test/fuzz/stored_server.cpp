#include "stored_server.hpp"

#include "benchfs/base/assert.hpp"

#include <string>

namespace benchfs::fuzz {
namespace {

using runtime::task;
using namespace storage;

class one_server final : public rpc::address_resolver {
public:
    explicit one_server(std::vector<std::byte> address) : address_(std::move(address)) {}
    [[nodiscard]] task<result<std::vector<std::byte>>> address_of(server_id) override { co_return address_; }

private:
    std::vector<std::byte> address_;
};

task<void> fill_some(file_system& fs) {
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

task<void> use_all(file_system& fs) {
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

} // namespace

stored_server::stored_server(disk_image& image) : wire_(loop_, network_), client_wire_(loop_, network_) {
    environment_ = std::make_unique<server::instance_environment>(
        server::instance_environment{loop_, nullptr, wire_, fuzz_cluster});
    environment_->chunk_size = 64 * KiB;
    environment_->open_disk = [&image](const std::string&) { return std::make_unique<disk_memory>(image); };
    environment_->tune_store = [](store_options& o) {
        o.segment_size = fuzz_data_segment;
        o.disk_capacity = 8 * fuzz_data_segment;
        o.log_segment = fuzz_log_segment;
        o.log_capacity = 8 * fuzz_log_segment;
    };
    server_options options;
    options.engine = "uring";
    options.data_dir = "fuzz";
    auto opened = loop_.run(server::instance::open(*environment_, options));
    if (!opened) { return; }
    instance_ = std::move(*opened);
    resolver_ = std::make_unique<one_server>(wire_.address());
    rpc::address_resolver& resolver = *resolver_;
    calls_ = std::make_unique<rpc::client>(loop_, client_wire_, resolver, fuzz_cluster, rpc::client_settings{});
    placement_ = std::move(*cluster::make_placement({}, 1));
    fs_ = std::make_unique<file_system>(*calls_, *placement_, file_system_settings{});
}

stored_server::~stored_server() {
    fs_.reset();
    if (calls_) { loop_.run(calls_->close()); }
    calls_.reset();
    if (instance_) { (void)loop_.run(instance_->stop()); }
    instance_.reset();
    loop_.run(wire_.stop());
    loop_.run(client_wire_.stop());
}

void stored_server::use() { loop_.run(use_all(*fs_)); }
void stored_server::fill() { loop_.run(fill_some(*fs_)); }
void stored_server::checkpoint() { (void)loop_.run(instance_->store().log()->checkpoint()); }

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

} // namespace benchfs::fuzz
