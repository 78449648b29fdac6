// What the registry tests share: a directory of their own, records, and processes that have ended.
#pragma once

#include "benchfs/cluster/registry.hpp"
#include "catch.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace benchfs::cluster {

class temporary_directory {
public:
    temporary_directory() {
        const char* base = std::getenv("TMPDIR");
        path_ = std::string(base != nullptr ? base : "/tmp") + "/benchfs-registry-XXXXXX";
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

inline std::string read_text(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

inline cluster_options with_servers(std::uint32_t n) {
    cluster_options out;
    out.servers = n;
    return out;
}

inline cluster_info make_cluster(const std::string& dir, std::uint32_t servers) {
    std::string why;
    auto made = create_or_join(dir, with_servers(servers), why);
    INFO(why);
    REQUIRE(made);
    return *made;
}

inline server_record record_of(const cluster_info& cluster, unsigned id) {
    server_record out;
    out.id = static_cast<server_id>(id);
    out.servers = cluster.servers;
    out.cluster_id = cluster.id;
    out.address = {std::byte{0xab}, std::byte{static_cast<unsigned char>(id)}, std::byte{0}};
    out.process = this_process();
    out.build = "0.1.0 test";
    return out;
}

inline void publish_ok(const std::string& dir, const server_record& record) {
    std::string why;
    const status done = publish(dir, record, why);
    INFO(why);
    REQUIRE(done);
}

/// Who a process was that has ended and been collected.
inline process_identity ended_process() {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const std::uint64_t start = this_process().start_time;
        const bool sent = ::write(pipe_ends[1], &start, sizeof start) == sizeof start;
        ::_exit(sent ? 0 : 1);
    }
    process_identity out = this_process();
    REQUIRE(::read(pipe_ends[0], &out.start_time, sizeof out.start_time) == sizeof out.start_time);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    int state = 0;
    REQUIRE(::waitpid(child, &state, 0) == child);
    REQUIRE(state == 0);
    out.pid = child;
    return out;
}

/// As a user who owns nothing, until the end of the scope; root is allowed everything otherwise.
class as_nobody {
public:
    as_nobody() : was_(::geteuid()) {
        if (was_ == 0) { REQUIRE(::seteuid(65534) == 0); }
    }
    as_nobody(const as_nobody&) = delete;
    as_nobody& operator=(const as_nobody&) = delete;
    ~as_nobody() {
        if (was_ == 0 && ::seteuid(0) != 0) { std::abort(); }
    }

private:
    uid_t was_;
};

} // namespace benchfs::cluster
