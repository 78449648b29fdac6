#include "stored_server.hpp"

#include "benchfs/base/assert.hpp"

#include <string>

namespace benchfs::fuzz {
namespace {

using runtime::task;
using namespace storage;

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
    (void)co_await fs.symlink("/f", "/l");
    (void)co_await fs.symlink("/d", "/k");
    (void)co_await fs.rename("/k", "/l");
    (void)co_await fs.rename("/h", "/i");
    (void)co_await fs.unlink("/i");
}

task<void> use_all(file_system& fs) {
    const auto entries = co_await fs.readdir("/");
    if (entries) {
        for (const directory_entry& e : *entries) {
            const std::string path = "/" + e.name;
            (void)co_await fs.stat(path);
            (void)co_await fs.readlink(path);
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

void stored_server::open(std::uint32_t id, disk_image* image) {
    member& one = *members_[id];
    const std::uint64_t start = 2 * std::uint64_t{id} + 1;
    one.environment = std::make_unique<server::instance_environment>(
        server::instance_environment{loop_, nullptr, one.answering, fuzz_cluster, {}, 64 * KiB, start});
    one.environment->peers.network = &one.calling;
    one.environment->peers.addresses = this;
    server_options options;
    options.id = id;
    options.servers = static_cast<std::uint32_t>(members_.size());
    options.memory = image == nullptr;
    if (image == nullptr) {
        options.memory_limit = 8 * MiB;
        options.memory_ahead = 0;
    } else {
        options.engine = "uring";
        options.data_dir = "fuzz";
        one.environment->open_disk = [image](const std::string&) {
            return std::make_unique<disk_memory>(*image);
        };
        one.environment->tune_store = [](store_options& o) {
            o.segment_size = fuzz_data_segment;
            o.disk_capacity = 8 * fuzz_data_segment;
            o.log_segment = fuzz_log_segment;
            o.log_capacity = 8 * fuzz_log_segment;
        };
    }
    auto opened = loop_.run(server::instance::open(*one.environment, options));
    if (opened) { one.instance = std::move(*opened); }
}

stored_server::stored_server(disk_image& image, cluster_shape shape) {
    for (std::uint32_t i = 0; i < shape.servers; ++i) {
        members_.push_back(std::make_unique<member>(loop_, network_));
    }
    stored_ = members_[shape.self].get();
    open(shape.self, &image);
    if (!opened()) { return; }
    for (std::uint32_t i = 0; i < shape.servers; ++i) {
        if (i == shape.self) { continue; }
        open(i, nullptr);
        BFS_ASSERT(members_[i]->instance != nullptr);
    }
    rpc::address_resolver& self = *this;
    calls_ = std::make_unique<rpc::client>(loop_, client_wire_, self, fuzz_cluster, rpc::client_settings{});
    placement_ = std::move(*cluster::make_placement({}, shape.servers));
    fs_ = std::make_unique<file_system>(*calls_, *placement_, file_system_settings{});
}

stored_server::~stored_server() {
    fs_.reset();
    if (calls_) { loop_.run(calls_->close()); }
    calls_.reset();
    for (const auto& one : members_) {
        if (one->instance) { (void)loop_.run(one->instance->stop()); }
    }
    for (const auto& one : members_) {
        one->instance.reset();
        loop_.run(one->answering.stop());
        loop_.run(one->calling.stop());
    }
    loop_.run(client_wire_.stop());
}

task<result<std::vector<std::byte>>> stored_server::address_of(server_id id) {
    // The others start after the one with the store.
    if (index(id) >= members_.size() || !members_[index(id)]->instance) { co_return errc::no_server; }
    co_return members_[index(id)]->answering.address();
}

void stored_server::use() { loop_.run(use_all(*fs_)); }
void stored_server::fill() { loop_.run(fill_some(*fs_)); }
void stored_server::checkpoint() { (void)loop_.run(stored_->instance->store().log()->checkpoint()); }

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

void open_on(disk_image& image, cluster_shape shape) {
    {
        stored_server server(image, shape);
        if (!server.opened()) { return; }
        server.use();
        server.checkpoint();
    }
    stored_server again(image, shape);
    BFS_ASSERT(again.opened()); // it was stopped in good order
}

} // namespace benchfs::fuzz
