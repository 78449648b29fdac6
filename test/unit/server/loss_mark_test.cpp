// Which starts of a server count as losses.
#include "benchfs/server/loss_mark.hpp"

#include "catch.hpp"

using namespace benchfs;
using namespace benchfs::server;

namespace {

using cycle = std::array<std::uint64_t, 2>;
constexpr cycle first_cycle{7, 1};
constexpr cycle second_cycle{8, 1};
constexpr cycle unknown_cycle{};

/// Counts what goes into the log.
class counting_sink final : public note_sink {
public:
    void note_set(note_kind, std::uint64_t, const_byte_span) override { ++count; }
    void note_removed(note_kind, std::uint64_t) override { ++count; }
    int count = 0;
};

} // namespace

TEST_CASE("a loss mark is kept over kills, and another one after a power loss") {
    note_table notes;
    counting_sink log;
    notes.set_sink(&log);
    REQUIRE(loss_mark::take_up(notes, first_cycle, 100).mark == 100); // a new store
    REQUIRE(log.count == 1);
    REQUIRE(loss_mark::take_up(notes, first_cycle, 101).mark == 100); // killed
    REQUIRE(log.count == 1);
    REQUIRE(loss_mark::take_up(notes, second_cycle, 102).mark == 102);
    REQUIRE(loss_mark::take_up(notes, second_cycle, 103).mark == 102); // killed after that
    REQUIRE(loss_mark::take_up(notes, first_cycle, 104).mark == 104);
    REQUIRE(log.count == 3);
}

TEST_CASE("a start says whether anything may be lost") {
    note_table notes;
    REQUIRE(loss_mark::missing(notes));
    REQUIRE(loss_mark::take_up(notes, first_cycle, 100).lost); // whatever an older release left
    REQUIRE_FALSE(loss_mark::missing(notes));
    REQUIRE_FALSE(loss_mark::take_up(notes, first_cycle, 101).lost); // killed
    REQUIRE(loss_mark::take_up(notes, second_cycle, 102).lost);
    loss_mark::stopped(notes);
    REQUIRE_FALSE(loss_mark::take_up(notes, first_cycle, 103).lost);
}

TEST_CASE("a server that was stopped has lost nothing, whatever became of its machine") {
    note_table notes;
    REQUIRE(loss_mark::take_up(notes, first_cycle, 100).mark == 100);
    loss_mark::stopped(notes);
    REQUIRE(loss_mark::take_up(notes, first_cycle, 101).mark == 100);
    REQUIRE(loss_mark::take_up(notes, second_cycle, 102).mark == 102); // it ran again
    loss_mark::stopped(notes);
    REQUIRE(loss_mark::take_up(notes, first_cycle, 103).mark == 102);
    REQUIRE(loss_mark::take_up(notes, first_cycle, 104).mark == 102);
    REQUIRE(loss_mark::take_up(notes, second_cycle, 105).mark == 105);
}

TEST_CASE("where the power cycle is not known every start but one after a stop may have lost something") {
    note_table notes;
    REQUIRE(loss_mark::take_up(notes, unknown_cycle, 100).mark == 100);
    REQUIRE(loss_mark::take_up(notes, unknown_cycle, 101).mark == 101);
    loss_mark::stopped(notes);
    REQUIRE(loss_mark::take_up(notes, unknown_cycle, 102).mark == 101);
}
