// put, get, cp: into the file system, out of it, and inside it.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "progress.hpp"
#include "session.hpp"
#include "transfer.hpp"
#include "walk.hpp"

#include "benchfs/base/path.hpp"

#include <cstdio>
#include <filesystem>

namespace benchfs::cli {
namespace {

struct copy_options {
    transfer_options how;
    bool recursive = true;
    bool follow = false;
    bool exact = false; // the target is the new name, also if it is a directory
    bool verbose = false;
    bool json = false;
    bool from_here = false; // the source is on this machine
    bool to_here = false;
    std::vector<std::string> sources;
    std::string target;
};

/// One run of a command: from its words to the last line.
class copying {
public:
    copying(session& s, file_system& fs, std::string_view command, const copy_options& options)
        : session_(s),
          command_(command),
          options_(options),
          from_(options.from_here ? local_place(options.follow) : mounted_place(fs)),
          to_(options.to_here ? local_place(false) : mounted_place(fs)),
          // What the target is must be seen through symlinks.
          target_view_(options.to_here ? local_place(true) : mounted_place(fs)),
          transfer_(
              *from_, *to_, options.how,
              [this](const std::string& path, errc error, std::string_view hint) { fault(path, error, hint); },
              [this](const item& source, const std::string& target) { complete(source, target); }),
          bar_(transfer_.counts(), !options.json && !options.verbose) {}

    void tick() { bar_.tick(); }
    [[nodiscard]] task<int> run();

private:
    [[nodiscard]] std::string at(const std::string& word, bool here) const {
        return here ? word : session_.resolve(word);
    }
    [[nodiscard]] std::string name_for(const std::string& source) const;
    [[nodiscard]] task<status> add(std::string source, bool into);
    [[nodiscard]] task<bool> is_earlier_copy();
    void fault(const std::string& path, errc error, std::string_view hint) {
        bar_.clear();
        code_ = std::max(code_, session_.failed(command_, path, error, hint));
    }
    void complete(const item& source, const std::string& target) const {
        if (!options_.verbose) { return; }
        std::printf("%s -> %s  %s%s\n", printable(source.path).c_str(), printable(target).c_str(),
                    long_size(source.size).c_str(), options_.how.verify ? "  verified" : "");
    }
    void summary(bool stopped);

