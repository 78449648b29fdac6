// Walking paths: from a path's text to the directory that its last name is in, and through symbolic links.
#include "benchfs/client/file_system.hpp"
#include "benchfs/rpc/page_target.hpp"

namespace benchfs {
namespace {

using runtime::task;

// Directories whose ids are remembered; beyond this the cache starts over.
constexpr std::size_t directories_max = 65536;

} // namespace

task<result<file_system::place>> file_system::locate(const path& p) {
    place at;
    at.parent = root_id;
    at.paths = rpc::named_request::no_path;
    if (p.is_root()) { co_return at; }
    at.name = std::string(p.name());
    if (p.depth() == 1) { co_return at; }
    at.paths = paths_;
    path directory = p.parent();
    std::string walked; // up to here, without symbolic links
    std::size_t i = 0;
    for (int links = 0, looks = 0; links <= links_max;) {
        at.directory = directory.str();
        if (const auto known = directories_.find(at.directory); i == 0 && known != directories_.end()) {
            at.parent = known->second;
            at.cached = true;
            co_return at;
        }
        if (i == directory.depth()) {
            if (directories_.size() >= directories_max) { directories_.clear(); }
            if (at.paths == paths_) { directories_.insert_or_assign(at.directory, at.parent); }
            co_return at;
        }
        const std::string step(directory.component(i));
        rpc::call_extra extra;
        extra.tail = std::as_bytes(std::span(step));
        const server_id server = cluster::place_name(placement_, at.parent, step);
        const rpc::named_request request{at.parent.value, settings_.uid, settings_.gid, at.paths};
        const result<rpc::wire_attributes> answer = co_await client_.call<rpc::lookup>(server, request, extra);
        bool again = false;
        if (!answer && answer.error() == errc::stale_epoch) {
            task<status> learning = learn_paths(server);
            BFS_CO_CHECK(co_await std::move(learning));
            at.paths = paths_;
            again = true;
        } else if (!answer) {
            co_return answer.error();
        } else if (from_wire(*answer).is_symlink()) {
            std::string rest;
            for (std::size_t r = i + 1; r < directory.depth(); ++r) {
                rest += '/';
                rest += directory.component(r);
            }
            task<status> resolving = resolve({answer->id}, walked, std::move(rest), directory, links, looks);
            BFS_CO_CHECK(co_await std::move(resolving));
            again = true;
        } else if (!from_wire(*answer).is_directory()) {
            co_return errc::not_a_directory;
        }
        if (again) { // from the beginning
            at.parent = root_id;
            walked.clear();
            i = 0;
        } else {
            at.parent = {answer->id};
            walked += '/';
            walked += step;
            ++i;
        }
    }
    co_return errc::too_many_symlinks;
}

task<result<attributes>> file_system::follow(path p) {
    const bool wants_directory = p.names_directory(); // also when a link stands for what it names
    for (int links = 0, looks = 0; links <= links_max;) {
        task<result<attributes>> looking = look_up(p);
        BFS_CO_TRY(const attributes found, co_await std::move(looking));
        if (!found.is_symlink()) {
            const bool may_be_file = !wants_directory && !p.names_directory();
            if (may_be_file || found.is_directory()) { co_return found; }
            co_return errc::not_a_directory;
        }
        BFS_CO_TRY(const place at, co_await locate(p)); // where the link lies, behind other links
        task<status> resolving = resolve(found.id, at.directory, {}, p, links, looks);
        BFS_CO_CHECK(co_await std::move(resolving));
    }
    co_return errc::too_many_symlinks;
}

task<status> file_system::resolve(file_id link, std::string directory, std::string rest, path& into, int& links,
                                  int& looks) {
    task<result<std::string>> asking = target_of(link);
    const result<std::string> target = co_await std::move(asking);
    // Its name means something else now, or nothing: the same path is walked again.
    if (!target && target.error() == errc::stale_handle) {
        co_return co_await look_again(looks, errc::not_found);
    }
    if (!target) { co_return target.error(); }
    std::string text = target->starts_with('/') ? *target : directory + "/" + *target;
    text += rest;
    BFS_CO_TRY(into, path::parse(text));
    ++links;
    co_return ok();
}

task<result<std::string>> file_system::target_of(file_id link) {
    std::string text(rpc::symlink::target_max, '\0');
    rpc::page_target target(std::as_writable_bytes(std::span(text)));
    rpc::call_extra extra;
    extra.target = &target;
    extra.reply_payload_max = rpc::symlink::target_max;
    const rpc::id_request request{link.value};
    BFS_CO_TRY(const rpc::readlink::reply answer,
               co_await client_.call<rpc::readlink>(link.home(), request, extra));
    if (answer.size != target.page().size()) { co_return errc::bad_frame; }
    text.resize(target.page().size());
    co_return std::move(text);
}

task<status> file_system::learn_paths(server_id server) {
    const rpc::id_request request{};
    BFS_CO_TRY(const rpc::path_version::reply now, co_await client_.call<rpc::path_version>(server, request));
    paths_ = std::max(paths_, now.version);
    directories_.clear();
    co_return ok();
}

void file_system::forget(const path& p) {
    const std::string prefix(p.str());
    std::erase_if(directories_, [&](const auto& item) {
        return item.first.compare(0, prefix.size(), prefix) == 0 &&
               (item.first.size() == prefix.size() || prefix == "/" || item.first[prefix.size()] == '/');
    });
}

} // namespace benchfs
