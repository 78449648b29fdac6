// Names that this server keeps for directories on their way, until it hears how their moves ended.
//
// Who began a move says how it ended until that is confirmed. But power loss may have taken what it had not
// synced, and a question that was held up may arrive when its move is over. So a reservation that stays is
// asked about, and what nobody is going to settle is settled by what server 0 decided.
#pragma once

#include "benchfs/server/services.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace benchfs::server {

/// What is noted of one.
struct reservation {
    rpc::reserve_entry::request asked;
    std::string_view name; // in the bytes it was read from

    [[nodiscard]] static std::optional<reservation> parse(const_byte_span bytes);
};

class reservations {
public:
    explicit reservations(service_state& state) noexcept : state_(state) {}
    reservations(const reservations&) = delete;
    reservations& operator=(const reservations&) = delete;

    /// Holds the names that a log told of. Once, before the first request.
    void resume();

    /// See rpc::reserve_entry. The directory is ready.
    [[nodiscard]] result<file_id> keep(const rpc::reserve_entry::request& what, std::string_view name);
    /// Waits for the moves for which a name in this directory is kept now: what has moved may have lost its old
    /// name already, and is to be in a listing that begins now. try_again if one takes long.
    [[nodiscard]] runtime::task<status> settled_in(file_id directory);
    /// See rpc::settle_entry. ok for what is not reserved: a repeat.
    [[nodiscard]] status settle(std::uint64_t move, bool moved);
    /// The same for a move of another server. Who began it forgets it after this, and so does server 0: should
    /// power fail here then, the new name must be there, and everything was synced already, perhaps. One sync
    /// for each directory that was moved, in the background.
    [[nodiscard]] runtime::task<status> settle_for_good(std::uint64_t move, bool moved);

private:
    void watch_over();
    [[nodiscard]] static runtime::task<status> watch(reservations& self);
    [[nodiscard]] runtime::task<status> settle_forgotten(std::uint64_t move);
    [[nodiscard]] std::vector<std::uint64_t> moves() const;
    [[nodiscard]] std::vector<std::uint64_t> moves_into(file_id directory) const;

    service_state& state_;
    bool watching_ = false;
};

} // namespace benchfs::server
