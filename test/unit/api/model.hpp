// A file system in a map: what every answer of the real one is compared with.
#pragma once

#include "benchfs/base/errc.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace benchfs::test {

struct model_node {
    bool directory = false;
    bool gone = false; // unlinked or replaced: handles of it are stale
    std::vector<std::byte> bytes;
};
using node_ptr = std::shared_ptr<model_node>;

/// Paths are as normal as the real ones: "/a/b". POSIX answers, in the order in which they are found.
class model {
public:
    explicit model(std::string root) : root_(std::move(root)) {
        nodes_[root_] = std::make_shared<model_node>();
        nodes_[root_]->directory = true;
    }

    [[nodiscard]] static std::string parent(const std::string& p) { return p.substr(0, p.rfind('/')); }
    [[nodiscard]] node_ptr find(const std::string& p) const {
        const auto it = nodes_.find(p);
        return it == nodes_.end() ? nullptr : it->second;
    }
    /// ok, not_found or not_a_directory for the way to p.
    [[nodiscard]] errc way_to(const std::string& p) const {
        if (p == root_) { return errc::ok; }
        const std::string up = parent(p);
        if (const errc e = way_to(up); e != errc::ok) { return e; }
        const node_ptr n = find(up);
        if (!n) { return errc::not_found; }
        return n->directory ? errc::ok : errc::not_a_directory;
    }
    [[nodiscard]] bool has_children(const std::string& p) const {
        const auto it = nodes_.upper_bound(p + "/");
        return it != nodes_.end() && it->first.compare(0, p.size() + 1, p + "/") == 0;
    }

    node_ptr make(const std::string& p, bool directory) {
        auto n = std::make_shared<model_node>();
        n->directory = directory;
        nodes_[p] = n;
        return n;
    }
    errc mkdir(const std::string& p) {
        if (const errc e = way_to(p); e != errc::ok) { return e; }
        if (find(p)) { return errc::already_exists; }
        make(p, true);
        return errc::ok;
    }
    errc unlink(const std::string& p) {
        if (const errc e = way_to(p); e != errc::ok) { return e; }
        const node_ptr n = find(p);
        if (!n) { return errc::not_found; }
        if (n->directory) { return errc::is_a_directory; }
        n->gone = true;
        nodes_.erase(p);
        return errc::ok;
    }
    errc rmdir(const std::string& p) {
        if (const errc e = way_to(p); e != errc::ok) { return e; }
        const node_ptr n = find(p);
        if (!n) { return errc::not_found; }
        if (!n->directory) { return errc::not_a_directory; }
        if (has_children(p)) { return errc::not_empty; }
        nodes_.erase(p);
        return errc::ok;
    }
    errc rename(const std::string& from, const std::string& to) {
        if (const errc e = way_to(from); e != errc::ok) { return e; }
        if (const errc e = way_to(to); e != errc::ok) { return e; }
        const node_ptr source = find(from);
        if (!source) { return errc::not_found; }
        if (from == to) { return errc::ok; }
        if (source->directory && to.compare(0, from.size() + 1, from + "/") == 0) {
            return errc::invalid_argument;
        }
        if (const node_ptr target = find(to)) {
            if (target->directory && !source->directory) { return errc::is_a_directory; }
            if (!target->directory && source->directory) { return errc::not_a_directory; }
            if (has_children(to)) { return errc::not_empty; }
            target->gone = true;
        }
        move(from, to);
        return errc::ok;
    }
    /// Names in a directory, with what they mean.
    [[nodiscard]] std::map<std::string, node_ptr> list(const std::string& p) const {
        std::map<std::string, node_ptr> out;
        for (auto it = nodes_.upper_bound(p + "/"); it != nodes_.end(); ++it) {
            if (it->first.compare(0, p.size() + 1, p + "/") != 0) { break; }
            const std::string name = it->first.substr(p.size() + 1);
            if (name.find('/') == std::string::npos) { out[name] = it->second; }
        }
        return out;
    }

private:
    void move(const std::string& from, const std::string& to) {
        std::map<std::string, node_ptr> moved;
        for (auto it = nodes_.begin(); it != nodes_.end();) {
            const bool below = it->first == from || it->first.compare(0, from.size() + 1, from + "/") == 0;
            if (below) { moved[to + it->first.substr(from.size())] = it->second; }
            it = below ? nodes_.erase(it) : std::next(it);
        }
        for (auto& [path, node] : moved) { nodes_[path] = node; }
    }

    std::string root_;
    std::map<std::string, node_ptr> nodes_;
};

} // namespace benchfs::test
