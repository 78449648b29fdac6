#include "session.hpp"

#include "benchfs/cluster/registry.hpp"
#include "format.hpp"
#include "interrupt.hpp"

#include <cstdio>

namespace benchfs::cli {
namespace {

constexpr auto tick = std::chrono::milliseconds(50);
constexpr auto answer_within = std::chrono::seconds(2);

/// Looks for Ctrl-C until the command has ended.
task<status> watch(runtime::stop_state& command, const std::function<void()>& on_tick) {
    while (true) {
        const status slept = co_await runtime::sleep_for(tick);
        if (!slept) { co_return ok(); }
        if (interrupted()) { command.request_stop(errc::cancelled); }
        if (on_tick) { on_tick(); }
    }
}

task<int> watched(task<int> command, const std::function<void()>& on_tick) {
    runtime::call_context& context = co_await runtime::current_context();
    runtime::stop_state stop;
    runtime::stop_link link(context.stop, stop);
    runtime::call_context below{context.owner, context.deadline, &stop};
    runtime::task_scope scope(context);
    scope.spawn(watch(stop, on_tick));
    command.set_context(below);
    const int code = co_await std::move(command);
    scope.request_stop();
    (void)co_await scope.join();
    co_return code;
}

task<status> ping_all(file_system& fs, std::vector<errc>& answers) {
    struct one {
        static task<status> ask(file_system& fs, std::uint32_t id, errc& answer) {
            task<status> ping = fs.ping(static_cast<server_id>(id));
            const status outcome = co_await runtime::with_timeout(answer_within, std::move(ping));
            answer = outcome.error();
            co_return ok();
        }
    };
    const auto body = [&](std::size_t i) { return one::ask(fs, static_cast<std::uint32_t>(i), answers[i]); };
    task<status> all = runtime::parallel_for(answers.size(), answers.size(), body);
    co_return co_await std::move(all);
}

/// What to try after this error; empty when the message says it all.
[[nodiscard]] std::string_view remedy(errc code) noexcept {
    switch (code) {
    case errc::not_found:
        return "look with ls at the directory it should be in";
    case errc::not_empty:
        return "rm -r removes a directory with what is in it";
    case errc::is_a_directory:
        return "give -r for whole trees, or name a file";
    case errc::not_supported:
        return "this version, or a cluster of this many servers, cannot do it";
    case errc::no_space:
        return "see df; remove what is not needed, or start servers with more room";
    case errc::access_denied:
        return "see stat for the owner and the mode";
    case errc::no_server:
    case errc::peer_down:
    case errc::timed_out:
        return "see the server's log, and benchfs-cli doctor";
    case errc::outcome_unknown:
        return "look whether it happened before you repeat it";
    default:
        return {};
    }
}

} // namespace

int exit_code_of(errc code) noexcept {
    switch (code) {
    case errc::ok:
        return exit_ok;
    case errc::cancelled:
        return interrupted() ? exit_interrupted : exit_failed;
    case errc::no_server:
    case errc::peer_down:
    case errc::timed_out:
        return exit_no_server;
    default:
        return exit_failed;
    }
}

bool session::mount() {
    if (mounted_) { return true; }
    std::string why;
    if (!options_.embedded && options_.client.registry_dir.empty()) {
        std::fputs(
            "benchfs-cli: no file system named: give --registry-dir DIR (or set BENCHFS_REGISTRY_DIR) for a "
            "cluster, or --embedded DIR for one inside this process\n",
            stderr);
        return false;
    }
    auto made = options_.embedded ? benchfs::embedded(options_.embedded_dir, why)
                                  : benchfs::mount(options_.client, why);
    if (!made) {
        std::fprintf(stderr, "benchfs-cli: %s\n",
                     why.empty() ? std::string(message(made.error())).c_str() : why.c_str());
        return false;
    }
    mounted_ = std::move(*made);
    return true;
}

int session::run(const std::function<task<int>(file_system&)>& start, std::function<void()> on_tick) {
    if (!mount()) { return exit_no_server; }
    const interrupt_scope signals;
    task<int> command = start(mounted_->fs());
    return mounted_->run(watched(std::move(command), on_tick));
}

std::string session::resolve(std::string_view word) const {
    // Nothing is no name, and not the working directory: "$unset" in a script must not mean all there is.
    if (word.empty() || word.front() == '/') { return std::string(word); }
    return (directory_ == "/" ? "/" : directory_ + "/") + std::string(word);
}

int session::failed(std::string_view command, std::string_view what, errc code, std::string_view hint) {
    const int exit_code = exit_code_of(code);
    const std::string shown = printable(what);
    const std::string_view text = exit_code == exit_interrupted ? "stopped" : message(code);
    if (hint.empty() && exit_code != exit_interrupted) { hint = remedy(code); }
    std::fflush(stdout);
    std::fprintf(stderr, "benchfs-cli: %.*s: %s: %.*s%s%.*s%s\n", static_cast<int>(command.size()),
                 command.data(), shown.c_str(), static_cast<int>(text.size()), text.data(),
                 hint.empty() ? "" : " (", static_cast<int>(hint.size()), hint.data(), hint.empty() ? "" : ")");
    return exit_code;
}

int session::refused(std::string_view command, std::string_view why) {
    std::fflush(stdout);
    std::fprintf(stderr, "benchfs-cli: %.*s: %.*s\n", static_cast<int>(command.size()), command.data(),
                 static_cast<int>(why.size()), why.data());
    return exit_failed;
}

std::string session::describe_server(std::uint32_t id) const {
    const std::uint32_t count = mounted_->fs().servers();
    std::string text = "server " + std::to_string(id) + " of " + std::to_string(count);
    if (options_.embedded) { return text + " (embedded)"; }
    const std::string file =
        options_.client.registry_dir + "/" + cluster::address_file_name(static_cast<server_id>(id), count);
    return text + " (registered in " + file + ")";
}

void session::name_dead_servers() {
    if (!mounted_ || options_.embedded) { return; }
    std::vector<errc> answers(mounted_->fs().servers(), errc::timed_out);
    (void)mounted_->run(ping_all(mounted_->fs(), answers));
    for (std::uint32_t i = 0; i < answers.size(); ++i) {
        if (answers[i] == errc::ok) { continue; }
        const std::string_view text = message(answers[i]);
        std::fprintf(stderr, "benchfs-cli: %s does not answer: %.*s\n", describe_server(i).c_str(),
                     static_cast<int>(text.size()), text.data());
    }
}

} // namespace benchfs::cli
