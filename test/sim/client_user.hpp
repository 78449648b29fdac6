// A client of a run: one random operation after the other. Every answer goes to a model.
#pragma once

#include "workload.hpp"

#include <array>
#include <optional>

namespace benchfs::sim {

/// What an error says about whether the change happened.
[[nodiscard]] fate fate_of(errc e) noexcept;
/// Errors that a client of a healthy cluster may get, whatever its network does.
[[nodiscard]] bool expected(errc e) noexcept;
/// Answers that only symbolic links give, and moves of directories.
[[nodiscard]] bool of_links(errc e) noexcept;

class user {
public:
    user(scenario& s, unsigned number) noexcept : s_(s), number_(number) {}

    [[nodiscard]] runtime::task<status> work();

private:
    template <typename T>
    using task = runtime::task<T>;

    [[nodiscard]] file_system& fs() noexcept { return s_.servers.fs(number_); }
    [[nodiscard]] prng& random() noexcept { return s_.w.random(); }
    [[nodiscard]] task<void> one();
    [[nodiscard]] task<void> change_directories();
    void wrong(const std::string& what, std::uint32_t op, const std::string& why);
    void count(errc e);

    // ---- Names (client_names.cpp) ----

    [[nodiscard]] std::size_t some_path(bool any);
    [[nodiscard]] std::size_t some_directory();
    /// Before a change of this name: with what is in it, if it is a directory.
    void touch(std::size_t p);
    /// A name operation's answer goes to the model.
    void judge(std::uint32_t op, const std::string& what, bool changes, errc e, std::uint64_t id,
               bool follows = false);
    [[nodiscard]] task<void> open(bool exclusive);
    [[nodiscard]] task<void> look();
    /// Makes, reads, follows or removes a symbolic link. What it points to may be missing, or itself.
    [[nodiscard]] task<void> use_link();
    [[nodiscard]] task<void> make_link(std::size_t p);
    [[nodiscard]] task<void> read_link(std::size_t p);
    [[nodiscard]] task<void> look_through(std::size_t p, std::uint64_t other, std::string text);
    [[nodiscard]] task<void> open_through(std::size_t p, std::uint64_t other, std::string text);
    [[nodiscard]] task<void> remove(std::size_t p);
    [[nodiscard]] task<void> make_directory();
    [[nodiscard]] task<void> remove_directory();
    /// To where all that is in it has a name, or into itself, which must be refused.
    [[nodiscard]] task<void> move_directory();
    [[nodiscard]] task<void> move(std::size_t from, std::size_t to);

    // ---- Bytes (client_data.cpp) ----

    void touch(file_id id) {
        if (s_.touched) { s_.touched->files.insert(id.value); }
    }
    /// A handle that was opened before, or none.
    [[nodiscard]] std::optional<file> some_handle();
    void drop_handle(file_id id);
    /// False if the operation need not be looked at any further.
    bool judge_handle(std::uint32_t op, const std::string& what, file_id id, errc e);
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> some_range();
    [[nodiscard]] task<void> write();
    [[nodiscard]] task<void> read();
    [[nodiscard]] task<void> cut();
    [[nodiscard]] task<void> measure();
    [[nodiscard]] task<void> sync();

    // ---- Records at the end of a file (client_appends.cpp) ----

    /// A handle of that log, made if need be.
    [[nodiscard]] task<result<file>> some_log(std::size_t log);
    [[nodiscard]] task<void> append();
    [[nodiscard]] task<void> read_log();

    scenario& s_;
    unsigned number_;
    std::map<std::size_t, file> handles_;
    std::array<std::optional<file>, log_files> logs_;
    std::uint64_t losses_heard_ = 0;
};

} // namespace benchfs::sim
