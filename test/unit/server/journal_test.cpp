// What the journal keeps across restarts when a checkpoint comes at an awkward time.
#include "../storage/wal_rig.hpp"

#include "benchfs/rpc/methods.hpp"
#include "benchfs/server/journal.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/loopback/transport.hpp"

#include "catch.hpp"

#include <cstring>

using namespace benchfs;
using namespace benchfs::server;

namespace {

class no_changes final : public metadata::change_sink {
public:
    void inode_set(const metadata::attributes&) override {}
    void inode_removed(file_id) override {}
    void dentry_set(file_id, std::string_view, file_id, metadata::file_type) override {}
    void dentry_removed(file_id, std::string_view) override {}
    void directory_set(file_id, file_id) override {}
    void directory_removed(file_id) override {}
    void ids_reserved(std::uint64_t) override {}
};

/// A server's journal between two restarts; only what it needs of the server around it.
struct started {
    explicit started(storage::wal_rig& on) : rig(on) {
        journal.recover_into(names, notes, 2);
        rig.open(&journal);
        journal.begin(*rig.store->log());
    }
    started(const started&) = delete;
    started& operator=(const started&) = delete;
    ~started() {
        rig.loop.run(server.stop());
        rig.crash(); // nothing more is written, as by kill -9
    }

    storage::wal_rig& rig;
    metadata::name_space_options options;
    no_changes nothing;
    metadata::name_space names{options, nothing};
    note_table notes;
    server::journal journal;
    transport::loopback_network network;
    transport::loopback_transport wire{rig.loop, network};
    rpc::server server{rig.loop, wire, {}, {}};
};

constexpr std::uint64_t clients = 300; // more than a slice of a checkpoint takes
constexpr std::uint64_t sequence = 5;

void keep_replies(storage::wal_rig& rig) {
    started in(rig);
    in.journal.attach(in.server);
    for (std::uint64_t id = 1; id <= clients; ++id) {
        rpc::session* s = in.server.session_list().open(id);
        REQUIRE(s != nullptr);
        s->generation = 3;
        s->incarnation = 9;
        s->keep_for = std::chrono::seconds(60);
        in.journal.session_begun(*s);
        std::array<std::byte, sizeof(rpc::frame) + 8> reply{};
        reply.back() = static_cast<std::byte>(id % 251);
        in.journal.replied(id, sequence, rpc::mkdir::info, reply);
    }
    REQUIRE(in.journal.write());
}

void require_reply(started& in, std::uint64_t id) {
    rpc::session* s = in.server.session_list().find(id);
    REQUIRE(s != nullptr);
    REQUIRE(s->generation == 3);
    REQUIRE(s->incarnation == 9);
    REQUIRE(s->keep_for == std::chrono::seconds(60));
    const rpc::session::entry& kept = s->at(sequence);
    REQUIRE(kept.sequence == sequence);
    REQUIRE(kept.method == rpc::mkdir::info.id);
    REQUIRE(kept.size == sizeof(rpc::frame) + 8);
    REQUIRE(kept.reply[kept.size - 1] == static_cast<std::byte>(id % 251));
}

/// After another start: every client's reply is there, but those of the sessions that ended.
void require_kept(storage::wal_rig& rig, std::uint64_t ended) {
    started in(rig);
    in.journal.attach(in.server);
    for (std::uint64_t id = 1; id <= clients; ++id) {
        if (id <= ended) {
            REQUIRE(in.server.session_list().find(id) == nullptr);
        } else {
            require_reply(in, id);
        }
    }
}

constexpr std::uint64_t ending = 20;

runtime::task<void> attach_beside_checkpoint(started& in, duration after) {
    runtime::call_context context{&in.rig.loop, time_point::max(), nullptr};
    runtime::task_scope scope(context);
    scope.spawn(in.rig.store->log()->checkpoint());
    (void)co_await runtime::sleep_for(after);
    in.journal.attach(in.server);
    for (std::uint64_t id = 1; id <= ending; ++id) {
        in.server.session_list().close(id);
        in.journal.session_ended(id);
    }
    (void)in.journal.write();
    (void)co_await scope.join();
}

} // namespace

TEST_CASE("a checkpoint before the journal knows the sessions keeps their replies", "[journal]") {
    storage::wal_rig rig;
    keep_replies(rig);
    {
        // A start that finishes what the last one began waits for the disk: a checkpoint may run meanwhile.
        started second(rig);
        REQUIRE(rig.loop.run(rig.store->log()->checkpoint()));
    }
    require_kept(rig, 0);
}

TEST_CASE("sessions may be brought back, and end, while a checkpoint writes them", "[journal]") {
    const auto after = std::chrono::milliseconds(GENERATE(0, 2, 6, 10, 14, 18, 30));
    storage::wal_rig rig;
    keep_replies(rig);
    {
        started second(rig);
        rig.loop.run(attach_beside_checkpoint(second, after));
        REQUIRE(rig.store->log()->stats().checkpoints == 1);
    }
    require_kept(rig, ending);
}

TEST_CASE("what a log without room does not take is late and not refused", "[journal]") {
    storage::wal_rig rig;
    const auto move = [](std::uint64_t number) { return file_id::make(server_id{0}, number).value; };
    std::uint64_t newest = 0;
    {
        started in(rig);
        // The log gets files while the loop turns, which it does not here.
        status written;
        while (written && newest < 10'000'000) {
            in.notes.set(note_kind::moved, move(++newest), newest);
            written = in.journal.write();
        }
        REQUIRE(written.error() == errc::outcome_unknown);
        REQUIRE(in.journal.pending());
        for (int waits = 0; !in.journal.write(); ++waits) {
            REQUIRE(waits < 1000);
            REQUIRE(rig.loop.run(storage::nap(1)));
        }
    }
    started again(rig);
    for (std::uint64_t n = 1; n <= newest; ++n) { REQUIRE(again.notes.has(note_kind::moved, move(n))); }
}