    session& session_;
    std::string_view command_;
    const copy_options& options_;
    std::unique_ptr<place> from_;
    std::unique_ptr<place> to_;
    std::unique_ptr<place> target_view_;
    transfer transfer_;
    progress bar_;
    int code_ = exit_ok;
};

/// The name that a source gets inside a target directory; "." for what stands for a directory's contents.
std::string copying::name_for(const std::string& source) const {
    const std::string_view name = base_name(source);
    if (name == "/") { return "."; }
    if (name != "..") { return std::string(name); }
    const std::string whole = std::filesystem::path(at(source, options_.from_here)).lexically_normal().string();
    return options_.from_here
               ? std::filesystem::absolute(source).lexically_normal().parent_path().filename().string()
               : std::string(base_name(whole));
}

task<status> copying::add(std::string source, bool into) {
    const std::string from = at(source, options_.from_here);
    std::string to = at(options_.target, options_.to_here);
    if (into) { to = join(to, name_for(source)); }
    const bool same_place = options_.from_here == options_.to_here;
    const auto from_path = path::parse(from);
    const auto to_path = path::parse(to);
    if (same_place && from_path && to_path && *from_path == *to_path) {
        fault(source, errc::invalid_argument, "source and target are the same");
        co_return ok();
    }
    const auto there = co_await from_->look(from);
    if (!there) {
        fault(source, there.error(), "");
        co_return ok();
    }
    if (there->kind == item_kind::directory && !options_.recursive) {
        fault(source, errc::is_a_directory, "");
        co_return ok();
    }
    const status added = co_await transfer_.add(from, to);
    if (!added) { fault(source, added.error(), ""); }
    co_return added.error() == errc::cancelled ? added : ok();
}

/// Whether the target directory is what a stopped run of this command made, and not a directory to copy into:
/// all that is in it is in the source too, and the source's name is not.
task<bool> copying::is_earlier_copy() {
    const std::string source = at(options_.sources.front(), options_.from_here);
    const std::string target = at(options_.target, options_.to_here);
    const auto root = co_await from_->look(source);
    if (!root || root->kind != item_kind::directory) { co_return false; }
    const auto inside = co_await to_->look(join(target, name_for(options_.sources.front())));
    if (inside) { co_return false; }
    const auto there = co_await to_->scan(target);
    if (!there) { co_return false; }
    for (const item& one : *there) {
        if (one.rest.empty() || one.rest.find('/') != std::string::npos) { continue; }
        const auto same = co_await from_->look(join(source, one.rest));
        if (!same) { co_return false; }
    }
    co_return true;
}

task<int> copying::run() {
    const auto there = co_await target_view_->look(at(options_.target, options_.to_here));
    bool into = there && there->kind == item_kind::directory && !options_.exact;
    if (into && options_.how.resume && options_.sources.size() == 1) {
        const bool earlier = co_await is_earlier_copy();
        into = !earlier;
    }
    if (!there && there.error() != errc::not_found) {
        fault(options_.target, there.error(), "");
        co_return code_;
    }
    if (options_.sources.size() > 1 && !into) {
        fault(options_.target, there ? errc::not_a_directory : errc::not_found,
              "several sources need a directory to go into");
        co_return code_;
    }
    status done;
    for (const std::string& source : options_.sources) {
        done = co_await add(source, into);
        if (!done) { break; }
    }
    if (done) { done = co_await transfer_.run(); }
    bar_.clear();
    if (!done && exit_code_of(done.error()) == exit_interrupted) { code_ = exit_interrupted; }
    summary(!done);
    co_return code_;
}

void copying::summary(bool stopped) {
    const transfer_counts& c = transfer_.counts();
    const double seconds = bar_.seconds();
    if (options_.json) {
        json_object o;
        o.add("files", c.files).add("files_done", c.files_done).add("bytes", c.bytes);
        o.add("bytes_sent", c.bytes_sent).add("bytes_kept", c.bytes_kept).add("directories", c.directories);
        o.add("symlinks", c.symlinks).add("failed", c.failed).add("verified", options_.how.verify);
        o.add("complete", !stopped && code_ == exit_ok).add("seconds", seconds);
        std::puts(o.text().c_str());
        return;
    }
    if (stopped) {
        std::fprintf(
            stderr,
            "benchfs-cli: %.*s: stopped: %llu of %llu files are complete, %s of %s are there; the same "
            "command with --resume sends only the rest\n",
            static_cast<int>(command_.size()), command_.data(), static_cast<unsigned long long>(c.files_done),
            static_cast<unsigned long long>(c.files), long_size(c.bytes_done).c_str(),
            long_size(c.bytes).c_str());
        return;
    }
    if (!options_.verbose && !session_.options().interactive) { return; }
    const double rate = seconds > 0 ? static_cast<double>(c.bytes_sent) / seconds : 0;
    std::printf("%llu files, %s in %.2f s (%s/s)%s", static_cast<unsigned long long>(c.files_done),
                long_size(c.bytes_done).c_str(), seconds, long_size(static_cast<std::uint64_t>(rate)).c_str(),
                options_.how.verify ? ", verified" : "");
    if (c.bytes_kept != 0) { std::printf(", %s were there already", long_size(c.bytes_kept).c_str()); }
    std::puts("");
}

int copy(session& s, const command& self, const std::vector<std::string>& words) {
    copy_options options;
    options.json = s.json();
    options.from_here = self.name == "put";
    options.to_here = self.name == "get";
    const bool inside = self.name == "cp";
    bool no_verify = false;
    std::vector<std::string> paths;
    std::uint64_t parallel = options.how.files_at_once;
    arguments a(self);
    if (inside) {
        options.recursive = false;
        a.flag("-r,--recursive", options.recursive, "directories with all below them");
    }
    if (options.from_here) { a.flag("-L,--dereference", options.follow, "copy what symlinks point to"); }
    a.flag("-v,--verbose", options.verbose, "a line for each file, and one for all");
    a.flag("-T,--no-target-directory", options.exact,
           "the target is the new name, not a directory to copy into");
    a.flag("--resume", options.how.resume, "keep what an earlier, stopped run has brought there");
    a.flag("--no-verify", no_verify,
           "leave out reading back what the servers do not check on its way themselves");
    a.flag("--read-back", options.how.read_back, "read back and compare all that was written");
    a.number("-j,--parallel", parallel, "how many files at once [8]");
    a.flag("--json", options.json, "the counts as a JSON object");
    a.words("path", paths, "what to copy, and at the end the new name or a directory");
    if (const auto code = a.parse(words)) { return *code; }
    options.how.verify = !no_verify;
    if (parallel < 1 || parallel > 256) {
        s.refused(self.name, "--parallel takes 1 to 256");
        return exit_usage;
    }
    options.how.files_at_once = parallel;
    if (paths.size() == 1 && !inside) { paths.emplace_back("."); }
    if (paths.size() < 2) {
        s.refused(self.name, "needs at least two names: what to copy, and where to");
        return exit_usage;
    }
    options.target = std::move(paths.back());
    paths.pop_back();
    options.sources = std::move(paths);
    std::unique_ptr<copying> one;
    const auto start = [&](file_system& fs) {
        one = std::make_unique<copying>(s, fs, self.name, options);
        return one->run();
    };
    return s.run(start, [&] { one->tick(); });
}

} // namespace

std::span<const command> copy_commands() {
    static const command all[] = {
        {"put", "copy files and trees from this machine into the file system", "put ./input /run", "copy",
         copy},
        {"get", "copy files and trees from the file system to this machine", "get /run/output .", "copy", copy},
        {"cp", "copy inside the file system", "cp -r /run/a /run/b", "copy", copy},
    };
    return all;
}

} // namespace benchfs::cli
