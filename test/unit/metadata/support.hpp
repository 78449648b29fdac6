// What the namespace tests share: a namespace on a fixed clock, short calls, and listings as vectors.
#pragma once

#include "benchfs/metadata/name_space.hpp"
#include "catch.hpp"

#include <string>
#include <vector>

namespace benchfs::metadata {

inline name_space_options small_options() {
    name_space_options options;
    options.now_ns = 1000;
    return options;
}

inline constexpr open_flags plain{};
inline constexpr open_flags creating{true, false, false};
inline constexpr open_flags exclusively{true, true, false};
inline constexpr open_flags truncating{false, false, true};

struct listed {
    std::string name;
    file_id id;
    file_type type = file_type::none;
    attributes attr;
};

/// Takes up to `room` entries.
class collector final : public entry_visitor {
public:
    explicit collector(std::size_t room) : room_(room) {}
    bool visit(const directory_entry& entry) override {
        if (entries.size() == room_) { return false; }
        REQUIRE(entry.attr != nullptr);
        entries.push_back({std::string(entry.name), entry.id, entry.type, *entry.attr});
        return true;
    }
    std::vector<listed> entries;

private:
    std::size_t room_;
};

/// The whole directory, a page at a time.
inline std::vector<listed> list_all(const name_space& names, file_id id, std::size_t page = 7) {
    std::vector<listed> out;
    for (;;) {
        collector taken(page);
        const auto complete = names.readdir(id, out.empty() ? std::string() : out.back().name, taken);
        REQUIRE(complete);
        out.insert(out.end(), taken.entries.begin(), taken.entries.end());
        if (*complete) { return out; }
        REQUIRE(taken.entries.size() == page);
    }
}

template <class T>
errc error_of(const result<T>& r) {
    return r.error();
}

struct fixture {
    null_change_sink nowhere;
    name_space names{small_options(), nowhere};

    file_id file(file_id parent, std::string_view name) {
        new_inode how;
        how.now_ns = 2000;
        const auto made = names.open(parent, name, exclusively, how);
        REQUIRE(made);
        REQUIRE(made->created);
        return made->attr.id;
    }
    file_id dir(file_id parent, std::string_view name) {
        new_inode how;
        how.mode = 0755;
        how.now_ns = 2000;
        const auto made = names.mkdir(parent, name, how);
        REQUIRE(made);
        return made->id;
    }
};

} // namespace benchfs::metadata
