// One end of a several-process transport test: an echo server, or a client with a script.
//
//   transport-peer server  transport=T address=FILE [cpu=N] [spin_us=N]
//   transport-peer SCRIPT  transport=T address=FILE [cpu=N] [spin_us=N] [count=N] [bytes=N] [jitter_us=N]
//
// Scripts: idle (hold the connection), calls (requests and replies of `bytes` bytes each, `count` of them; 0:
// until the end of the world). A peer says what happens in lines on standard output and hears "stats" and
// "quit" on standard input.
#include "unit/transport/conformance.hpp"

#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/uring/ring.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace {

using namespace benchfs;
using namespace benchfs::transport;
using conformance::call_spec;
using conformance::peer;
using steady = std::chrono::steady_clock;

struct options {
    std::string script;
    std::map<std::string, std::string> values;
    [[nodiscard]] std::string text(const std::string& name) const {
        const auto found = values.find(name);
        return found == values.end() ? "" : found->second;
    }
    [[nodiscard]] std::size_t number(const std::string& name, std::size_t otherwise) const {
        const std::string value = text(name);
        return value.empty() ? otherwise : std::stoull(value);
    }
};

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "transport-peer: %s\n", what.c_str());
    std::exit(2);
}

std::size_t open_files() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
std::size_t shared_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("/dev/shm/") != std::string::npos || line.find("/SYSV") != std::string::npos) { ++n; }
    }
    return n;
}

class program final : private runtime::fd_callback {
public:
    explicit program(const options& o) : options_(o), loop_(loop_options_of(o)) {
        uring::ring_options ring_options;
        ring_options.buffer_count = 0;
        result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop_, ring_options);
        if (!ring) { die("no io_uring"); }
        ring_ = *std::move(ring);
        const transport_options chosen;
        result<std::unique_ptr<benchfs::transport::transport>> made = make_transport(o.text("transport"), loop_, chosen);
        if (!made) { die("no transport"); }
        transport_ = *std::move(made);
        peer_.accepting = [](connection& c) { c.trust(); };
        peer_.closing = [this](connection& c) {
            if (!c.is_server_side()) { failed_.set(); }
        };
        transport_->set_receiver(peer_);
    }
    ~program() = default;

    int run() {
        ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
        loop_.poller()->watch(STDIN_FILENO, *this);
        loop_.run(whole());
        loop_.poller()->unwatch(*this);
        transport_.reset();
        if (!peer_.fault.empty()) { die(peer_.fault); }
        return 0;
    }

