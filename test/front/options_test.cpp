// The command line and configuration file of benchfsd.
#include "catch.hpp"

#include "arguments.hpp"
#include "front_end.hpp"

#include "benchfs/base/json_options.hpp"
#include "benchfs/client/options.hpp"
#include "benchfs/runtime/pinning.hpp"

#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <unistd.h>
#include <vector>

using namespace benchfs;

namespace {

front::daemon_arguments parse(std::vector<const char*> words) {
    words.insert(words.begin(), "benchfsd");
    return front::read_daemon_arguments(static_cast<int>(words.size()), words.data());
}

class temporary_file {
public:
    explicit temporary_file(const std::string& text) {
        const int fd = ::mkstemp(path_.data());
        REQUIRE(fd >= 0);
        ::close(fd);
        std::ofstream(path_) << text;
    }
    ~temporary_file() { ::unlink(path_.c_str()); }
    [[nodiscard]] const char* path() const { return path_.c_str(); }

private:
    std::string path_ = "/tmp/benchfs-options-XXXXXX";
};

bool mentions(const std::string& text, const char* word) { return text.find(word) != std::string::npos; }

} // namespace

TEST_CASE("a registry and a data directory are a cluster of one server") {
    const auto a = parse({"--registry-dir", "/r", "--data-dir", "/d"});
    REQUIRE(a.trouble == "");
    REQUIRE(a.run);
    REQUIRE(a.options.servers == 1);
    REQUIRE(a.options.id == 0);
    REQUIRE(a.options.engine_name() == "uring");
    REQUIRE(a.options.chunk_size == 4 * MiB);
}

TEST_CASE("the memory engine needs no data directory, the uring engine does") {
    REQUIRE(parse({"--registry-dir", "/r", "--memory"}).run);
    const auto a = parse({"--registry-dir", "/r"});
    REQUIRE_FALSE(a.run);
    REQUIRE(a.exit_code == 2);
    REQUIRE(mentions(a.trouble, "data_dir"));
    REQUIRE(mentions(a.trouble, "--memory"));
}

TEST_CASE("the command line wins over the file, the file over the defaults") {
    const temporary_file file(
        R"({"registry_dir": "/r", "memory": true, "chunk_size": "1MiB", "id": 1, "servers": 3})");
    const auto a = parse({"--config", file.path(), "--chunk-size", "2MiB", "--memory-limit", "1GiB"});
    REQUIRE(a.trouble == "");
    REQUIRE(a.options.chunk_size == 2 * MiB);
    REQUIRE(a.options.memory_limit == GiB);
    REQUIRE(a.options.id == 1);
    REQUIRE(a.options.servers == 3);
    REQUIRE(a.options.uring_queue_size == 256);
}

TEST_CASE("a flag of the file can be taken back on the command line") {
    const temporary_file file(R"({"registry_dir": "/r", "memory": true, "data_dir": "/d"})");
    REQUIRE(parse({"--config", file.path()}).options.engine_name() == "memory");
    REQUIRE(parse({"--config", file.path(), "--memory=false"}).options.engine_name() == "uring");
}

TEST_CASE("what is not known or not allowed exits with 2 and its name") {
    const temporary_file unknown(R"({"registry_dir": "/r", "memory": true, "chunk_sizes": 1})");
    const temporary_file not_json("registry_dir = /r");
    struct bad {
        std::vector<const char*> words;
        const char* named;
    };
    const std::vector<bad> cases = {
        {{"--config", unknown.path()}, "chunk_sizes"},
        {{"--config", not_json.path()}, not_json.path()},
        {{"--config", "/nowhere/at/all.json"}, "/nowhere/at/all.json"},
        {{"--registry-dir", "/r", "--memory", "--chunk-size", "12"}, "chunk_size"},
        {{"--registry-dir", "/r", "--memory", "--chunk-size", "70000"}, "chunk_size"},
        {{"--registry-dir", "/r", "--memory", "--uring-queue-size", "many"}, "uring_queue_size"},
        {{"--registry-dir", "/r", "--memory", "--id", "2", "--servers", "2"}, "id"},
        {{"--registry-dir", "/r", "--memory", "--engine", "uring"}, "memory"},
        {{"--registry-dir", "/r", "--engine", "floppy"}, "floppy"},
        {{"--registry-dir", "/r", "--memory", "--log-level", "loud"}, "log_level"},
        {{"--registry-dir", "/r", "--memory", "--direct", "perhaps"}, "direct"},
        {{"--registry-dir", "/r", "--memory", "--transport", "pigeon"}, "pigeon"},
        {{"--registry-dir", "/r", "--memory", "--transport", "loopback"}, "transport"},
        {{"--memory"}, "registry_dir"},
        {{"--nonsense"}, "--nonsense"},
        {{"--id"}, "--id"},
    };
    for (const bad& b : cases) {
        const auto a = parse(b.words);
        INFO(b.named << ": " << a.trouble);
        REQUIRE_FALSE(a.run);
        REQUIRE(a.exit_code == 2);
        REQUIRE(mentions(a.trouble, b.named));
    }
}

