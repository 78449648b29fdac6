// What this server knows of the directories of the cluster, and which of them are being changed.
//
// Server 0 orders all changes (directory_log.hpp); the others learn them when they meet a directory that they
// do not know. A server that was restarted asks for all of them before it answers anything about names: it may
// have missed a removal, or have been asked to freeze a directory just before it died.
#pragma once

#include "benchfs/server/services.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace benchfs::server {

class directories {
public:
    explicit directories(service_state& state);
    directories(const directories&) = delete;
    directories& operator=(const directories&) = delete;

    /// What somebody wants with a directory.
    enum class use : std::uint8_t { walk, insert };

    /// Whether check() would be ok, at the price of a few comparisons; false says nothing.
    [[nodiscard]] bool quiet(file_id parent, std::uint64_t paths) const noexcept {
        const bool same = paths == paths_ || paths == rpc::named_request::no_path;
        if (!joined_ || !frozen_.empty() || !same) { return false; }
        return state_.names.knows_directory(parent);
    }
    /// Whether a request about a name in this directory may be answered now. stale_epoch: paths have changed
    /// since `paths`; stale_handle: not known here, and not at all if this is server 0; try_again: see ready(),
    /// or server 0 has lost it, perhaps.
    [[nodiscard]] status check(file_id parent, std::uint64_t paths, use u) const noexcept;
    /// The same, after asking server 0 and waiting for changes under way as far as that takes. try_again after
    /// a few seconds, no_server if server 0 cannot be asked. ok holds until the caller suspends.
    [[nodiscard]] runtime::task<status> ready(file_id parent, std::uint64_t paths, use u);

    /// The number of the last change that made paths mean something else.
    [[nodiscard]] std::uint64_t paths() const noexcept { return paths_; }
    void set_paths(std::uint64_t number);

    /// A change begins. See rpc::freeze.
    rpc::freeze::reply freeze(const rpc::wire_freeze& what);
    /// On server 0: the change has ended.
    void thaw(std::uint64_t change) noexcept { frozen_.erase(change); }
    [[nodiscard]] const std::map<std::uint64_t, rpc::wire_freeze>& frozen() const noexcept { return frozen_; }

    /// Brings this server up to date; nothing to do on server 0.
    [[nodiscard]] runtime::task<status> fetch();
    /// Goes on until the first fetch() has worked. For the background, after a start.
    [[nodiscard]] static runtime::task<status> join(directories& self);
    [[nodiscard]] bool joined() const noexcept { return joined_; }
    /// Whether server 0 has lost directories that live here and does not take them back yet.
    [[nodiscard]] bool untold() const noexcept { return untold_ != 0; }
    /// Whether this server, which is not server 0, has lost something, names of directories too perhaps, and
    /// has not told server 0 yet in which parents those are that it has.
    [[nodiscard]] bool lost_names() const noexcept;
    /// A name of a directory that is here.
    struct naming {
        file_id id;
        file_id parent;
        std::string name;
    };
    /// Tells server 0, should it have lost that, in which directories these lie. In the background.
    void tell_names(std::vector<naming> some);

private:
    struct page;
    using parents = std::unordered_map<file_id, file_id>;
    [[nodiscard]] runtime::task<status> fetch_pages();
    [[nodiscard]] runtime::task<status> fetch_page(std::uint64_t cursor, page& into);
    [[nodiscard]] runtime::task<status> follow(std::uint64_t paths);
    void apply(const rpc::wire_directory& entry);
    void take_freezes(const page& from);
    [[nodiscard]] static runtime::task<status> watch_freezes(directories& self);
    // directory_compare.cpp
    [[nodiscard]] runtime::task<status> compare_all(parents there);
    [[nodiscard]] runtime::task<status> compare_names(parents there);
    [[nodiscard]] static runtime::task<status> tell_names_later(directories& self, std::vector<naming> left);
    using orphans = std::vector<std::pair<file_id, file_id>>; // directories with their parents
    [[nodiscard]] bool lives_here(file_id id) const noexcept;
    [[nodiscard]] bool holds_name_in(file_id id) const noexcept;
    void look_again();
    [[nodiscard]] static runtime::task<status> compare_again(directories& self);
    [[nodiscard]] static runtime::task<status> tell_later(directories& self, orphans left);

    service_state& state_;
    bool joined_;
    std::uint32_t untold_ = 0;      // tell_later()s and tell_names() that go on
    bool some_come_back_ = false;   // what server 0 does not know may be there all the same
    bool lost_ = false;             // server 0 has lost something: parents, too, perhaps
    std::uint64_t incarnation_ = 0; // of its log
    std::uint64_t position_ = 0;
    std::uint64_t paths_ = 0;
    std::uint64_t seen_ = 0;                           // the highest number that somebody walked after
    std::map<std::uint64_t, rpc::wire_freeze> frozen_; // by change
    bool watching_ = false;
    bool comparing_again_ = false;
    runtime::mutex fetching_;
    std::uint64_t begun_ = 0;
    std::uint64_t done_ = 0; // the last of `begun_` that ended well
};

} // namespace benchfs::server