private:
    static runtime::loop_options loop_options_of(const options& o) {
        runtime::loop_options l;
        if (!o.text("spin_us").empty()) {
            l.spin_before_sleep = std::chrono::microseconds(o.number("spin_us", 0));
            l.turns_before_yield = 1;
        }
        return l;
    }

    runtime::task<void> whole() {
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope started(context, false);
        scope_ = &started;
        if (options_.script == "server") {
            publish_address();
        } else {
            co_await client();
        }
        const status quit = co_await quit_.wait();
        (void)quit;
        co_await transport_->stop();
        (void)co_await started.join();
        scope_ = nullptr;
    }

    void publish_address() {
        const std::string file = options_.text("address");
        const std::vector<std::byte> address = transport_->address();
        {
            std::ofstream out(file + ".new", std::ios::binary);
            out.write(reinterpret_cast<const char*>(address.data()),
                      static_cast<std::streamsize>(address.size()));
        }
        std::filesystem::rename(file + ".new", file);
        say("ready");
    }

    runtime::task<void> client() {
        std::ifstream in(options_.text("address"), std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(in), {}};
        std::vector<std::byte> address(bytes.size());
        std::transform(bytes.begin(), bytes.end(), address.begin(), [](char c) { return std::byte(c); });
        result<connection*> c =
            co_await runtime::with_timeout(std::chrono::seconds(20), transport_->connect(std::move(address)));
        if (!c) {
            say("refused error=" + std::string(name(c.error())));
            co_return;
        }
        peer_.adopt(**c);
        const status upgraded = co_await (*c)->upgrade();
        if (!upgraded) {
            say("refused error=" + std::string(name(upgraded.error())));
            co_return;
        }
        say("connected path=" + std::string((*c)->path()));
        if (options_.script == "calls") {
            co_await calls(*c);
        } else {
            const status ended = co_await failed_.wait();
            (void)ended;
            say("closed error=" + std::string(name(peer_.last_reason)));
        }
    }

    runtime::task<void> calls(connection* c) {
        const std::size_t count = options_.number("count", 0);
        const std::size_t jitter = options_.number("jitter_us", 0);
        call_spec spec;
        spec.request = spec.reply = options_.number("bytes", 0);
        while ((count == 0 || calls_ < count) && !quit_.is_set()) {
            // Half of the calls start at once, the others while the peer is on its way to sleep.
            if (jitter != 0 && peer_.random.below(2) == 0) { busy_wait(peer_.random.below(jitter * 1000)); }
            const steady::time_point before = steady::now();
            const status done = co_await peer_.call(c, spec);
            if (!done) {
                say("failed error=" + std::string(name(done.error())) + " calls=" + std::to_string(calls_));
                co_return;
            }
            note(std::chrono::duration_cast<std::chrono::nanoseconds>(steady::now() - before));
        }
        say("done " + figures());
    }

    static void busy_wait(std::size_t ns) {
        const steady::time_point end = steady::now() + std::chrono::nanoseconds(ns);
        while (steady::now() < end) {}
    }

    void note(std::chrono::nanoseconds took) {
        ++calls_;
        longest_ = std::max(longest_, took);
        if (took > std::chrono::milliseconds(500)) { ++slow_; }
    }

    [[nodiscard]] std::string figures() const {
        std::size_t memory = 0;
        for (const connection* c : peer_.open) { memory += c->memory(); }
        return "calls=" + std::to_string(calls_) + " slow=" + std::to_string(slow_) +
               " longest_us=" + std::to_string(longest_.count() / 1000) +
               " sleeps=" + std::to_string(loop_.stats().sleeps) +
               " connections=" + std::to_string(peer_.open.size()) +
               " accepted=" + std::to_string(peer_.accepted) + " closed=" + std::to_string(peer_.closed) +
               " memory=" + std::to_string(memory) + " files=" + std::to_string(open_files()) +
               " mappings=" + std::to_string(shared_mappings());
    }

    void on_readable(errc) noexcept override {
        char buffer[256];
        const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (got == 0) {
            quit_.set();
            return;
        }
        if (got > 0) { input_.append(buffer, static_cast<std::size_t>(got)); }
        for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
            const std::string command = input_.substr(0, end);
            input_.erase(0, end + 1);
            if (command == "stats") { say("stats " + figures()); }
            if (command == "reset") { longest_ = {}; }
            if (command == "quit") { quit_.set(); }
        }
        if (!quit_.is_set()) { loop_.poller()->watch(STDIN_FILENO, *this); }
    }

    static void say(const std::string& text) {
        std::printf("%s\n", text.c_str());
        std::fflush(stdout);
    }

    options options_;
    runtime::loop loop_;
    std::unique_ptr<uring::ring> ring_;
    runtime::task_scope* scope_ = nullptr;
    peer peer_{static_cast<std::uint64_t>(::getpid()), scope_};
    std::unique_ptr<benchfs::transport::transport> transport_;
    runtime::event quit_;
    runtime::event failed_;
    std::string input_;
    std::size_t calls_ = 0;
    std::size_t slow_ = 0;
    std::chrono::nanoseconds longest_{};
};

void pin(std::size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)::sched_setaffinity(0, sizeof set, &set); // a machine with fewer processors runs unpinned
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) { die("what role?"); }
    options o;
    o.script = argv[1];
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        const auto equals = word.find('=');
        if (equals == std::string::npos) { die("not name=value: " + word); }
        o.values[word.substr(0, equals)] = word.substr(equals + 1);
    }
    if (!o.text("cpu").empty()) { pin(o.number("cpu", 0)); }
    return program(o).run();
}