TEST_CASE("--print-config prints what --config takes") {
    const auto first = parse({"--print-config", "--registry-dir", "/r", "--memory", "--chunk-size", "1MiB"});
    REQUIRE(first.exit_code == 0);
    REQUIRE_FALSE(first.run);
    const temporary_file file(first.output);
    const auto second = parse({"--print-config", "--config", file.path()});
    REQUIRE(second.trouble == "");
    REQUIRE(second.output == first.output);
    REQUIRE(mentions(first.output, "\"engine\""));
    REQUIRE(parse({"--config", file.path()}).options.chunk_size == MiB);
}

TEST_CASE("--version and --help end well, and help names every option") {
    REQUIRE(mentions(parse({"--version"}).output, "benchfsd 0."));
    const auto help = parse({"--help"});
    REQUIRE(help.exit_code == 0);
    for (const char* name : {"--config",
                             "--registry-dir",
                             "--data-dir",
                             "--memory",
                             "--id",
                             "--servers",
                             "--chunk-size",
                             "--uring-queue-size",
                             "--uring-buffer-size",
                             "--uring-submit-depth",
                             "--cpu",
                             "--numa",
                             "--transport",
                             "--engine",
                             "--memory-limit",
                             "--memory-ahead",
                             "--warm",
                             "--log-level",
                             "--direct",
                             "--print-config"}) {
        INFO(name);
        REQUIRE(mentions(help.output, name));
    }
}

TEST_CASE("BENCHFS_LOG is read strictly, and an option wins over it") {
    std::string why;
    REQUIRE(::setenv("BENCHFS_LOG", "shout", 1) == 0);
    REQUIRE(front::set_up_logging("", "info", why).error() == errc::bad_config);
    REQUIRE(mentions(why, "BENCHFS_LOG"));
    REQUIRE(front::set_up_logging("warn", "info", why));
    REQUIRE(::unsetenv("BENCHFS_LOG") == 0);
    REQUIRE(front::set_up_logging("", "warn", why));
}

TEST_CASE("client options take times as people write them") {
    client_options options;
    option_set set;
    bind_options(set, options);
    std::string why;
    REQUIRE(validate(options, why).error() == errc::bad_config);
    REQUIRE(mentions(why, "registry"));
    REQUIRE(set.set("--retry-for", "250ms", why));
    REQUIRE(options.retry_for == std::chrono::milliseconds(250));
    options.registry_dir = "/r";
    REQUIRE(validate(options, why));
    options.transport = "pigeon";
    REQUIRE(validate(options, why).error() == errc::bad_config);
    REQUIRE(mentions(why, "pigeon"));
    REQUIRE(set.set("deadline", "0s", why).error() == errc::bad_config);
    REQUIRE(mentions(why, "deadline"));
}

TEST_CASE("pinning to a core that is not there names the ones that are") {
    std::string why;
    REQUIRE(runtime::pin_process(100'000, -1, why).error() == errc::bad_config);
    REQUIRE(mentions(why, "100000"));
    REQUIRE(mentions(why, runtime::allowed_cores().c_str()));
    REQUIRE(runtime::pin_process(-1, 1000, why).error() == errc::bad_config);
    REQUIRE(mentions(why, "1000"));
}

TEST_CASE("pinning leaves one core") {
    cpu_set_t before;
    REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    const int here = ::sched_getcpu();
    std::string why;
    REQUIRE(runtime::pin_process(here, -1, why));
    REQUIRE(runtime::allowed_cores() == std::to_string(here));
    // A core that the mask leaves out is refused, even where the kernel would allow it.
    const status elsewhere = runtime::pin_process(here + 1, -1, why);
    REQUIRE(::sched_setaffinity(0, sizeof before, &before) == 0);
    REQUIRE(elsewhere.error() == errc::bad_config);
}
