#include "benchfs/client/file_system.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

/// Where a page goes: a buffer of ours, as much of it as the reply has.
class page_target final : public rpc::payload_target {
public:
    explicit page_target(byte_span room) noexcept : room_(room) {}
    bool place(const_byte_span, std::size_t size, segments& out) noexcept override {
        size_ = size;
        out.push(room_.first(size));
        return size <= room_.size();
    }
    [[nodiscard]] const_byte_span page() const noexcept { return room_.first(size_); }

private:
    byte_span room_;
    std::size_t size_ = 0;
};

/// Takes a page apart; false if it is not what a server sends.
[[nodiscard]] bool take_entries(const_byte_span page, std::uint32_t count, std::vector<directory_entry>& into) {
    for (std::uint32_t i = 0; i < count; ++i) {
        rpc::wire_entry wire;
        if (!load(page, wire)) { return false; }
        page = page.subspan(sizeof(wire));
        const std::size_t room = (std::size_t{wire.name_size} + 7) / 8 * 8;
        if (wire.name_size == 0 || wire.name_size > rpc::name_max || page.size() < room) { return false; }
        const std::string_view name(reinterpret_cast<const char*>(page.data()), wire.name_size);
        if (!validate_name(name)) { return false; }
        into.push_back({std::string(name), from_wire(wire.attributes)});
        page = page.subspan(room);
    }
    return page.empty();
}

} // namespace

/// One directory's entries on one server, page after page.
static task<status> list_server(rpc::client& client, server_id server, file_id id,
                                std::vector<directory_entry>& into) {
    const auto memory = std::make_unique<std::byte[]>(rpc::readdir::page_max);
    std::string after;
    while (true) {
        page_target target({memory.get(), rpc::readdir::page_max});
        rpc::readdir::request request;
        request.id = id.value;
        request.page_bytes = rpc::readdir::page_max;
        rpc::call_extra extra;
        extra.tail = std::as_bytes(std::span(after.data(), after.size()));
        extra.target = &target;
        extra.reply_payload_max = rpc::readdir::page_max;
        BFS_CO_TRY(const rpc::readdir::reply answer,
                   co_await client.call<rpc::readdir>(server, request, extra));
        if (!take_entries(target.page(), answer.entries, into)) { co_return errc::bad_frame; }
        if (answer.more == 0) { co_return ok(); }
        if (answer.entries == 0) { co_return errc::bad_frame; } // it would never end
        after = into.back().name;
    }
}

task<result<std::vector<directory_entry>>> file_system::readdir(std::string path_text) {
    BFS_CO_TRY(const attributes directory, co_await stat(std::move(path_text)));
    if (!directory.is_directory()) { co_return errc::not_a_directory; }
    std::vector<directory_entry> all;
    for (std::uint32_t i = 0; i < placement_.servers(); ++i) {
        BFS_CO_CHECK(co_await list_server(client_, static_cast<server_id>(i), directory.id, all));
    }
    std::sort(all.begin(), all.end(),
              [](const directory_entry& a, const directory_entry& b) { return a.name < b.name; });
    co_return std::move(all);
}

} // namespace benchfs
