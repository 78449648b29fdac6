// A server process: loop, ring, network, an instance, and its entry in the registry.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/server/options.hpp"

#include <memory>
#include <string>

namespace benchfs::server {

class node {
public:
    /// Starts to serve: when this returns, clients find the address in the registry. On an error `why` says
    /// what, where and what to try. Takes over SIGINT and SIGTERM.
    [[nodiscard]] static result<std::unique_ptr<node>> start(const server_options& options, std::string& why);
    ~node();

    /// Serves until SIGINT, SIGTERM or stop(); then withdraws the address, ends what runs and closes the store.
    /// 0 after a clean stop, else 1 (the log says why).
    int run();
    /// From a task of the node's own loop.
    void stop() noexcept;

    /// The transport's address, for people.
    [[nodiscard]] std::string address() const;

private:
    class parts;
    explicit node(std::unique_ptr<parts> p) noexcept;
    std::unique_ptr<parts> parts_;
};

} // namespace benchfs::server
