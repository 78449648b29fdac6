#include "benchfs/api/benchfs.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/loopback/transport.hpp"
#include "benchfs/uring/ring.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace benchfs {
namespace {

/// The one server there is.
class fixed_resolver final : public rpc::address_resolver {
public:
    explicit fixed_resolver(std::vector<std::byte> address) : address_(std::move(address)) {}
    [[nodiscard]] runtime::task<result<std::vector<std::byte>>> address_of(server_id) override {
        co_return address_;
    }

private:
    std::vector<std::byte> address_;
};

class embedded_file_system final : public mounted {
public:
    ~embedded_file_system() override {
        if (client_) { loop_.run(client_->close()); }
        if (instance_) { (void)loop_.run(instance_->stop()); }
        fs_.reset();
        client_.reset();
        instance_.reset();
        client_side_.reset();
        server_side_.reset();
        ring_.reset();
    }

    [[nodiscard]] file_system& fs() noexcept override { return *fs_; }
    [[nodiscard]] runtime::loop& loop() noexcept override { return loop_; }

    status open(const std::string& dir, std::string& why) {
        server_options options;
        options.data_dir = dir;
        options.memory = dir.empty();
        if (!dir.empty()) {
            if (::mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) {
                why = "cannot make the directory " + dir + ": " + std::string(message(from_errno(errno)));
                return from_errno(errno);
            }
            result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop_, {});
            if (!ring) {
                why = "io_uring cannot be used here (the log says why)";
                return ring.error();
            }
            ring_ = std::move(*ring);
        }
        server_side_ = std::make_unique<transport::loopback_transport>(loop_, network_);
        client_side_ = std::make_unique<transport::loopback_transport>(loop_, network_);
        environment_ = std::make_unique<server::instance_environment>(server::instance_environment{
            loop_, ring_.get(), *server_side_, {}, {}, metadata::default_chunk_size, server::start_seed() | 1});
        auto opened = loop_.run(server::instance::open(*environment_, options));
        if (!opened) {
            why = "the store in '" + dir + "' cannot be opened: " + std::string(message(opened.error())) +
                  " (the log says more)";
            return opened.error();
        }
        instance_ = std::move(*opened);
        resolver_ = std::make_unique<fixed_resolver>(server_side_->address());
        BFS_TRY(placement_, cluster::make_placement({}, 1));
        client_ = std::make_unique<rpc::client>(loop_, *client_side_, *resolver_, rpc::cluster_identity{},
                                                rpc::client_settings{});
        file_system_settings settings;
        settings.uid = ::getuid();
        settings.gid = ::getgid();
        fs_ = std::make_unique<file_system>(*client_, *placement_, settings);
        return ok();
    }

private:
    transport::loopback_network network_;
    runtime::loop loop_;
    std::unique_ptr<uring::ring> ring_;
    std::unique_ptr<transport::loopback_transport> server_side_;
    std::unique_ptr<transport::loopback_transport> client_side_;
    std::unique_ptr<server::instance_environment> environment_;
    std::unique_ptr<server::instance> instance_;
    std::unique_ptr<fixed_resolver> resolver_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<rpc::client> client_;
    std::unique_ptr<file_system> fs_;
};

} // namespace

result<std::unique_ptr<mounted>> embedded(const std::string& dir, std::string& why) {
    auto made = std::make_unique<embedded_file_system>();
    const status opened = made->open(dir, why);
    if (!opened) { return opened.error(); }
    return std::unique_ptr<mounted>(std::move(made));
}

} // namespace benchfs
